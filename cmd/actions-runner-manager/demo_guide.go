package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/template"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// A cast is who and what of a scenario the demo speaks of.
type cast struct {
	org, adminRepo            string
	appID                     int64
	privateKey, webhookSecret string
	owners                    []string // teams for which a group of their name stands

	Issue      string // path of the issue to write on
	Team       string // one of owners, or any
	Maintainer person // maintains it
	Outsider   person // does not
	Repos      []string
}

// A person has a token.
type person struct{ Login, Token string }

// castOf finds in the scenario what the demo needs. People without a token get one,
// and so does the App its webhook secret.
func castOf(sim *ghsim.Server) (cast, error) {
	var c cast
	var err error
	sim.Update(func(st *ghsim.State) {
		if len(st.Apps) == 0 || len(st.Apps[0].Installations) == 0 {
			err = errors.New("the scenario has no App that is installed on an organization; add one under apps, with installations")
			return
		}
		for _, u := range st.Users {
			if u.Type == "User" && len(u.Tokens) == 0 {
				u.Tokens = append(u.Tokens, ghsim.Token{Value: randomToken()})
			}
		}
		app := st.Apps[0]
		if app.WebhookSecret == "" {
			app.WebhookSecret = randomToken()
		}
		c.appID, c.privateKey, c.webhookSecret = app.ID, app.PrivateKey(), app.WebhookSecret
		c.find(app.Installations[0].Org)
	})
	return c, err
}

// find chooses from the organization.
func (c *cast) find(org *ghsim.Org) {
	c.org = org.Login
	for _, t := range org.Teams {
		if g := org.Group(t.Slug); g != nil && !g.Default && !g.Inherited {
			c.owners = append(c.owners, t.Slug)
		}
	}
	for _, r := range org.Repos {
		if len(r.Issues) > 0 && (c.adminRepo == "" || r.Name == "runner-admin") {
			c.adminRepo = r.Name
			c.Issue = fmt.Sprintf("/%s/%s/issues/%d", org.Login, r.Name, r.Issues[0].Number)
		}
	}
	for _, t := range org.Teams {
		if len(c.owners) > 0 && t.Slug != c.owners[0] {
			continue
		}
		c.findPeople(org, t)
		if c.Maintainer.Login != "" {
			break
		}
	}
}

// findPeople chooses who acts for the team, who tries to, and with what.
func (c *cast) findPeople(org *ghsim.Org, t *ghsim.Team) {
	var in []string
	for _, m := range t.Members {
		in = append(in, m.User.Login)
		if m.Role == "maintainer" && m.State == "active" && c.Maintainer.Login == "" {
			c.Team, c.Maintainer = t.Slug, personOf(m.User)
		}
	}
	for _, m := range org.Members {
		if m.Role != "admin" && !slices.Contains(in, m.User.Login) {
			c.Outsider = personOf(m.User)
		}
	}
	for _, r := range org.Repos {
		if r.Private() && r.Name != c.adminRepo && t.Permissions[r.ID] == "admin" {
			c.Repos = append(c.Repos, r.Name)
		}
	}
}

func personOf(u *ghsim.User) person {
	if len(u.Tokens) == 0 {
		return person{Login: u.Login}
	}
	return person{Login: u.Login, Token: u.Tokens[0].Value}
}

// Some are the repositories that the comment attaches, More the one that curl does.
func (c cast) Some() string { return strings.Join(c.Repos[:min(2, len(c.Repos))], ",") }

// More is a repository that the comment does not attach, where there is one.
func (c cast) More() string {
	if len(c.Repos) == 0 {
		return ""
	}
	return c.Repos[len(c.Repos)-1]
}

const guideText = `
A simulated GitHub is at {{.GitHub}}, and the server at {{.Server}} (its reference: {{.Server}}/docs).
{{- if .Issue}}

1. Open this issue in a browser:

    {{.GitHub}}{{.Issue}}
{{- if .Maintainer.Login}}

   As {{.Maintainer.Login}}, who maintains the team {{.Team}}, write one of these as a comment, and watch for the answer:

{{- if .Some}}
    /runner-group repos-add {{.Some}}
{{- end}}
    /runner-group group-list
    /runner-group help
{{- end}}
{{- end}}
{{- if .Maintainer.Login}}

2. The same over REST, with {{.Maintainer.Login}}'s token. Who am I, and what does the group hold now?

    curl -H "Authorization: Bearer {{.Maintainer.Token}}" "{{.Server}}/api/v1/whoami"
    curl -H "Authorization: Bearer {{.Maintainer.Token}}" "{{.Server}}/api/v1/group-list?team={{.Team}}"
{{- if .More}}

   Attach one more repository, and look at the issue's group-list again:

    curl -X PATCH -H "Authorization: Bearer {{.Maintainer.Token}}" "{{.Server}}/api/v1/repos-add?team={{.Team}}&repos={{.More}}"
{{- end}}

   Get the configuration of one new runner, for this group alone:

    curl -X POST -H "Authorization: Bearer {{.Maintainer.Token}}" "{{.Server}}/api/v1/token-jit?team={{.Team}}&name=demo-runner"
{{- end}}
{{- if .Outsider.Token}}

3. {{.Outsider.Login}} does not maintain {{.Team}}, and is refused:

    curl -X PATCH -H "Authorization: Bearer {{.Outsider.Token}}" "{{.Server}}/api/v1/repos-add?team={{.Team}}&repos={{.Some}}"
{{- end}}

Ctrl-C ends the demo; nothing of it is kept.
`

// guide prints what to try.
func (c cast) guide(out io.Writer, github, server string) error {
	t, err := template.New("guide").Parse(guideText)
	if err != nil {
		return err
	}
	return t.Execute(out, struct {
		cast
		GitHub, Server string
	}{c, github, server})
}
