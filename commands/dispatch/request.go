package dispatch

import (
	"context"
	"slices"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/internal/oidc"
	"github.com/actions-runner-manager/actions-runner-manager/internal/secret"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// A Channel is how a request arrived. The audit, logs and metrics carry it.
type Channel string

// The channels.
const (
	REST     Channel = "rest"
	Comment  Channel = "comment"
	Console  Channel = "console"  // the web page
	CLI      Channel = "cli"      // the operator's subcommands
	Schedule Channel = "schedule" // the server itself
)

// trusted reports whether requests on the channel come from the server or its operator, who
// need no right of their own.
func (d Channel) trusted() bool { return d == CLI || d == Schedule }

// A Principal is the caller, as the channel authenticated them: a person, or a job of GitHub
// Actions.
type Principal struct {
	ID    int64  // GitHub's numeric user id; 0 for a job
	Login string // of a job: "workflow:OWNER/NAME@RUN"
	// Workflow is what GitHub says of the job; nil for a person.
	Workflow *oidc.Claims
}

// Known reports whether somebody was proved at all.
func (p Principal) Known() bool { return p.ID != 0 || p.Workflow != nil }

// key is what the caller is remembered and counted by: jobs by their repository, whose ids
// and those of people are apart.
func (p Principal) key() int64 {
	if p.Workflow != nil {
		return -p.Workflow.RepositoryID
	}
	return p.ID
}

// Args are the arguments of one call as a channel found them, not yet decoded.
type Args struct {
	Positional []string // the words of a comment that belong to no flag
	Named      []NamedArg
}

// A NamedArg is one name with the values given for it. A flag without a value
// (--offline) has the one value "true".
type NamedArg struct {
	Name   string
	Values []string
}

// Add appends values under name. What looks like a token of GitHub's was put there by mistake,
// and is masked: nothing behind this sees it.
func (a *Args) Add(name string, values ...string) {
	name = secret.MaskTokens(name)
	values = slices.Clone(values)
	for i, value := range values {
		values[i] = secret.MaskTokens(value)
	}
	for i := range a.Named {
		if a.Named[i].Name == name {
			a.Named[i].Values = append(a.Named[i].Values, values...)
			return
		}
	}
	a.Named = append(a.Named, NamedArg{Name: name, Values: values})
}

// Get returns the values given under name.
func (a Args) Get(name string) ([]string, bool) {
	for _, n := range a.Named {
		if n.Name == name {
			return n.Values, true
		}
	}
	return nil, false
}

// A TeamSource is what of a comment's issue names the team.
type TeamSource string

// The sources.
const (
	TeamOfLabel TeamSource = "label" // team:SLUG
	TeamOfField TeamSource = "field" // ### Team, of an issue form
)

// A Source is the comment that holds a command.
type Source = store.Source

// A Request is one call of a command, whichever channel it came through.
type Request struct {
	ID      string // delivery GUID and index, or request id
	Channel Channel
	Command string
	Org     string // from the event or the configuration, never only from the arguments
	// OrgArg is the argument "org", if the server serves several
	// organizations and the channel got one.
	OrgArg *string
	Caller Principal
	Args   Args
	// Source is the comment that holds the command; zero on other channels.
	Source Source

	// TeamID is the team acted for, on the channel [Schedule] only: by the record, not by the
	// slug in the arguments, which may be another team's by now.
	TeamID int64
	// EndsAccess, on the channel [Schedule] only, has repos-remove detach what is over by the
	// record, by ids, when its turn has come. The names in the arguments are for the audit.
	EndsAccess bool

	// TeamHint is the team that the comment's issue names; it counts if the arguments name
	// none. TeamSource says what of the issue names it.
	TeamHint   string
	TeamSource TeamSource
	// TeamProblem, if not empty, says why the issue names no one team: several labels or
	// fields do.
	TeamProblem string
	// FieldAuthor is who wrote the field that names the team, if it is not the caller.
	FieldAuthor Principal
	// Malformed is what is wrong with the arguments, if the channel could not even
	// read them: the refusal, given at the step that checks arguments.
	Malformed *Error
	// Preview is set to learn what would change. Nothing is changed. The argument [DryRun] sets
	// it too.
	Preview bool
	// View is set if the request only shows something on a page. Its command must be one that
	// only reads.
	View *View
	// Approved is set if an owner approved the request: what the names in its arguments meant
	// when it was made. If one means something else now, the call is refused.
	Approved []store.RequestTarget
	// Repeated says that this very request was dispatched before, and perhaps started.
	Repeated bool
	// StillWanted, if set, is called once the call's turn has come, before anything is
	// changed. Its error ends the call.
	StillWanted func(ctx context.Context) error
	// Deadline bounds the command; zero means the dispatcher's own.
	Deadline time.Duration
	// Limited says that the caller's rate limit was already charged for this request.
	Limited bool
	// PrepareSecret, if set, is called before a secret is made. Its error, a refusal,
	// says that the answer could not be kept secret, and nothing is made then.
	PrepareSecret func(ctx context.Context, spec Spec) error
}

// A Result is what a command that succeeded answers.
type Result struct {
	// Response is what programs get; it is marshalled as JSON.
	Response any
	// Message is what people get: one or two sentences in Markdown.
	Message string
	// Tables are shown beneath the message.
	Tables []Table
	// Notes are further sentences: what to do next, what to mind.
	Notes []string
	// Secret is set if the response holds one; the comment channel never shows
	// Response then, but this, by the way that tokenReply names.
	Secret *Secret
	// Items is what became of each item, for a command on several.
	Items []Item
	// Changed reports whether anything is different now.
	Changed bool
	// Request is the number of a request that was made and that waits for a decision; 0: none.
	// REST answers 202 then.
	Request int64
	// Mention is the team that is to decide it, as ORG/SLUG. A comment mentions it.
	Mention string
	// Attention means that people should look although nothing failed: nothing of what was
	// named is there, or a job waits. They see ⚠️ instead of ✅.
	Attention bool
	// Undo are the lines of a comment that reverse what was done; empty if nothing does.
	Undo string
	// DryRun means that the caller asked for a dry run, so this is what would be.
	DryRun bool
	// Needless is of a preview: the command would change nothing, so there is nothing to confirm.
	Needless bool
}

// A Table is a list for people.
type Table struct {
	Title  string // "Repositories (3)"
	Header []string
	Rows   [][]string
	Code   bool  // the first column is code
	CodeIn []int // other columns that are code, by index
	// Sentences are the columns whose cells are sentences in Markdown, as Message is.
	Sentences []int
	Folded    bool // shown only if the reader unfolds it, as every long table is
	// Links are the addresses that the first cells of the rows link to; "": none.
	Links []string
}

// A Secret is a secret with what people need to use it.
type Secret struct {
	Kind    string      // "registration token"
	Text    secret.Text // what is handed over: the ready command lines, with the secret in them
	Expires time.Time
	// EncryptedOnly means that a comment must not show Text unencrypted.
	EncryptedOnly bool
}
