package commands

import (
	"strconv"
	"strings"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// A TrustInfo is a trust in an answer.
type TrustInfo struct {
	ID          int64      `json:"id"`
	Repository  string     `json:"repository"`  // OWNER/NAME when it was made; its id counts
	Ref         string     `json:"ref"`         // "": any
	Environment string     `json:"environment"` // "": any
	Workflow    string     `json:"workflow"`    // path; "": any of the repository
	Commands    []string   `json:"commands"`
	Expires     time.Time  `json:"expires"`
	MadeBy      string     `json:"madeBy"`
	LastUsed    *time.Time `json:"lastUsed"` // null: never
}

func trustInfo(t store.Trust) TrustInfo {
	info := TrustInfo{
		ID: t.ID, Repository: t.Repo, Ref: t.Ref, Environment: t.Environment, Workflow: t.Workflow,
		Commands: t.Commands, Expires: t.Expires.UTC(), MadeBy: t.MadeBy,
	}
	if !t.UsedAt.IsZero() {
		used := t.UsedAt.UTC()
		info.LastUsed = &used
	}
	return info
}

// A TrustAnswer is what the commands on one trust answer.
type TrustAnswer struct {
	Team    string    `json:"team"`
	Trust   TrustInfo `json:"trust"`
	Message string    `json:"message"`
	Undo    string    `json:"undo,omitempty"`
}

func sampleTrust() store.Trust {
	return store.Trust{
		ID: 3, Repo: "acme/api", Ref: "refs/heads/main", Environment: "production", Workflow: ".github/workflows/runners.yml",
		Commands: []string{"repos-add", "token-jit"}, Expires: sampleTime().Add(180 * 24 * time.Hour), MadeBy: "mona",
	}
}

// trustTable shows trusts to people.
func trustTable(trusts []store.Trust, now time.Time) dispatch.Table {
	table := dispatch.Table{
		Title:  "Trusts (" + strconv.Itoa(len(trusts)) + ")",
		Header: []string{"Id", "Repository", "Jobs", "Commands", "Expires", "Made by", "Last used"}, CodeIn: []int{1, 3}, Sentences: []int{2},
	}
	for _, t := range trusts {
		used, expires := "never", t.Expires.UTC().Format(time.DateOnly)
		if !t.UsedAt.IsZero() {
			used = t.UsedAt.UTC().Format(time.DateOnly)
		}
		if !now.Before(t.Expires) {
			expires += ", expired"
		}
		table.Rows = append(table.Rows, []string{strconv.FormatInt(t.ID, 10), t.Repo, jobsOf(t), strings.Join(t.Commands, ", "), expires, t.MadeBy, used})
	}
	return table
}

// jobsOf says in Markdown which jobs of its repository a trust is for.
func jobsOf(t store.Trust) string {
	var parts []string
	if t.Ref != "" {
		parts = append(parts, "on "+dispatch.Quote(t.Ref))
	}
	if t.Environment != "" {
		parts = append(parts, "in the environment "+dispatch.Quote(t.Environment))
	}
	if t.Workflow != "" {
		parts = append(parts, "of "+dispatch.Quote(t.Workflow))
	}
	return strings.Join(parts, ", ")
}
