package server_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// A remark is a comment whose reply is kept in testdata/replies/NAME.md.
type remark struct {
	name, login string
	issue       int
	text        string
	rest        string // a request of olga that is sent before
	before      func(*ghsim.State)
	fault       ghsim.Fault
	failing     string // a repository that cannot be detached
	outcomes    int    // how many outcomes of requests issue 2 has then
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
		{name: "repos-remove-nothing", text: "repos-remove wbe,nope"},
		{name: "repos-add-again", text: "repos-add api,web"},
		{name: "repos-set-preview", text: "repos-set api,web"},
		{name: "repos-set-dry-run", text: "repos-set --dry-run api,web"},
		{name: "repos-add-dry-run", text: "repos-add svc-03 —dry-run"},
		{name: "repos-set", text: "repos-set api,web --yes"},
		{name: "repos-set-again", text: "repos-set api,web"},
		{name: "token-jit", text: "token-jit build-1"},
		{name: "token-jit-taken", text: "token-jit old-1"},
		{name: "runners-remove-offline-kept", text: "runners-remove --offline"},
		{name: "token-jit-no-key", login: "olga", text: "token-jit build-2"},
		{name: "token-register-encrypted", text: "token-register --name build-9 --encrypted"},
		{name: "token-register", text: "token-register --name build-9"},
		{name: "token-remove", text: "token-remove"},
		{name: "workflows-set", text: limit},
		{name: "trust-list-empty", text: "trust-list"},
		{name: "trust-add", text: "trust-add api --commands token-jit,repos-add --ref main --environment production --for 30d"},
		{name: "trust-add-no-condition", text: "trust-add api --commands repos-add"},
		{name: "trust-add-refused", text: "trust-add docs --commands repos-add --ref main"},
		{name: "trust-add-no-command", text: "trust-add api --commands repos-add,group-delete --ref main"},
		{name: "trust-list", text: "trust-list"},
		{name: "trust-remove-unknown", text: "trust-remove 7"},
		{name: "trust-remove", text: "trust-remove 1"},
		{name: "group-list", text: "group-list", before: org(func(o *ghsim.Org) {
			for _, r := range o.Runners {
				if r.Name == "build-1" {
					r.Status, r.Busy = "online", true
				}
			}
		})},
		{name: "runners-list", text: "runners-list", before: org(func(o *ghsim.Org) {
			o.Runner("build-1").Version, o.Runner("build-1").OS = "2.322.0", "linux"
			o.Runners = append(o.Runners, &ghsim.Runner{ID: 901, GroupID: o.Group("platform").ID, Name: "build-5", OS: "linux", Status: "online", Version: ghsim.RunnerVersion, Labels: []string{"self-hosted", "gpu"}})
		})},
		{name: "runners-list-filtered", text: "runners-list --label tpu"},
		{name: "runners-label", text: "runners-label build-1,build-5 --add large"},
		{name: "runners-label-done", text: "runners-label build-5 --add LARGE"},
		{name: "runners-label-read-only", text: "runners-label build-5 --set large,self-hosted"},
		{name: "runners-label-unknown", text: "runners-label build-5,build-7 --remove large"},
		{name: "repo-runners", text: "repo-runners api --labels self-hosted,gpu"},
		{name: "repo-runners-no-label", text: "repo-runners api --labels gpu,tpu"},
		{name: "repo-runners-no-group", text: "repo-runners site", before: org(func(o *ghsim.Org) {
			for _, g := range o.Groups {
				g.AllowsPublic = false
			}
		})},
		{name: "repo-runners-refused", login: "kim", text: "repo-runners foreign"},
		{name: "group-check-fine", text: "group-check", before: org(func(o *ghsim.Org) {
			o.Runner("build-5").GroupID = o.Groups[0].ID
			o.Runner("build-1").Version = ghsim.RunnerVersion
		})},
		{name: "group-check", text: "group-check", before: org(func(o *ghsim.Org) {
			o.Runner("build-5").GroupID = o.Group("platform").ID
			o.Runner("build-1").Version = "2.322.0"
			o.Group("platform").AllowsPublic = true
			o.Group("platform").Repos = append(o.Group("platform").Repos, o.Repo("docs").ID)
		})},
		{name: "group-accept", text: "group-accept"},
		{name: "group-accept-owner-only", text: "group-accept", before: org(func(o *ghsim.Org) {
			o.Group("platform").AllowsPublic = true
		})},
		{name: "group-accept-nothing", text: "group-accept", before: org(func(o *ghsim.Org) {
			o.Group("platform").AllowsPublic = false
		})},
		{name: "runners-remove-busy", text: "runners-remove build-1"},
		{name: "runners-remove-unknown", text: "runners-remove build-1,build-7"},
		{name: "runners-transfer-no-group", text: "runners-transfer build-1 --to web"},
		{name: "group-delete-not-empty", text: "group-delete"},
		{name: "not-maintainer", login: "bob", text: "repos-add api"},
		{name: "not-maintainer-word", text: "token-register build-7 --labels gpu"},
		{name: "not-maintainer-word-only", text: "token-remove build-7"},
		{name: "team-twice", text: "token-register build-7 --team platform"},
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
		{name: "unknown-command-labels", text: "label build-1 gpu"},
		{name: "lines-below", text: "repos-add\napi\nweb\ndocs"},
		{name: "lines-below-done", text: "repos-add api\nsvc-05\nsvc-06"},
		{name: "missing-labels", text: "runners-label build-1"},
		{name: "unknown-argument", text: "group-list --tem web"},
		{name: "missing-argument", text: "repos-add"},
		{name: "github-error", text: "group-list", fault: ghsim.Fault{Method: http.MethodGet, Path: `/runner-groups/[0-9]+$`, Status: 403, Times: 9, Body: `{"message":"Resource not accessible by integration"}`}},
		{name: "several", text: "group-list\n/runner-group repo-add api\n/runner-group repos-remove web"},
		{name: "too-many", text: "whoami" + strings.Repeat("\n/runner-group whoami", 11)},
		{name: "group-release", login: "olga", issue: 2, text: "group-release --team web"},
		{name: "audit-list", text: "audit-list --limit 12"},
		{name: "runners-remove-offline-preview", text: "runners-remove --offline", before: addRunners(24)},
		{name: "runners-remove-offline", text: "runners-remove --offline --yes"},
		{name: "runners-remove-offline-none", text: "runners-remove --offline --yes"},
		{name: "runners-transfer", rest: "POST /api/v1/group-adopt?team=web&group=legacy", text: "runners-transfer build-1 --to web"},
		{name: "group-delete-preview", text: "group-delete --move-runners-to web", before: addRunners(2)},
		{name: "group-delete", text: "group-delete --move-runners-to web --yes"},
	} {
		t.Run(s.name, func(t *testing.T) { w.in(t).reply(s) })
	}
}

// TestRepliesOfOtherKinds keeps the replies that need more than a comment.
func TestRepliesOfOtherKinds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme(), "SERVER_RATE_LIMIT=0.01")
	w.in(t).reply(remark{name: "rate-limited", text: "whoami\n/runner-group whoami"})

	w = newWorld(t, acme())
	w.in(t).reply(remark{name: "mail", text: "help group-list\n\nOn Mon, Jan 5, 2026 at 10:00, Mona wrote:\n/runner-group repos-add api"})
	w.in(t).reply(remark{name: "unreadable", text: "help\n" + strings.Repeat("> ", 200)})
	id, err := w.hub.Comment("acme", "runner-admin", 1, "ada", "Hello")
	require.NoError(t, err)
	before := len(w.replies())
	w.edits(id, "ada", "/runner-group repos-add web\n/runner-group repos-add api")
	require.Eventually(t, func() bool { return len(w.replies()) > before }, eventually, tick)
	w.golden("edited", "ada: an edit", w.replies()[before:])

	before = len(w.replies())
	w.sayLate("/runner-group token-remove --team platform\n/runner-group whoami", 16*time.Minute)
	require.Eventually(t, func() bool { return len(w.replies()) > before }, eventually, tick)
	w.golden("stale", "ada: /runner-group token-remove --team platform ⏎ /runner-group whoami", w.replies()[before:])
}

// addRunners adds runners that are offline to the group of platform.
func addRunners(n int) func(*ghsim.State) {
	return org(func(o *ghsim.Org) {
		for i := range n {
			o.Runners = append(o.Runners, &ghsim.Runner{
				ID: int64(900_000 + len(o.Runners)), GroupID: o.Group("platform").ID, Name: fmt.Sprintf("vm-%02d", i+1), OS: "linux", Status: "offline", Labels: []string{"self-hosted"},
			})
		}
	})
}

func (w *world) reply(s remark) {
	w.t.Helper()
	if s.rest != "" {
		w.ok("ghp_olga", s.rest)
	}
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
	w.golden(s.name, fmt.Sprintf("%s: %s · %s", login, strings.ReplaceAll(text, "\n", " ⏎ "), reaction), replies)
	for _, reply := range replies {
		assert.Regexp(w.t, "<sub>@"+login+"( · |</sub>)", reply, "the small last line")
	}
}

// golden compares replies with testdata/replies/NAME.md, which says first what they answer.
func (w *world) golden(name, to string, replies []string) {
	w.t.Helper()
	for i := range replies {
		replies[i] = timeless(replies[i])
	}
	got := "<!-- " + to + " -->\n\n" + strings.Join(replies, "\n\n<!-- another comment -->\n\n") + "\n"
	file := filepath.Join("testdata", "replies", name+".md")
	if os.Getenv("UPDATE_GOLDEN") != "" {
		require.NoError(w.t, os.MkdirAll(filepath.Dir(file), 0o700))
		require.NoError(w.t, os.WriteFile(file, []byte(got), 0o600))
	}
	want, err := os.ReadFile(file)
	require.NoError(w.t, err)
	assert.Equal(w.t, string(want), got)
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
	{regexp.MustCompile(`(Try again in )\d+m\d+s`), "${1}1m40s"},
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

// TestRepliesOfRequests keeps the replies of the commands on requests, and what the server says
// of their outcome.
func TestRepliesOfRequests(t *testing.T) {
	t.Parallel()
	// requests are made on issue 2, and decided on issue 1: outcomes come when they come
	w := asking(t, "POLICY_APPROVAL=group-delete", "CHATOPS_OWNERS_TEAM=others")
	for _, s := range []remark{
		{name: "access-request", login: "kim", issue: 2, text: `access-request docs --team platform --for 2h --reason "nightly training"`},
		{name: "access-request-again", login: "kim", issue: 2, text: "access-request docs --team platform --for 2h"},
		{name: "access-request-refused", login: "kim", issue: 2, text: "access-request api,foreign --team platform"},
		{name: "access-request-unknown-team", login: "kim", issue: 2, text: "access-request docs --team secret"},
		{name: "requests-list-own", login: "kim", text: "requests-list"},
		{name: "requests-list", text: "requests-list"},
		{name: "request-approve-unknown", login: "bob", text: "request-approve 1"},
		{name: "request-approve-longer", text: "request-approve 1 --for 7d"},
		{name: "request-approve-dry-run", text: "request-approve 1 --dry-run"},
		{name: "request-approve", text: "request-approve 1 --for 1h", outcomes: 1},
		{name: "request-approve-decided", text: "request-approve 1"},
		{name: "repos-remove-requested", text: "repos-remove docs"},
		{name: "access-request-no-end", login: "kim", issue: 2, text: "access-request docs --team platform"},
		{name: "request-deny", text: `request-deny 2 --reason "the GPUs are reserved"`, outcomes: 2},
		{name: "access-request-once-more", login: "kim", issue: 2, text: "access-request docs --team platform"},
		{name: "request-withdraw", login: "kim", text: "request-withdraw 3", outcomes: 3},
		{name: "request-of-command", issue: 2, text: "group-delete --team platform --yes"},
		{name: "request-approve-command", login: "olga", text: "request-approve 4", outcomes: 4},
		{name: "requests-list-all", login: "olga", text: "requests-list"},
	} {
		t.Run(s.name, func(t *testing.T) {
			w.in(t).reply(s)
			require.Eventually(t, func() bool { return w.told(2, "") >= s.outcomes }, eventually, tick)
		})
	}
	var told []string
	for _, c := range w.hub.Comments("acme", "runner-admin", 2) {
		if strings.Contains(c.Body, "<!-- arm:request ") {
			told = append(told, c.Body)
		}
	}
	w.in(t).golden("request-outcomes", "the server: outcomes", told)
}
