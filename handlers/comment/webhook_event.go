package comment

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/palantir/go-githubapp/githubapp"
)

const (
	eventIssueComment = "issue_comment"
	actionCreated     = "created"
	actionEdited      = "edited"
)

// acceptTimeout bounds the storing of a delivery: GitHub waits 10 seconds for the answer.
const acceptTimeout = 8 * time.Second

// A Comment is what is kept of a delivery: the commands of one comment, and what
// running them needs. It is about 1 kB of JSON.
type Comment struct {
	Org            string    `json:"org"` // as it is configured
	OrgID          int64     `json:"orgID,omitempty"`
	Repo           string    `json:"repo"` // the admin repository's name
	RepoID         int64     `json:"repoID"`
	InstallationID int64     `json:"installationID"`
	Issue          int       `json:"issue"`
	CommentID      int64     `json:"commentID"`
	Author         Author    `json:"author"`
	Digest         string    `json:"digest,omitempty"`     // of the text, to see if it was edited
	Lines          []Line    `json:"lines"`                // the commands
	Appended       []Line    `json:"appended,omitempty"`   // those of a mail that was replied to, which do not run; one of the two is not empty
	Labels         []string  `json:"labels,omitempty"`     // the issue's labels that name a team
	TeamFields     []string  `json:"teamFields,omitempty"` // the teams that the issue's form names
	IssueAuthor    Author    `json:"issueAuthor"`
	CreatedAt      time.Time `json:"createdAt"` // or edited, if this is about an edit
	// Notice says that no command runs, and what the reply says instead: NoticeEdited or
	// NoticeUnreadable.
	Notice string `json:"notice,omitempty"`
}

// An Author is who wrote a comment, as GitHub signed it.
type Author struct {
	ID    int64  `json:"id"`
	Login string `json:"login"`
}

// A malformedError says what keeps an issue_comment from being read.
type malformedError struct{ cause error }

func (e *malformedError) Error() string { return fmt.Sprintf("malformed issue_comment: %v", e.cause) }
func (e *malformedError) Unwrap() error { return e.cause }

// bodyKey is the key of the context's value that is the delivery's body, which was read already:
// the dispatcher would copy it, and several times while its copy grows.
type bodyKey struct{}

// durableScheduler is the scheduler of go-githubapp's dispatcher. The work itself
// is done by the queue; what it runs here is only the storing of a delivery, which
// has to be over before GitHub gets its answer, and in time for it.
type durableScheduler struct{}

// Schedule implements [githubapp.Scheduler].
func (durableScheduler) Schedule(ctx context.Context, d githubapp.Dispatch) error {
	ctx, cancel := context.WithTimeout(ctx, acceptTimeout)
	defer cancel()
	if body, ok := ctx.Value(bodyKey{}).([]byte); ok {
		d.Payload = body
	}
	return d.Execute(ctx)
}

// commentEvents handles the events named issue_comment.
type commentEvents struct{ *webhook }

// Handles implements [githubapp.EventHandler].
func (commentEvents) Handles() []string { return []string{eventIssueComment} }

func (e commentEvents) wants(body []byte) bool { return e.mayHoldCommand(body) }

// Handle stores the comment of a payload, if it holds a command for us.
func (e commentEvents) Handle(ctx context.Context, _, guid string, payload []byte) error {
	p, err := readPayload(payload)
	if err != nil {
		return &malformedError{err}
	}
	if p.Action == "" || p.Repository.FullName == "" || p.Issue.Number <= 0 || p.Comment.ID <= 0 {
		return &malformedError{fmt.Errorf("action, repository, issue or comment is missing")}
	}
	comment, drop, err := e.filter(ctx, guid, p)
	if err != nil {
		return err
	}
	if drop != "" {
		e.dropped(ctx, guid, p, drop)
		return nil
	}
	if comment.Author.ID <= 0 || comment.Author.Login == "" || comment.CreatedAt.IsZero() {
		return &malformedError{fmt.Errorf("the comment's author or time is missing")}
	}
	fresh, err := e.Accept(ctx, guid, comment)
	switch {
	case err != nil:
		return fmt.Errorf("store the delivery: %w", err)
	case fresh:
		e.respond(ctx, OutcomeAccepted, "")
	default:
		e.respond(ctx, OutcomeDuplicate, "this comment was accepted before")
	}
	return nil
}

func (e commentEvents) respond(ctx context.Context, outcome, detail string) {
	githubapp.SetResponder(ctx, func(w http.ResponseWriter, _ *http.Request) {
		e.answer(w, http.StatusOK, outcome, detail)
	})
}
