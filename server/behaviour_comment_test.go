package server_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// issues adds issues to the admin repository, numbered from 3.
func issues(specs ...ghsim.IssueSpec) ghsim.Scenario {
	sc := acme()
	for i := range sc.Organizations[0].Repositories {
		if repo := &sc.Organizations[0].Repositories[i]; repo.Name == "runner-admin" {
			repo.Issues = append(repo.Issues, specs...)
		}
	}
	return sc
}

// If a comment names no team, it comes from the label, the form, or the only team that owns a
// group; else the reply lists the choices.
func TestTeamOfComment(t *testing.T) {
	t.Parallel()
	w := newWorld(t, issues(
		ghsim.IssueSpec{Title: "form", Author: "ada", Body: "### Team\n\nplatform\n\n### Why\n\nbecause"},
		ghsim.IssueSpec{Title: "label beats form", Labels: []string{"bug", "team:web"}, Body: "### Team\r\n\r\nplatform\r\n"},
		ghsim.IssueSpec{Title: "two labels", Labels: []string{"team:web", "team:platform"}},
		ghsim.IssueSpec{Title: "an empty form", Body: "### Team\n\n_No response_\n"},
		ghsim.IssueSpec{Title: "a form with the organization", Author: "ada", Body: "### Team\n\n@acme/platform\n"},
		ghsim.IssueSpec{Title: "a label of another's team", Labels: []string{"team:others"}},
		ghsim.IssueSpec{Title: "a pull request", PullRequest: true, Labels: []string{"team:platform"}},
	))
	ask := func(issue int, line string) (string, string) {
		replies, reaction := w.say("ada", issue, line)
		require.Len(t, replies, 1)
		return replies[0], reaction
	}
	reply, reaction := ask(2, "/runner-group group-list")
	assert.Equal(t, "confused", reaction)
	assert.Contains(t, reply, "--team", "the reply asks for the team: %s", reply)

	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	reply, reaction = ask(2, "/runner-group group-list")
	assert.Equal(t, "rocket", reaction, "the one team: %s", reply)
	assert.Contains(t, reply, "platform")
	w.ok("ghp_ada", "POST /api/v1/group-create?team=web")
	for _, tt := range []struct {
		name     string
		issue    int
		line     string
		reaction string
		want     []string
	}{
		{"the choices", 2, "group-list", "confused", []string{"--team platform", "--team web"}},
		{"label", 1, "group-list", "rocket", []string{"**Group `platform`"}},
		{"form", 3, "group-list", "rocket", []string{"**Group `platform`"}},
		{"label beats form", 4, "group-list", "rocket", []string{"**Group `web`"}},
		{"the flag beats both", 4, "group-list --team platform", "rocket", []string{"**Group `platform`"}},
		{"several labels name none", 5, "group-list", "confused", []string{"`team:web`, `team:platform`", "--team"}},
		{"several labels, and a flag", 5, "group-list --team=web", "rocket", []string{"**Group `web`"}},
		{"an empty form", 6, "group-list", "confused", []string{"--team platform"}},
		{"a form with the organization", 7, "group-list", "rocket", []string{"**Group `platform`"}},
		{"a label is no right", 8, "group-list", "confused", []string{"· `not_maintainer`"}},
		{"pull requests count", 9, "group-list", "rocket", []string{"**Group `platform`"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			replies, reaction := w.in(t).say("ada", tt.issue, "/runner-group "+tt.line)
			require.Len(t, replies, 1)
			assert.Equal(t, tt.reaction, reaction, replies[0])
			for _, want := range tt.want {
				assert.Contains(t, replies[0], want)
			}
			assert.Contains(t, replies[0], "@ada")
		})
	}
}

func TestSeveralCommands(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	var text strings.Builder
	for i := range 12 {
		fmt.Fprintf(&text, "/runner-group repos-add %s --team platform\n", []string{"api", "web", "inner"}[i%3])
	}
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.hub.ResetCalls()
	replies, reaction := w.say("ada", 1, text.String())
	assert.Equal(t, "confused", reaction, "two were refused")
	require.Len(t, replies, 1)
	assert.Len(t, w.writes(), 3, "what is attached already costs no write")

	replies, reaction = w.say("ada", 1, "/runner-group repos-lst\n/runner-group repos-remove api\n/runner-group repos-remove --colour red web\n")
	assert.Equal(t, "confused", reaction)
	assert.Contains(t, replies[0], "Did you mean `group-list`", "never `repos-set`")
	assert.ElementsMatch(t, []string{"inner", "web"}, w.repos("platform"), "one that is wrong keeps no other from running")

	// not a command
	w.hub.ResetCalls()
	before := len(w.hub.Comments("acme", "runner-admin", 1))
	for _, text := range []string{
		"```\n/runner-group repos-remove web\n```", "    /runner-group repos-remove web", "> /runner-group repos-remove web",
		"`/runner-group repos-remove web`", "<!--\n/runner-group repos-remove web\n-->", "I say /runner-group repos-remove web", "/runner-groups repos-remove web",
	} {
		_, err := w.hub.Comment("acme", "runner-admin", 1, "ada", text)
		require.NoError(t, err)
	}
	// the next one is answered: the others were not
	_, reaction = w.say("ada", 1, "Hello\r\n\r\n/runner-group  repos-add   api\r\n")
	assert.Equal(t, "rocket", reaction)
	assert.ElementsMatch(t, []string{"inner", "web", "api"}, w.repos("platform"))
	assert.Len(t, w.hub.Comments("acme", "runner-admin", 1), before+7+2)
}

// payload derives the body of a delivery from a real one.
func (w *world) payload(change func(map[string]any)) map[string]any {
	w.t.Helper()
	deliveries := w.hub.Deliveries()
	require.NotEmpty(w.t, deliveries)
	var p map[string]any
	for _, d := range deliveries {
		if d.Event == "issue_comment" && d.Action == "created" {
			require.NoError(w.t, json.Unmarshal(d.Payload, &p))
			break
		}
	}
	comment := p["comment"].(map[string]any)
	comment["id"] = float64(time.Now().UnixNano() % 1e15)
	comment["body"] = "/runner-group repos-remove api --team platform"
	comment["created_at"] = time.Now().UTC().Format(time.RFC3339)
	change(p)
	return p
}

// An ignored delivery gets an answer and causes neither a call nor a change.
func TestIgnoredComments(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.say("ada", 1, "/runner-group repos-add api")
	in := func(p map[string]any, path ...string) map[string]any {
		for _, key := range path {
			p = p[key].(map[string]any)
		}
		return p
	}
	tests := []struct {
		name   string
		event  string
		change func(map[string]any)
		opts   ghsim.DeliverOptions
		want   int
	}{
		{name: "unsigned", opts: ghsim.DeliverOptions{Unsigned: true}, want: 401},
		{name: "wrongly signed", opts: ghsim.DeliverOptions{Secret: "wrong"}, want: 401},
		{name: "only SHA-1", opts: ghsim.DeliverOptions{SHA1Only: true}, want: 401},
		{name: "edited", change: func(p map[string]any) { p["action"] = "edited" }, want: 200},
		{name: "deleted", change: func(p map[string]any) { p["action"] = "deleted" }, want: 200},
		{name: "by a bot", change: func(p map[string]any) { in(p, "comment", "user")["type"] = "Bot"; in(p, "sender")["type"] = "Bot" }, want: 200},
		{name: "sent by a bot", change: func(p map[string]any) { in(p, "sender")["type"] = "Bot" }, want: 200},
		{name: "by way of an App", change: func(p map[string]any) {
			in(p, "comment")["performed_via_github_app"] = map[string]any{"id": 1.0, "slug": "other", "name": "other"}
		}, want: 200},
		{name: "another repository", change: func(p map[string]any) {
			in(p, "repository")["name"], in(p, "repository")["full_name"] = "api", "acme/api"
		}, want: 200},
		{name: "another organization", change: func(p map[string]any) {
			in(p, "repository", "owner")["login"], in(p, "repository")["full_name"] = "other", "other/runner-admin"
			in(p, "organization")["login"] = "other"
		}, want: 200},
		{name: "another installation", change: func(p map[string]any) { in(p, "installation")["id"] = 99.0 }, want: 200},
		{name: "another event", event: "pull_request_review_comment", want: 200},
		{name: "issues", event: "issues", want: 200},
		{name: "ping", event: "ping", want: 200},
		{name: "no command", change: func(p map[string]any) { in(p, "comment")["body"] = "thanks" }, want: 200},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w.hub.ResetCalls()
			change, event := tt.change, tt.event
			if change == nil {
				change = func(map[string]any) {}
			}
			if event == "" {
				event = "issue_comment"
			}
			d, err := w.hub.Deliver(t.Context(), event, w.in(t).payload(change), tt.opts)
			require.NoError(t, err)
			assert.Equal(t, tt.want, d.StatusCode, d.ResponseBody)
			calls := w.hub.Calls()
			if slices.Contains([]string{"another organization", "another installation"}, tt.name) { // the App may have been installed again, or the organization renamed, so GitHub is asked
				require.Len(t, calls, 1)
				assert.Equal(t, "/orgs/acme/installation", calls[0].Path)
				return
			}
			assert.Empty(t, calls)
		})
	}
	d, err := w.hub.Deliver(t.Context(), "issue_comment", `{"action":"created","comment":{"body":"/runner-group`, ghsim.DeliverOptions{})
	require.NoError(t, err)
	assert.Equal(t, 400, d.StatusCode)
	assert.Equal(t, []string{"api"}, w.repos("platform"))
	// the same payload without a defect works, so the table tests only the defects
	d, err = w.hub.Deliver(t.Context(), "issue_comment", w.payload(func(map[string]any) {}), ghsim.DeliverOptions{})
	require.NoError(t, err)
	assert.Equal(t, 2, d.StatusCode/100)
	require.Eventually(t, func() bool { return len(w.repos("platform")) == 0 }, eventually, tick)
}

// sayLate delivers a comment of ada on the first issue that was written so long ago.
func (w *world) sayLate(text string, age time.Duration) {
	w.t.Helper()
	_, err := w.hub.Deliver(w.t.Context(), "issue_comment", w.payload(func(p map[string]any) {
		comment := p["comment"].(map[string]any)
		comment["body"] = text
		written := time.Now().Add(-age).UTC()
		comment["created_at"] = written.Format(time.RFC3339)
		w.state(func(org *ghsim.Org, st *ghsim.State) { // the server looks at an old comment again
			issue := org.Repo("runner-admin").Issue(1)
			issue.Comments = append(issue.Comments, &ghsim.Comment{
				ID: int64(comment["id"].(float64)), Author: st.User("ada"), Body: text, CreatedAt: written, UpdatedAt: written,
			})
		})
	}), ghsim.DeliverOptions{})
	require.NoError(w.t, err)
}

// A comment that is too old is refused as stale, sooner if it asks for a secret.
func TestStaleComments(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.say("ada", 1, "/runner-group repos-add api")
	for _, tt := range []struct {
		name, line string
		age        time.Duration
		stale      bool
	}{
		{"a token after 16 minutes", "token-register", 16 * time.Minute, true},
		{"a token after 5 minutes", "token-register", 5 * time.Minute, false},
		{"a change after 16 minutes", "repos-add web", 16 * time.Minute, false},
		{"a change after 25 hours", "repos-add inner", 25 * time.Hour, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := len(w.hub.Comments("acme", "runner-admin", 1))
			w.in(t).sayLate("/runner-group "+tt.line+" --team platform", tt.age)
			var reply string
			require.Eventually(t, func() bool {
				for _, c := range w.hub.Comments("acme", "runner-admin", 1)[before:] {
					if c.Author.Type == "Bot" && !strings.Contains(c.Body, "config.sh") {
						reply = c.Body
					}
				}
				return reply != ""
			}, eventually, tick)
			assert.Equal(t, tt.stale, strings.Contains(reply, "stale"), reply)
		})
	}
	assert.ElementsMatch(t, []string{"api", "web"}, w.repos("platform"))
}
