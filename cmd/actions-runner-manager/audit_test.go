package main

import (
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

// The export works beside a running server, on each database, and asks GitHub nothing.
func TestAuditExport(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		g := newGitHub(t)
		g.environ = g.with("ARM_DATABASE_URL=" + url)
		_, out := spawnWith(t, g.environ, "serve")
		logged(t, out)
		require.Equal(t, 0, do(t, g.environ, "groups", "adopt", "--team", "old").status)
		writeAudit(t, url)
		g.ResetCalls()

		got := do(t, g.environ, "audit", "export", "--since", "30d", "--org", "ACME")
		require.Equal(t, 0, got.status, got.stderr)
		lines := strings.Split(strings.TrimSpace(got.stdout), "\n")
		require.Len(t, lines, 2, "the older entry and the other organization are left out: %s", got.stdout)
		assert.JSONEq(t, `{"org": "acme", "at": "`+hourAgo.Format(time.RFC3339)+`", "caller": "+eve", "callerId": 7, "channel": "comment", "team": "old",
			"command": "repos-add", "arguments": "=HYPERLINK(\"x\"),\nb", "outcome": "done", "changed": true, "requestId": "g/0",
			"link": "`+g.url()+`/acme/runner-admin/issues/3#issuecomment-9001", "count": 1,
			"workflow": {"actor": "mona", "ref": "refs/heads/main", "workflowRef": "@w"}, "teamId": 5,
			"group": {"id": 7, "name": "old"}, "before": [{"kind": "repo", "id": 3, "name": "api"}], "after": [], "undo": "/runner-group repos-add api --team old"}`, lines[0])
		var adopted commands.AuditEntry
		require.NoError(t, json.Unmarshal([]byte(lines[1]), &adopted))
		assert.Equal(t, "operator group-adopt done", adopted.Caller+" "+adopted.Command+" "+adopted.Outcome)
		assert.Empty(t, g.Calls())

		got = do(t, g.environ, "audit", "export", "--until", "30m", "--format", "csv")
		require.Equal(t, 0, got.status, got.stderr)
		rows, err := csv.NewReader(strings.NewReader(got.stdout)).ReadAll()
		require.NoError(t, err)
		require.Len(t, rows, 4, got.stdout)
		assert.Equal(t, auditColumns, rows[0])
		assert.Equal(t, []string{
			hourAgo.Format(time.RFC3339), "acme", "'+eve", "7", "comment", "old", "repos-add", "'=HYPERLINK(\"x\"),\nb", "done", "", "true",
			"g/0", g.url() + "/acme/runner-admin/issues/3#issuecomment-9001", "1", "mona", "refs/heads/main", "'@w",
			"5", `{"id":7,"name":"old"}`, `[{"kind":"repo","id":3,"name":"api"}]`, "[]", "", "/runner-group repos-add api --team old",
		}, rows[2])
		assert.Equal(t, "globex", rows[3][1])
	})
}

var hourAgo = time.Now().Add(-time.Hour).UTC().Truncate(time.Second)

func (g *github) url() string {
	for _, variable := range g.environ {
		if url, ok := strings.CutPrefix(variable, "ARM_GITHUB_URL="); ok {
			return url
		}
	}
	return ""
}

// writeAudit writes an entry of a year ago, and one of an hour ago of each of two
// organizations.
func writeAudit(t *testing.T, url string) {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{URL: url, Logger: zerolog.Nop()})
	require.NoError(t, err)
	orgs, err := s.AuditOrgs(t.Context())
	require.NoError(t, err)
	require.Len(t, orgs, 1)
	e := store.Entry{
		At: hourAgo, OrgID: orgs[0].ID, Org: "acme", Caller: "+eve", CallerID: 7, Channel: "comment", Team: "old", Command: "repos-add",
		Args: "=HYPERLINK(\"x\"),\nb", Outcome: store.Done, Changed: true, RequestID: "g/0", Source: store.Source{Repo: "runner-admin", Issue: 3, Comment: 9001},
		Workflow: store.WorkflowRun{Actor: "mona", Ref: "refs/heads/main", WorkflowRef: "@w"}, TeamID: 5, Undo: "/runner-group repos-add api --team old",
		Diff: store.Diff{Group: &store.Named{ID: 7, Name: "old"}, Before: []store.Part{{Kind: store.PartRepo, ID: 3, Name: "api"}}},
	}
	require.NoError(t, s.Audit(t.Context(), e))
	e.OrgID, e.Org, e.RequestID = e.OrgID+1, "globex", "g/1"
	require.NoError(t, s.Audit(t.Context(), e))
	e.OrgID, e.Org, e.RequestID, e.At = orgs[0].ID, "acme", "g/2", hourAgo.AddDate(-1, 0, 0)
	require.NoError(t, s.Audit(t.Context(), e))
	require.NoError(t, s.Close())
}

func TestAuditExportMistakes(t *testing.T) {
	t.Parallel()
	g := newGitHub(t)
	for text, args := range map[string][]string{
		"--since is a date":       {"--since", "yesterday"},
		"--until is a date":       {"--until", ""},
		"--format is jsonl":       {"--format", "xml"},
		"--until is before":       {"--since", "1d", "--until", "2d"},
		"unexpected argument \"x": {"x"},
	} {
		got := do(t, g.environ, append([]string{"audit", "export"}, args...)...)
		assert.Equal(t, 2, got.status, args)
		assert.Contains(t, got.stderr, text)
	}
	assert.Contains(t, do(t, g.environ, "audit", "export").stderr, "there is no database at")
	require.Equal(t, exitFine, do(t, g.environ, "groups", "list").status) // makes one
	got := do(t, g.environ, "audit", "export", "--org", "initech")
	assert.Equal(t, 1, got.status)
	assert.Contains(t, got.stderr, `--org: the audit log has no entry of "initech"`)
	assert.Empty(t, do(t, g.environ, "audit", "export").stdout)
}
