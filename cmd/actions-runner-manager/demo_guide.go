package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/handlers"
	"github.com/actions-runner-manager/actions-runner-manager/handlers/console"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim/web"
)

// A cast is who and what of a scenario the demo speaks of.
type cast struct {
	org, adminRepo            string
	appID                     int64
	privateKey, webhookSecret string
	clientID, clientSecret    string
	owners                    []string // teams for which a group of their name exists

	Issue      string // path of the issue to write on
	Team       string // one of owners, or any
	Maintainer person // maintains it
	Identity   string // file of the maintainer's private SSH key, if the demo made one
	Outsider   person // does not
	Owner      person // owns the organization
	Repos      []string
	Largest    team // that owns a group: the one with the most runners

	Config    string // the server's configuration file
	SetupLink string // if the demo begins without an App
	program   string // as one calls it
}

// A team owns a runner group, and has a maintainer.
type team struct {
	Slug       string
	Maintainer string // a login
	runners    int
}

// A person has a token.
type person struct{ Login, Token string }

// castOf finds in the scenario what the demo needs. People without a token get one,
// and so does the App its webhook secret; if setup is set there is no App yet.
func castOf(sim *ghsim.Server, setup bool) (cast, error) {
	var c cast
	var err error
	sim.Update(func(st *ghsim.State) {
		if !setup && (len(st.Apps) == 0 || len(st.Apps[0].Installations) == 0) {
			err = errors.New("the scenario has no App that is installed on an organization; add one under apps, with installations")
			return
		}
		for _, u := range st.Users {
			if u.Type == "User" && len(u.Tokens) == 0 {
				u.Tokens = append(u.Tokens, ghsim.Token{Value: randomToken()})
			}
		}
		if setup {
			if len(st.Orgs) == 0 {
				err = errors.New("the scenario has no organization; add one under organizations")
				return
			}
			c.find(st.Orgs[0])
			return
		}
		app := st.Apps[0]
		if app.WebhookSecret == "" {
			app.WebhookSecret = randomToken()
		}
		c.appID, c.privateKey, c.webhookSecret = app.ID, app.PrivateKey(), app.WebhookSecret
		c.clientID, c.clientSecret = app.ClientID, app.ClientSecret
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
			c.findLargest(org, t, g)
		}
	}
	for _, r := range org.Repos {
		if len(r.Issues) > 0 && (c.adminRepo == "" || r.Name == "runner-admin") {
			c.adminRepo = r.Name
			c.Issue = fmt.Sprintf("/%s/%s/issues/%d", org.Login, r.Name, r.Issues[0].Number)
		}
	}
	for _, m := range org.Members {
		if m.Role == "admin" && c.Owner.Login == "" {
			c.Owner = personOf(m.User)
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

// findLargest takes the team if its group has more runners than that of another.
func (c *cast) findLargest(org *ghsim.Org, t *ghsim.Team, group *ghsim.Group) {
	found := team{Slug: t.Slug}
	for _, r := range org.Runners {
		if r.GroupID == group.ID {
			found.runners++
		}
	}
	for _, m := range t.Members {
		if m.Role == "maintainer" && m.State == "active" && found.Maintainer == "" {
			found.Maintainer = m.User.Login
		}
	}
	if found.Maintainer != "" && (c.Largest.Slug == "" || found.runners > c.Largest.runners) {
		c.Largest = found
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
		if c.Outsider.Login == "" && m.Role != "admin" && !slices.Contains(in, m.User.Login) {
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

// some are the repositories that the comment attaches.
func (c cast) some() string { return strings.Join(c.Repos[:min(2, len(c.Repos))], ",") }

// more is a repository that curl attaches, another one if there is one.
func (c cast) more() string {
	if len(c.Repos) == 0 {
		return ""
	}
	return c.Repos[len(c.Repos)-1]
}

// guide prints what to try. It is no text/template: one of those in the program
// keeps the linker from leaving out what is never called.
func (c cast) guide(out io.Writer, github, server string) error {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	steps := 0
	step := func(format string, args ...any) { // one that its reader takes
		steps++
		say("\n%d. "+format, append([]any{steps}, args...)...)
	}
	say("\nA simulated GitHub is at %s, and the server at %s (its reference: %s/docs).", github, server, server)
	if c.SetupLink != "" {
		c.guideSetup(say, step)
	} else {
		c.guideConsole(say, step, github, server)
	}
	if c.Issue != "" {
		step("Open this issue in a browser:\n\n    %s%s", github, c.Issue)
		if c.SetupLink != "" && c.Owner.Login != "" && len(c.owners) > 0 {
			say("\n   As %s, who owns %s, give the team %s the runner group of its name, with a comment:\n", c.Owner.Login, c.org, c.owners[0])
			say("    /runner-group group-adopt %s", c.owners[0])
		}
	}
	if c.Maintainer.Login != "" {
		c.guideMaintainer(say, step, server)
	}
	if c.Outsider.Token != "" && c.Team != "" {
		step("%s does not maintain the team %s, and is refused:\n", c.Outsider.Login, c.Team)
		say("    %s", curl("PATCH", c.Outsider, server, "repos-add?team="+c.Team+"&repos="+or(c.some(), "docs")))
	}
	if c.SetupLink != "" {
		c.guideConsole(say, step, github, server)
	}
	step("As the operator, check the setup, and send a sample webhook, whose answer appears on issue 1:\n")
	say("    %s doctor --config %s", c.program, c.Config)
	say("    %s replay --sample --config %s", c.program, c.Config)
	step("Watch the runners: they take jobs, go offline and get old. The server looks every %s, and writes an issue about what is wrong:\n", demoPoll)
	say("    %s fleet --watch --config %s", c.program, c.Config)
	say("\nCtrl-C ends the demo; nothing of it is kept.")
	_, err := io.WriteString(out, b.String())
	return err
}

// A printer prints a line of the guide.
type printer func(format string, args ...any)

// guideSetup prints how the server comes to its App.
func (c cast) guideSetup(say, step printer) {
	say("It has no GitHub App yet, so it can do nothing but set one up.")
	step("Open this link, which a new server shows in its log, and press the button:\n\n    %s", c.SetupLink)
	say("\n   The simulated GitHub makes the App, and the server keeps its key in %s", c.Config)
	step("On the page that follows, open the App's installation, and install it in %s. The page ticks each step by itself.", c.org)
	say("\n   Until then GitHub delivers no comments, so those get no answer: write commands afterwards.")
}

// guideConsole prints where the console is, who may look at what there, and where a new runner
// may come from.
func (c cast) guideConsole(say, step printer, github, server string) {
	step("Open the console in a browser, and sign in as any of the simulated people:\n\n    %s%s", server, console.Path)
	if c.Largest.Slug != "" {
		say("\n   %s maintains the team %s, whose group has the most runners.", c.Largest.Maintainer, c.Largest.Slug)
	}
	if c.Owner.Login != "" {
		say("   %s owns %s, and sees all groups.", c.Owner.Login, c.org)
	}
	say("\n   Add a runner there, and paste its lines on this page instead of a machine:\n\n    %s%s", github, web.MachinePath)
}

// guideMaintainer prints what the maintainer may try, by comments and over REST.
func (c cast) guideMaintainer(say, step printer, server string) {
	if c.Issue != "" {
		say("\n   As %s, who maintains the team %s, write one of these as a comment, and watch for the answer:\n", c.Maintainer.Login, c.Team)
		if c.some() != "" {
			say("    /runner-group repos-add %s", c.some())
		}
		say("    /runner-group group-list\n    /runner-group token-jit build-1\n    /runner-group help")
		if c.Identity != "" {
			say("\n   The answer to token-jit is encrypted to %s's SSH key. This decrypts it; paste the answer's encrypted lines:\n", c.Maintainer.Login)
			say("    %s demo decrypt", c.program)
			say("\n   With age installed, the first line of the answer's own is here: age -d -i %s <<'EOF'", c.Identity)
		}
	}
	step("Ask over REST, with %s's token, who you are and what the group holds now:\n", c.Maintainer.Login)
	say("    %s", curl("", c.Maintainer, server, "whoami"))
	say("    %s", curl("", c.Maintainer, server, "group-list?team="+c.Team))
	if c.more() != "" {
		say("\n   Attach a repository, which the issue's page shows too:\n")
		say("    %s", curl("PATCH", c.Maintainer, server, "repos-add?team="+c.Team+"&repos="+c.more()))
	}
	if c.Issue != "" && c.more() != "" {
		say("\n   Let workflows of %s attach repositories without a stored token (docs/workflows.md), with a comment:\n", c.more())
		say("    /runner-group trust-add %s --commands repos-add --ref main", c.more())
	}
	say("\n   Get the configuration of one new runner, for this group only and for one job:\n")
	say("    %s", curl("POST", c.Maintainer, server, "token-jit?team="+c.Team+"&name=demo-runner"))
}

// curl is a call as one types it in a shell.
func curl(method string, as person, server, call string) string {
	if method != "" {
		method = "-X " + method + " "
	}
	return fmt.Sprintf(`curl %s-H "Authorization: Bearer %s" "%s%s%s"`, method, as.Token, server, handlers.APIPrefix, call)
}
