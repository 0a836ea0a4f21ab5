package store

import (
	"encoding/json"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/internal/secret"
)

// A Diff is what a command changed: the parts of a runner group, and of what is on record of
// it, that are not the same before and after it.
type Diff struct {
	Group  *Named `json:"group,omitempty"` // the team's group when the command ran; nil: it had none
	Before []Part `json:"before"`
	After  []Part `json:"after"`
	// Same is what stays the same, if that is needed to reverse the rest. The audit does not keep it.
	Same []Part `json:"same,omitempty"`
	// More is how many parts the audit left out because there were too many.
	More int `json:"more,omitempty"`
}

// A Named is something on GitHub with its name when the command ran.
type Named struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

// A Part is one thing that a command changed, as it was before or is after it. Zero fields say
// nothing, or that it has none.
type Part struct {
	Kind    PartKind   `json:"kind"`
	ID      int64      `json:"id,omitempty"` // GitHub's; the number of a trust or request; 0 for a workflow
	Name    string     `json:"name"`
	Labels  []string   `json:"labels,omitempty"`  // of a runner whose labels change
	Group   *Named     `json:"group,omitempty"`   // of a runner that moves, joins or leaves
	Until   *time.Time `json:"until,omitempty"`   // when the access or trust ends
	Request int64      `json:"request,omitempty"` // of a repository: the request by which it is attached
	State   string     `json:"state,omitempty"`   // of a request, or of what a group allows
	Trust   *PartTrust `json:"trust,omitempty"`
}

// A PartTrust is what a trust allows, and to which jobs.
type PartTrust struct {
	Ref         string   `json:"ref,omitempty"`
	Environment string   `json:"environment,omitempty"`
	Workflow    string   `json:"workflow,omitempty"`
	Commands    []string `json:"commands"`
}

// A PartKind is what a part is.
type PartKind string

// The kinds of parts.
const (
	PartTeam     PartKind = "team" // that owns a group
	PartGroup    PartKind = "group"
	PartRepo     PartKind = "repo"
	PartRunner   PartKind = "runner"
	PartWorkflow PartKind = "workflow" // that may use the group, if its use is limited; the one without a name: none may
	PartOfTrust  PartKind = "trust"
	PartRequest  PartKind = "request"
)

// IsZero reports whether nothing changed.
func (d Diff) IsZero() bool { return len(d.Before)+len(d.After) == 0 }

const (
	// maxDiffSide is how many bytes of JSON the audit keeps of each side of a diff.
	maxDiffSide = 8 << 10
	// maxUndo is how many bytes the audit keeps of the lines that undo a command.
	maxUndo = 8 << 10
)

// encode returns the diff as the audit keeps it, without what is too much.
func (d Diff) encode() string {
	if d.IsZero() {
		return ""
	}
	d.Same = nil
	for _, side := range []*[]Part{&d.Before, &d.After} {
		kept, size := []Part{}, 0
		for _, part := range *side {
			text, _ := json.Marshal(part) //nolint:errchkjson // numbers, strings and times always marshal
			if size += len(text) + 1; size > maxDiffSide {
				break
			}
			kept = append(kept, part)
		}
		d.More += len(*side) - len(kept)
		*side = kept
	}
	text, _ := json.Marshal(d) //nolint:errchkjson // likewise
	return secret.MaskTokens(string(text))
}

func decodeDiff(text string) (d Diff, err error) {
	if text != "" {
		err = json.Unmarshal([]byte(text), &d)
	}
	return d, err
}
