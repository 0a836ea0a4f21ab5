package main

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// A github is a simulated GitHub, and the environment that leads to it.
type github struct {
	*ghsim.Server
	environ []string
}

// newGitHub simulates acme: the teams old and young have a group of their name each.
func newGitHub(t *testing.T) *github {
	t.Helper()
	sim, err := ghsim.New(ghsim.Scenario{
		Organizations: []ghsim.OrgSpec{{
			Login:        "acme",
			Owners:       []string{"olga"},
			Repositories: []ghsim.RepoSpec{{Name: "runner-admin", Issues: []ghsim.IssueSpec{{Title: "Runners", Labels: []string{"team:old"}}}}, {Name: "api"}},
			Teams: []ghsim.TeamSpec{
				{Name: "old", CreatedAt: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), Maintainers: []string{"ada"}},
				{Name: "young", CreatedAt: time.Now().Add(-time.Hour), Maintainers: []string{"eve"}},
				{Name: "groupless"},
			},
			RunnerGroups: []ghsim.GroupSpec{{Name: "old", Repositories: []string{"api"}, Runners: []ghsim.RunnerSpec{{Name: "r1"}}}, {Name: "young"}, {Name: "other", Visibility: "all"}},
		}},
		Apps: []ghsim.AppSpec{{Name: "ARM", WebhookSecret: "hush", Installations: []ghsim.InstallationSpec{{Org: "acme"}}}},
	})
	require.NoError(t, err)
	web := httptest.NewServer(sim)
	t.Cleanup(func() { sim.Close(); web.Close() })
	g := &github{Server: sim}
	sim.Update(func(st *ghsim.State) {
		g.environ = []string{
			"CONFIG_PATH=" + filepath.Join(t.TempDir(), "config.yml"),
			"ARM_ORG=acme", "ARM_GITHUB_URL=" + web.URL, "ARM_APP_ID=" + fmt.Sprint(st.Apps[0].ID),
			"ARM_PRIVATE_KEY=" + st.Apps[0].PrivateKey(), "ARM_GITHUB_WEBHOOK_SECRET=hush", "ARM_CHATOPS_ADMIN_REPO=runner-admin",
			"ARM_DATABASE_URL=sqlite:" + filepath.Join(t.TempDir(), "arm.db"), "ARM_SERVER_PORT=0",
		}
	})
	return g
}

func (g *github) with(variables ...string) []string {
	return append(append([]string{}, g.environ...), variables...)
}

func TestGroups(t *testing.T) {
	g := newGitHub(t)
	_, out := spawnWith(t, g.environ, "serve") // all of this works beside a running server
	logged(t, out)

	got := do(t, g.environ, "groups", "list")
	assert.Equal(t, call{0, "No team of acme owns a runner group yet.\n", ""}, got)

	got = do(t, g.environ, "groups", "adopt", "--team", "old", "--dry-run")
	assert.Contains(t, got.stdout, "This would give")
	got = do(t, g.environ, "groups", "adopt", "--team", "old")
	assert.Equal(t, 0, got.status, got.stderr)
	for _, want := range []string{"owns the runner group", "visibility: selected", "public repositories: refused", "repositories: api", "runners: r1"} {
		assert.Contains(t, got.stdout, want)
	}
	got = do(t, g.environ, "groups", "list")
	assert.Regexp(t, `(?m)^old +\d+ +old +2 +adopted +operator +20`, got.stdout)

	for name, args := range map[string][]string{
		"is the organization's default":    {"--team", "young", "--group", "Default"},
		"belongs to the team `old`":        {"--team", "young", "--group", "old"},
		"which still exists":               {"--team", "old", "--group", "other"},
		"There is no team `nobody`":        {"--team", "nobody"},
		"no runner group `groupless`":      {"--team", "groupless"},
		"--org: the server does not serve": {"--team", "old", "--org", "globex"},
	} {
		got := do(t, g.environ, append([]string{"groups", "adopt"}, args...)...)
		assert.Equal(t, 1, got.status, name)
		assert.Contains(t, got.stderr, name)
		assert.Equal(t, 1, strings.Count(got.stderr, "\n"), "%q", got.stderr)
	}

	got = do(t, g.environ, "groups", "release", "--team", "old")
	assert.Equal(t, 0, got.status, got.stderr)
	assert.Contains(t, got.stdout, "Released the runner group")
	got = do(t, g.environ, "groups", "release", "--team", "old")
	assert.Equal(t, 1, got.status)
}

func TestAdoptAll(t *testing.T) {
	g := newGitHub(t)
	got := do(t, g.environ, "groups", "adopt", "--all", "--dry-run")
	assert.Equal(t, 0, got.status, got.stderr)
	assert.Regexp(t, `(?m)^old +\d+ +old +2 *$`, got.stdout)
	assert.Regexp(t, `(?m)^young +\d+ +young +3 +warning: the team may be younger than the group`, got.stdout)
	assert.NotContains(t, got.stdout, "groupless")

	got = do(t, g.environ, "groups", "adopt", "--all")
	assert.Equal(t, 1, got.status)
	assert.Contains(t, got.stderr, "repeat with --yes")
	assert.Contains(t, do(t, g.environ, "groups", "list").stdout, "No team")

	got = do(t, g.environ, "groups", "adopt", "--all", "--yes")
	assert.Equal(t, 0, got.status, got.stderr)
	assert.Contains(t, got.stdout, "old: adopted \"old\"\nyoung: adopted \"young\"\n")
	got = do(t, g.environ, "groups", "adopt", "--all", "--yes")
	assert.Equal(t, 0, got.status)
	assert.Contains(t, got.stdout, "nothing to adopt")
}

func TestConfirm(t *testing.T) {
	for answer, want := range map[string]bool{"y\n": true, "Yes\n": true, "n\n": false, "\n": false, "": false} {
		var out buffer
		assert.Equal(t, want, confirm(strings.NewReader(answer), &out, "Sure? "), "%q", answer)
		assert.Equal(t, "Sure? ", out.String())
	}
}

func TestExportAndImport(t *testing.T) {
	g := newGitHub(t)
	require.Equal(t, 0, do(t, g.environ, "groups", "adopt", "--all", "--yes").status)
	exported := do(t, g.environ, "groups", "export")
	require.Equal(t, 0, exported.status, exported.stderr)
	assert.Contains(t, exported.stdout, `"version": 1,`)

	elsewhere := g.with("ARM_DATABASE_URL=sqlite:" + filepath.Join(t.TempDir(), "new.db"))
	got := doWith(t, elsewhere, exported.stdout, "groups", "import", "-")
	assert.Equal(t, 0, got.status, got.stderr)
	assert.Contains(t, got.stdout, "2 of 2 were added")
	assert.Contains(t, got.stderr, "is new and empty")
	assert.Equal(t, exported.stdout, do(t, elsewhere, "groups", "export").stdout)
	got = doWith(t, elsewhere, exported.stdout, "groups", "import", "-")
	assert.Contains(t, got.stdout, "0 of 2 were added")

	for name, tt := range map[string]struct{ old, new, want string }{
		"another organization": {`"orgID": `, `"orgID": 9`, "another organization"},
		"another version":      {`"version": 1`, `"version": 2`, "version 2"},
		"a group of another":   {`"groupID": 2`, `"groupID": 3`, "owns another group"},
		"an origin":            {`"origin": "adopted"`, `"origin": "stolen"`, "records[1]: team `young`"},
		"no JSON":              {"{", "[", "is not the JSON"},
	} {
		file := filepath.Join(t.TempDir(), "record.json")
		require.NoError(t, os.WriteFile(file, []byte(strings.ReplaceAll(exported.stdout, tt.old, tt.new)), 0o600))
		got := do(t, elsewhere, "groups", "import", file)
		assert.Equal(t, 1, got.status, name)
		assert.Contains(t, got.stderr, tt.want, name)
	}
}

func TestReplay(t *testing.T) {
	g := newGitHub(t)
	server := start(t, g.environ, "serve")
	_, err := g.Comment("acme", "runner-admin", 1, "ada", "/runner-group help")
	require.NoError(t, err)
	require.NoError(t, g.Wait(t.Context()))
	payload := string(g.Deliveries()[0].Payload)

	replay := func(want int, says, stdin string, more ...string) {
		t.Helper()
		got := doWith(t, g.environ, stdin, append([]string{"replay", "-", "--url", server.url}, more...)...)
		assert.Equal(t, want, got.status, got.stderr)
		assert.Contains(t, got.stdout+got.stderr, says)
	}
	replay(0, "accepted", payload)
	replay(0, "duplicate: this comment", payload)
	replay(0, "accepted", payload, "--comment-id", "987654321")
	replay(0, "ignored", payload, "--event", "issues")
	replay(0, "(ping, delivery ", `{"request": {"headers": {"X-GitHub-Event": "ping"}, "payload": {"zen": "x"}}}`)
	replay(0, "duplicate", `{"event": "issue_comment", "request": {"headers": {}, "payload": `+payload+`}}`)
	replay(1, "is no webhook payload", "nonsense")
	replay(1, "--comment-id: the payload has no comment", "{}", "--comment-id", "1")
	replay(1, "the delivery cannot be read (issue_comment", `{"comment": "runner-group"}`)

	got := doWith(t, g.with("ARM_GITHUB_WEBHOOK_SECRET=wrong"), payload, "replay", "-", "--url", server.url)
	assert.Equal(t, 1, got.status)
	assert.Contains(t, got.stderr, "401 Unauthorized: refused: the signature does not match")
	got = doWith(t, g.environ, payload, "replay", "-")
	assert.Equal(t, 0, got.status, got.stderr)
	assert.Contains(t, got.stdout, "duplicate", "the server on its free port is found")
	got = doWith(t, g.environ, payload, "replay", "-", "--url", "ftp://x")
	assert.Contains(t, got.stderr, "--url: must be a URL")
	got = doWith(t, g.environ, payload, "replay", "-", "--url", "http://127.0.0.1:1")
	assert.Equal(t, "no server listens at 127.0.0.1:1, where --url says it is; start it there, or correct that\n", got.stderr)
	got = doWith(t, g.with("ARM_SERVER_PUBLIC_URL=http://127.0.0.1:1"), payload, "replay", "-")
	assert.Contains(t, got.stderr, "no server listens at 127.0.0.1:1, where server.publicURL says it is")
}
