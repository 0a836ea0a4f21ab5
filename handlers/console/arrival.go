package console

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
)

const (
	// checksAfter is how long the page waits for a runner before it says what to check, and
	// endsAfter until it waits no more: the token has expired.
	checksAfter = 2 * time.Minute
	endsAfter   = time.Hour

	noConnection = "https://github.com/actions-runner-manager/actions-runner-manager/blob/main/docs/troubleshooting.md#a-new-runner-does-not-come-online"
)

// An arrival is a runner that the page waits for.
type arrival struct {
	after int64     // it is newer than the runner of this id
	name  string    // "": any
	since time.Time // when its lines were handed out
	job   bool      // it does one job and is gone then
}

// path returns the path of the page that shows whether the runner is there, or of its part.
func (a arrival) path(v *visit, part ...string) string {
	query := url.Values{"after": {strconv.FormatInt(a.after, 10)}, "since": {strconv.FormatInt(a.since.Unix(), 10)}}
	if a.name != "" {
		query.Set("name", a.name)
	}
	if a.job {
		query.Set(fieldKind, kindJob)
	}
	return link(v.org, v.team, append([]string{"add-runner"}, part...)...) + "?" + query.Encode()
}

// waitingFor reads what path wrote.
func (v *visit) waitingFor() arrival {
	query := v.r.URL.Query()
	a := arrival{name: query.Get("name"), job: query.Get(fieldKind) == kindJob}
	a.after, _ = strconv.ParseInt(query.Get("after"), 10, 64)
	since, _ := strconv.ParseInt(query.Get("since"), 10, 64)
	a.since = time.Unix(since, 0)
	return a
}

// find returns the runner that is waited for, one that is online first; nil: it is not there.
func (a arrival) find(runners []commands.ListedRunner) *commands.ListedRunner {
	var found *commands.ListedRunner
	for i, r := range runners {
		if r.ID > a.after && (a.name == "" || strings.EqualFold(r.Name, a.name)) && (found == nil || r.Status == "online") {
			found = &runners[i]
		}
	}
	return found
}

// showArrival is the page that shows whether the runner is there, for those without a script.
func (v *visit) showArrival() {
	runners, err := v.listRunners()
	if err != nil {
		v.fail(err)
		return
	}
	a := v.waitingFor()
	v.write(http.StatusOK, page{title: "Add a runner", body: []g.Node{
		a.part(v, runners), a.live(v, runners), liveState(),
		h.NoScript(h.P(h.A(h.Href(a.path(v)), g.Text("Check again")))),
		h.P(h.Class("actions"), h.A(h.Href(link(v.org, v.team, "add-runner")), g.Text("Add another")), h.A(h.Href(link(v.org, v.team)), g.Text("Back to the group"))),
	}})
}

// arrivalLive answers with the part of the page that waits.
func (v *visit) arrivalLive() {
	runners, err := v.listRunners()
	if err != nil {
		v.failPart(err)
		return
	}
	a := v.waitingFor()
	v.parts(a.part(v, runners), a.live(v, runners))
}

// live is what makes the page wait, as long as there is something to wait for.
func (a arrival) live(v *visit, runners []commands.ListedRunner) g.Node {
	found := a.find(runners)
	if found != nil && found.Status == "online" || v.now().Sub(a.since) > endsAfter || a.done(v, found) {
		return live("", arrivalEvery)
	}
	return live(a.path(v, "live"), arrivalEvery)
}

// done reports whether a runner for one job is gone again. It is there from the moment that its
// lines are, but another replica may not see it for some seconds.
func (a arrival) done(v *visit, found *commands.ListedRunner) bool {
	return a.job && found == nil && v.now().Sub(a.since) > 15*time.Second
}

// part says whether the runner is there.
func (a arrival) part(v *visit, runners []commands.ListedRunner) g.Node {
	found := a.find(runners)
	waited := v.now().Sub(a.since)
	box := func(class, title string, body ...g.Node) g.Node {
		return h.Section(h.ID("arrival"), h.Class(class), h.Data("say", title), g.Group(body))
	}
	name := "the runner"
	if a.name != "" {
		name = "runner " + a.name
	}
	switch {
	case found != nil && found.Status == "online":
		title := "Runner " + found.Name + " is online"
		return box("notice good", title, h.H2(h.Class("online"), g.Text(title)),
			h.P(g.Text("A job of a repository of the group runs on it with:")),
			h.Div(h.Class("copy"), h.Code(g.Text("runs-on: ["+strings.Join(found.Labels, ", ")+"]"))))
	case a.done(v, found):
		title := "Runner " + a.name + " is gone again"
		return box("notice", title, h.H2(g.Text(title)), h.P(g.Text("It did its job, or it was removed.")))
	case waited > endsAfter:
		return box("notice warn", "The runner did not come", h.H2(g.Text("The runner did not come")),
			h.P(g.Text("What you pasted has expired. Get new lines, and run them within an hour.")), checks())
	}
	title := "Waiting for " + name
	var note g.Node
	if found != nil && !a.job {
		title = "Runner " + found.Name + " is registered, but not online yet"
		note = h.P(g.Text("Start its service, or run "), h.Code(g.Text("./run.sh")), g.Text(" in its folder."))
	}
	if waited > checksAfter {
		note = g.Group{note, checks()}
	}
	return box("notice", title, h.H2(h.Class("waits"), g.Text(title)), note)
}

// checks says what to look at if a runner does not come.
func checks() g.Node {
	return g.Group{h.P(g.Text("It takes longer than usual. Look at the machine:")), h.Ul(
		h.Li(g.Text("Did every line end without an error? config.sh refuses to run as root.")),
		h.Li(g.Text("Does the machine reach github.com and *.actions.githubusercontent.com over HTTPS?")),
		h.Li(g.Text("What does the newest log in the folder _diag say?")),
	), h.P(external(noConnection, "More causes and remedies"))}
}
