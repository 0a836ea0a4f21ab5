package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// fill writes the body of the second issue, as its author.
func (w *world) fill(author, body string, labels ...string) {
	w.state(func(org *ghsim.Org, st *ghsim.State) {
		issue := org.Repo("runner-admin").Issue(2)
		issue.Body, issue.Author, issue.Labels = body, st.User(author), labels
	})
}

// What others write into an issue aims nobody's command at another of their teams.
func TestThreatTeamOfTheIssue(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.ok("ghp_ada", "POST /api/v1/group-create?team=web")
	const field = "### Team\n\nplatform\n"
	tests := []struct {
		name, author, body string
		labels             []string
		line               string
		ok                 bool
		says               string
	}{
		{"a field in a comment", "ada", "<!--\n" + field + "-->", nil, "group-list", false, "Which team"},
		{"two fields", "ada", field + "\n" + field, nil, "group-list", false, "several fields"},
		{"two labels", "ada", "", []string{"team:web", "team:platform"}, "repos-add api", false, "`team:web`, `team:platform`"},
		{"a field that the caller wrote", "ada", field, nil, "group-list", true, ""},
		{"a field of somebody else", "bob", field, nil, "group-list", false, "does not maintain"},
		{"a field for what destroys", "ada", field, nil, "repos-set api --yes", false, "--team platform"},
		{"a field for what reveals", "ada", field, nil, "token-register", false, "--team platform"},
		{"a field for the deletion", "ada", field, nil, "group-delete --yes", false, "--team platform"},
		{"named in the command", "bob", field, nil, "group-list --team platform", true, ""},
		{"a label", "bob", "", []string{"team:platform"}, "group-list", true, ""},
		{"a label of a team that the caller does not maintain", "bob", "", []string{"team:others"}, "group-list", false, "comes from the issue's label `team:others`"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w.fill(tt.author, tt.body, tt.labels...)
			replies, reaction := w.in(t).say("ada", 2, "/runner-group "+tt.line)
			assert.Equal(t, tt.ok, reaction == "rocket", replies)
			assert.Contains(t, strings.Join(replies, "\n"), tt.says)
		})
	}
	assert.Empty(t, w.repos("platform"))
	assert.Empty(t, w.repos("web"))
}

// A marker in another bot's comment keeps this server from nothing.
func TestThreatForeignMarker(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	// The first attempt to reply fails without an answer, so the second looks for its marker.
	w.hub.Inject(ghsim.Fault{Method: "POST", Path: "/issues/1/comments$", Status: 502})
	forged := false
	w.watch(func(e ghsim.Exchange) {
		if e.Request.Method != http.MethodPost || !strings.HasSuffix(e.Request.URL.Path, "/issues/1/comments") || forged {
			return
		}
		forged = true
		_, marker, _ := strings.Cut(string(e.RequestBody), "arm:reply")
		marker, _, _ = strings.Cut(marker, "--")
		w.state(func(org *ghsim.Org, st *ghsim.State) {
			issue := org.Repo("runner-admin").Issue(1)
			issue.Comments = append(issue.Comments, &ghsim.Comment{ID: 999_999, Author: st.User("robot"), Body: "<!-- arm:reply" + marker + "-->", CreatedAt: w.now(), UpdatedAt: w.now()})
		})
	})
	replies, reaction := w.say("ada", 1, "/runner-group group-list")
	require.True(t, forged)
	assert.Equal(t, "rocket", reaction)
	assert.NotEmpty(t, replies, "the reply is posted all the same")
}
