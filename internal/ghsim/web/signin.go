package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// A signInView is the page on which somebody signs in with an App.
type signInView struct {
	App    string
	People []person
	Query  url.Values // of the App's request
}

// signIn lists all people. The simulator has checked the App's request.
func (p *Pages) signIn(r *http.Request) (view, error) {
	v := &signInView{Query: r.URL.Query()}
	p.sim.View(func(st *ghsim.State) {
		for _, a := range st.Apps {
			if a.ClientID == v.Query.Get("client_id") {
				v.App = a.Name
			}
		}
		for _, u := range st.Users {
			if u.Type == "User" && !u.Suspended {
				v.People = append(v.People, person{u.Login, aboutUser(st, u)})
			}
		}
	})
	// Whoever can do something comes first.
	slices.SortStableFunc(v.People, func(a, b person) int { return rank(a) - rank(b) })
	return view{Title: "Sign in to " + v.App, SignIn: v}, nil
}

// aboutUser says what somebody is in each organization.
func aboutUser(st *ghsim.State, u *ghsim.User) string {
	var roles []string
	for _, o := range st.Orgs {
		m := o.Member(u.Login)
		switch {
		case m == nil:
		case m.State != "active":
			roles = append(roles, "invited to "+o.Login)
		case about(o, m) == "":
			roles = append(roles, "member of "+o.Login)
		default:
			roles = append(roles, about(o, m))
		}
	}
	if len(roles) == 0 {
		return "in no organization"
	}
	return strings.Join(roles, "; ")
}

// link is the address of the same request with one more parameter.
func (v *signInView) link(name, value string) string {
	q := url.Values{name: {value}}
	for key, values := range v.Query {
		q[key] = values
	}
	return ghsim.AuthorizePath + "?" + q.Encode()
}

func (v *signInView) html() g.Node {
	return h.Main(h.Class("narrow"),
		h.H1(g.Text("Sign in to "+v.App)),
		h.P(h.Class("muted"), g.Text("This is a simulated GitHub, so nobody has a password. Choose who you are.")),
		g.Map(v.People, func(p person) g.Node {
			return h.A(h.Class("card link"), h.Href(v.link("login", p.Login)), h.B(g.Text(p.Login)), h.Small(g.Text(p.About)))
		}),
		h.P(h.A(h.Href(v.link("deny", "1")), g.Text("Cancel"))),
	)
}
