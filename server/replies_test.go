package server_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// A remark is a comment whose reply is kept in testdata/replies/NAME.md.
type remark struct {
	name, login string
	issue       int
	text        string
	before      func(*ghsim.State)
	fault       ghsim.Fault
	failing     string // a repository that cannot be detached
}

// TestReplies keeps the reply to every kind of comment, as GitHub gets it, for people to
// read. UPDATE_GOLDEN=1 rewrites them.
func TestReplies(t *testing.T) {
	t.Parallel()
	const limit = "workflows-set acme/api/.github/workflows/ci.yml@refs/heads/main"
	w := newWorld(t, acme())
	w.add(ghsim.OrgSpec{Repositories: manyRepos(24), Teams: []ghsim.TeamSpec{{Name: "platform", Repositories: manyPermissions(24)}}})
	for _, s := range []remark{
		{name: "group-create-without-team", issue: 2, text: "group-create"},
		{name: "group-create", text: "group-create"},
		{name: "group-create-exists", text: "group-create"},
		{name: "group-list-empty", text: "group-list"},
		{name: "help", text: "help"},
		{name: "help-one", text: "help repos-add"},
		{name: "repos-add", text: "repos-add api,web"},
		{name: "repos-add-many", text: "repos-add " + strings.Join(svcNames(24), ",")},
		{name: "repos-add-refused", text: "repos-add api,web,inner,docs,nope,site"},
		{name: "repos-add-one-refused", text: "repos-add docs"},
		{name: "repos-remove-partly", text: "repos-remove svc-01,svc-02,svc-03", failing: "svc-02"},
		{name: "repos-remove", text: "repos-remove svc-03,svc-04,docs"},
		{name: "repos-set-preview", text: "repos-set api,web"},
		{name: "repos-set", text: "repos-set api,web --yes"},
		{name: "token-jit", text: "token-jit build-1"},
		{name: "token-jit-taken", text: "token-jit old-1"},
		{name: "token-jit-no-key", login: "olga", text: "token-jit build-2"},
		{name: "token-register-encrypted", text: "token-register --name build-9 --encrypted"},
		{name: "token-register", text: "token-register --name build-9"},
		{name: "token-remove", text: "token-remove"},
		{name: "workflows-set", text: limit},
		{name: "group-list", text: "group-list", before: org(func(o *ghsim.Org) {
			for _, r := range o.Runners {
				if r.Name == "build-1" {
					r.Status, r.Busy = "online", true
				}
			}
		})},
		{name: "runners-remove-busy", text: "runners-remove build-1"},
		{name: "runners-remove-unknown", text: "runners-remove build-1,build-7"},
		{name: "runners-transfer-no-group", text: "runners-transfer build-1 --to web"},
		{name: "group-delete-not-empty", text: "group-delete"},
		{name: "not-maintainer", login: "bob", text: "repos-add api"},
		{name: "owner-only", text: "group-adopt --group legacy"},
		{name: "group-adopt", login: "olga", issue: 2, text: "group-adopt --team web --group legacy"},
		{name: "groups-list", text: "groups-list"},
		{name: "whoami", text: "whoami"},
		{name: "status", text: "status"},
		{name: "unknown-command", text: "repo-add api"},
		{name: "unknown-command-reading", text: "repos-list"},
		{name: "unknown-command-words", text: "add repo api --skip-refused"},
		{name: "unknown-command-secret", text: "get token"},
		{name: "unknown-command-none", text: "rename build"},
		{name: "unknown-command-help", text: "help repos-list"},
		{name: "unknown-argument", text: "group-list --tem web"},
		{name: "missing-argument", text: "repos-add"},
		{name: "github-error", text: "group-list", fault: ghsim.Fault{Method: http.MethodGet, Path: `/runner-groups/[0-9]+$`, Status: 403, Times: 9, Body: `{"message":"Resource not accessible by integration"}`}},
		{name: "several", text: "group-list\n/runner-group repo-add api\n/runner-group repos-remove web"},
		{name: "too-many", text: "whoami" + strings.Repeat("\n/runner-group whoami", 11)},
		{name: "group-release", login: "olga", issue: 2, text: "group-release --team web"},
		{name: "audit-list", text: "audit-list --limit 12"},
	} {
		t.Run(s.name, func(t *testing.T) { w.in(t).reply(s) })
	}
}

func (w *world) reply(s remark) {
	w.t.Helper()
	if s.before != nil {
		w.hub.Update(s.before)
	}
	if s.failing != "" {
		w.hub.View(func(st *ghsim.State) {
			s.fault = ghsim.Fault{Method: http.MethodDelete, Path: fmt.Sprintf("/repositories/%d$", st.Org("acme").Repo(s.failing).ID), Status: 422, Times: 9, Body: `{"message":"Validation Failed"}`}
		})
	}
	if s.fault.Status != 0 {
		w.hub.Inject(s.fault)
		defer w.hub.ClearFaults()
	}
	login, issue := s.login, s.issue
	if login == "" {
		login = "ada"
	}
	if issue == 0 {
		issue = 1
	}
	text := "/runner-group " + s.text
	replies, reaction := w.say(login, issue, text)
	for i := range replies {
		replies[i] = timeless(replies[i])
	}
	got := fmt.Sprintf("<!-- %s: %s · %s -->\n\n", login, strings.ReplaceAll(text, "\n", " ⏎ "), reaction) + strings.Join(replies, "\n\n<!-- another comment -->\n\n") + "\n"
	file := filepath.Join("testdata", "replies", s.name+".md")
	if os.Getenv("UPDATE_GOLDEN") != "" {
		require.NoError(w.t, os.MkdirAll(filepath.Dir(file), 0o700))
		require.NoError(w.t, os.WriteFile(file, []byte(got), 0o600))
	}
	want, err := os.ReadFile(file)
	require.NoError(w.t, err)
	assert.Equal(w.t, string(want), got)
	for _, reply := range replies {
		assert.Contains(w.t, reply, "<sub>@"+login+" · ", "the small last line")
	}
}

// What differs between two runs of the same test, and what replaces it.
var changing = []struct {
	of *regexp.Regexp
	to string
}{
	{regexp.MustCompile(`<!-- arm:\w+ .* -->\n?`), ""},
	{regexp.MustCompile(`(?s)-----BEGIN AGE ENCRYPTED FILE-----.*?-----END`), "-----BEGIN AGE ENCRYPTED FILE-----\nYWdlLWVuY3J5cHRpb24…\n-----END"},
	{regexp.MustCompile(`\d\d:\d\d(:\d\d)? UTC( on \d+ \w+ \d{4}| on \d{4}-\d\d-\d\d)?`), "13:00 UTC"},
	{regexp.MustCompile(`(\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d`), "${1}13:00:00"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d`), "2026-01-31"},
	{regexp.MustCompile(`https?://127\.0\.0\.1:\d+`), "https://github.example.com"},
	{regexp.MustCompile(`(--token )\S+`), "${1}TOKEN"},
	{regexp.MustCompile(`issuecomment-\d+`), "issuecomment-1"},
}

func timeless(text string) string {
	for _, c := range changing {
		text = c.of.ReplaceAllString(text, c.to)
	}
	return strings.TrimSpace(text)
}

func svcNames(n int) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprintf("svc-%02d", i+1))
	}
	return names
}

func manyRepos(n int) (repos []ghsim.RepoSpec) {
	for _, name := range svcNames(n) {
		repos = append(repos, ghsim.RepoSpec{Name: name})
	}
	return repos
}

func manyPermissions(n int) map[string]string {
	permissions := map[string]string{}
	for _, name := range svcNames(n) {
		permissions[name] = "admin"
	}
	return permissions
}
