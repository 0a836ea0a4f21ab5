package server_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// The roles of the matrix, and who has them. Olga owns the organization and is in no
// team. Kim maintains a child of the team, which makes her a member of the team. The bot
// maintains the team, so only being a bot denies it anything.
var matrixRoles = []struct{ name, login string }{
	{"owner", "olga"},
	{"maintainer", "ada"},
	{"pending", "pete"},
	{"member", "bob"},
	{"child", "kim"},
	{"outsider", "eve"},
	{"bot", "robot"},
	{"suspended", "sam"},
}

// matrixChannels are the channels that the golden file has a line for.
var matrixChannels = []dispatch.Channel{dispatch.REST, dispatch.Comment, dispatch.Console}

const matrixHead = `# Who may do what, by which channel: "done" or the reason of the refusal.
# Each line has a team of its own, which owns a group if the command needs one.
#
#   owner       owns the organization, and is in no team
#   maintainer  maintains the team
#   pending     was asked to maintain the team, and has not agreed yet
#   member      is in the team
#   child       maintains a team below this one, and so is a member of this
#   outsider    is not in the organization
#   bot         maintains the team, and is no person
#   suspended   is in the team; GitHub itself takes no comment from somebody suspended,
#               so the comment here stands for one that was written before
#
# On the channel console everybody signed in before they had their role: the outsider as a member,
# and the suspended before that. A bot cannot sign in.
#
# Rewrite it: UPDATE_GOLDEN=1 go test ./server -run TestMatrix
`

// TestMatrix runs every command as every role on every channel, with the arguments of its
// Spec's examples, and compares the outcomes with a table that people can review.
func TestMatrix(t *testing.T) {
	t.Parallel()
	specs := dispatch.NewDispatcher(&dispatch.Env{}, commands.All()).Specs()
	w := newWorld(t, matrixScenario(t, specs), "CHATOPS_TOKEN_REPLY=encrypted", "SERVER_UNKNOWN_TOKEN_RATE=1000")
	matrixGroups(w, specs)
	browsers := matrixBrowsers(w)

	outcomes := map[string]string{}
	comments := map[string]int64{}
	for i, spec := range specs {
		for _, role := range matrixRoles {
			cell := func(channel dispatch.Channel) string { return matrixKey(spec, channel, role.name) }
			team := matrixTeam(spec, dispatch.REST)
			a := w.call("ghp_"+role.login, asREST(spec, example(spec, team)))
			outcomes[cell(dispatch.REST)] = a.Reason
			if a.Code == 200 {
				outcomes[cell(dispatch.REST)] = "done"
			}
			outcomes[cell(dispatch.Console)] = browsers[role.login].outcome(spec, example(spec, matrixTeam(spec, dispatch.Console)))
			team = matrixTeam(spec, dispatch.Comment)
			id, err := w.hub.Comment("acme", "runner-admin", i+1, role.login, asComment(spec, example(spec, team)))
			require.NoError(t, err)
			comments[cell(dispatch.Comment)] = id
		}
	}
	for cell, id := range comments {
		d, outcome := w.delivery(id)
		if outcome == "accepted" {
			require.Eventually(t, func() bool { return w.finished(id) }, eventually, tick, cell)
			outcome = w.reasonOf(d.GUID)
		}
		outcomes[cell] = outcome
	}

	var table strings.Builder
	table.WriteString(matrixHead)
	line := func(command, channel string, cell func(role string) string) {
		fmt.Fprintf(&table, "%-17s%-9s", command, channel)
		for _, role := range matrixRoles {
			fmt.Fprintf(&table, "%-19s", cell(role.name))
		}
		table.WriteString("\n")
	}
	line("command", "channel", func(role string) string { return role })
	for _, spec := range specs {
		for _, channel := range matrixChannels {
			line(spec.Name, string(channel), func(role string) string { return outcomes[matrixKey(spec, channel, role)] })
		}
	}
	golden(t, "matrix.golden", table.String())
	sameOnConsole(t, specs, outcomes)
}

// sameOnConsole checks that every command ends on the console as it does over REST. Whoever is no
// member does not get in, though anyone may use some commands elsewhere; and somebody suspended has
// no token for REST.
func sameOnConsole(t *testing.T, specs []dispatch.Spec, outcomes map[string]string) {
	t.Helper()
	for _, spec := range specs {
		for _, role := range matrixRoles {
			want := outcomes[matrixKey(spec, dispatch.REST, role.name)]
			switch {
			case role.name == "bot":
				want = "none"
			case role.name == "suspended":
				want = outcomes[matrixKey(spec, dispatch.Comment, role.name)]
			case role.name == "outsider" && spec.Needs == dispatch.Anyone:
				want = "not_member"
			}
			assert.Equal(t, want, outcomes[matrixKey(spec, dispatch.Console, role.name)], "%s as %s", spec.Name, role.name)
		}
	}
}

// golden compares text, without the blanks at the ends of lines, with a file.
func golden(t *testing.T, name, text string) {
	t.Helper()
	var got strings.Builder
	for line := range strings.Lines(text) {
		got.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	file := filepath.Join("testdata", name)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(file, []byte(got.String()), 0o600))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	wantLines, gotLines := strings.Split(string(want), "\n"), strings.Split(got.String(), "\n")
	for i := range max(len(wantLines), len(gotLines)) {
		line := func(lines []string) string {
			if i < len(lines) {
				return lines[i]
			}
			return ""
		}
		assert.Equal(t, line(wantLines), line(gotLines), "line %d of %s", i+1, file)
	}
}

func matrixKey(spec dispatch.Spec, channel dispatch.Channel, role string) string {
	return spec.Name + "/" + string(channel) + "/" + role
}

func matrixTeam(spec dispatch.Spec, channel dispatch.Channel) string {
	return spec.Name + "-" + string(channel)
}

// matrixScenario has two teams for each command and channel, and an issue for each
// command, in an admin repository that everybody can see.
func matrixScenario(t *testing.T, specs []dispatch.Spec) ghsim.Scenario {
	sc := withKey(acme(), "ada", newSSHKey(t))
	org := &sc.Organizations[0]
	org.Teams = nil
	org.Members = append(org.Members, "robot", "sam", "eve") // until eve has signed in
	for i := range sc.Users {
		sc.Users[i].Suspended = false // until sam has
	}
	for i := range org.Repositories {
		if repo := &org.Repositories[i]; repo.Name == "runner-admin" {
			repo.Visibility, repo.Issues = "public", nil
			for _, spec := range specs {
				repo.Issues = append(repo.Issues, ghsim.IssueSpec{Title: spec.Name})
			}
		}
	}
	for _, spec := range specs {
		for _, channel := range matrixChannels {
			name := matrixTeam(spec, channel)
			org.Teams = append(org.Teams,
				ghsim.TeamSpec{
					Name: name, Maintainers: []string{"ada", "robot"}, Members: []string{"bob", "sam"}, PendingMaintainers: []string{"pete"},
					Repositories: map[string]string{"api": "admin", "web": "admin"},
				},
				ghsim.TeamSpec{Name: name + "-kids", Parent: name, Maintainers: []string{"kim"}},
				ghsim.TeamSpec{Name: name + "-to", Maintainers: []string{"ada"}})
			if spec.Name == "group-adopt" {
				org.RunnerGroups = append(org.RunnerGroups, ghsim.GroupSpec{Name: name})
			}
		}
	}
	return sc
}

// matrixBrowsers signs everybody in, before they get their roles.
func matrixBrowsers(w *world) map[string]*consoleBrowser {
	browsers := map[string]*consoleBrowser{}
	for _, role := range matrixRoles {
		if role.name != "bot" {
			browsers[role.login] = w.signIn(role.login)
		}
	}
	w.state(func(org *ghsim.Org, st *ghsim.State) {
		org.Members = slices.DeleteFunc(org.Members, func(m *ghsim.Member) bool { return m.User.Login == "eve" })
		st.User("sam").Suspended = true
	})
	return browsers
}

// outcome runs a command as its form does, confirmed, and returns how it ended.
func (b *consoleBrowser) outcome(spec dispatch.Spec, args map[string]string) string {
	if b == nil {
		return "none"
	}
	form := url.Values{"yes": {"true"}}
	team := "-"
	for name, value := range args {
		if name == "team" && spec.Team() {
			team = value
			continue
		}
		form.Set(name, value)
	}
	form.Del(dispatch.DryRun)
	p := b.postOnce("/console/acme/"+team+"/"+spec.Name, form)
	if p.status == http.StatusOK || p.status == http.StatusSeeOther {
		return "done"
	}
	return p.reason()
}

var pageReason = regexp.MustCompile(`<code>[0-9]{3} ([a-z_]+)</code>`)

// reason returns why a page says that something was refused.
func (p page) reason() string {
	found := pageReason.FindStringSubmatch(p.body)
	if found == nil {
		return fmt.Sprint(p.status)
	}
	return found[1]
}

// matrixGroups gives each team its group, with a runner in it, if the command needs one.
func matrixGroups(w *world, specs []dispatch.Spec) {
	for _, spec := range specs {
		if spec.Group != dispatch.OwnsGroup && spec.Name != "group-release" {
			continue
		}
		for _, channel := range matrixChannels {
			team := matrixTeam(spec, channel)
			w.ok("ghp_ada", "POST /api/v1/group-create?team="+team)
			w.ok("ghp_ada", "POST /api/v1/group-create?team="+team+"-to")
			w.ok("ghp_ada", "POST /api/v1/token-jit?team="+team+"&name="+team+"-1")
		}
	}
}

// finished reports whether a comment of any issue has its last reaction.
func (w *world) finished(comment int64) (done bool) {
	w.state(func(org *ghsim.Org, _ *ghsim.State) {
		for _, issue := range org.Repo("runner-admin").Issues {
			for _, c := range issue.Comments {
				for _, r := range c.Reactions {
					done = done || c.ID == comment && r.Content != "eyes"
				}
			}
		}
	})
	return done
}
