package comment

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/palantir/go-githubapp/githubapp"
)

const eventIssueComment = "issue_comment"

// acceptTimeout bounds the storing of a delivery: GitHub waits 10 seconds for the answer.
const acceptTimeout = 8 * time.Second

// A Comment is what is kept of a delivery: the commands of one comment, and what
// running them needs. It is about 1 kB of JSON.
type Comment struct {
	Org            string    `json:"org"`  // as it is configured
	Repo           string    `json:"repo"` // the admin repository's name
	RepoID         int64     `json:"repoID"`
	InstallationID int64     `json:"installationID"`
	Issue          int       `json:"issue"`
	CommentID      int64     `json:"commentID"`
	Author         Author    `json:"author"`
	Digest         string    `json:"digest,omitempty"`     // of the text, to see if it was edited
	Lines          []Line    `json:"lines"`                // the commands, never none
	Labels         []string  `json:"labels,omitempty"`     // the issue's labels that name a team
	TeamFields     []string  `json:"teamFields,omitempty"` // the teams that the issue's form names
	IssueAuthor    Author    `json:"issueAuthor"`
	CreatedAt      time.Time `json:"createdAt"`
}

// An Author is who wrote a comment, as GitHub signed it.
type Author struct {
	ID    int64  `json:"id"`
	Login string `json:"login"`
}

// commentPayload is the part of an issue_comment that matters here.
type commentPayload struct {
	Action string `json:"action"`
	Issue  struct {
		Number int         `json:"number"`
		Body   string      `json:"body"`
		User   payloadUser `json:"user"`
		Labels []struct {
			Name string `json:"name"`
		} `json:"labels"`
	} `json:"issue"`
	Comment struct {
		ID        int64        `json:"id"`
		Body      string       `json:"body"`
		User      payloadUser  `json:"user"`
		CreatedAt time.Time    `json:"created_at"`
		App       *payloadName `json:"performed_via_github_app"`
	} `json:"comment"`
	Repository struct {
		ID       int64       `json:"id"`
		FullName string      `json:"full_name"`
		Owner    payloadUser `json:"owner"`
	} `json:"repository"`
	Installation payloadName `json:"installation"`
	Sender       payloadUser `json:"sender"`
}

type payloadName struct {
	ID int64 `json:"id"`
}

type payloadUser struct {
	ID    int64  `json:"id"`
	Login string `json:"login"`
	Type  string `json:"type"` // User, Bot, Organization, Mannequin
}

// A malformedError says what keeps an issue_comment from being read.
type malformedError struct{ cause error }

func (e *malformedError) Error() string { return fmt.Sprintf("malformed issue_comment: %v", e.cause) }
func (e *malformedError) Unwrap() error { return e.cause }

// durableScheduler is the scheduler of go-githubapp's dispatcher. The work itself
// is done by the queue; what it runs here is only the storing of a delivery, which
// has to be over before GitHub gets its answer, and in time for it.
type durableScheduler struct{}

// Schedule implements [githubapp.Scheduler].
func (durableScheduler) Schedule(ctx context.Context, d githubapp.Dispatch) error {
	ctx, cancel := context.WithTimeout(ctx, acceptTimeout)
	defer cancel()
	return d.Execute(ctx)
}

// commentEvents handles the events named issue_comment.
type commentEvents struct{ *webhook }

// Handles implements [githubapp.EventHandler].
func (commentEvents) Handles() []string { return []string{eventIssueComment} }

// Handle stores the comment of a payload, if it holds a command for us.
func (e commentEvents) Handle(ctx context.Context, _, guid string, payload []byte) error {
	var p commentPayload
	if err := json.Unmarshal(payload, &p); err != nil {
		return &malformedError{err}
	}
	if p.Action == "" || p.Repository.FullName == "" || p.Issue.Number <= 0 || p.Comment.ID <= 0 {
		return &malformedError{fmt.Errorf("action, repository, issue or comment is missing")}
	}
	comment, why := e.filter(&p)
	if why != "" {
		e.respond(ctx, OutcomeIgnored, why)
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

// isAdminRepo reports whether the comment is in the organization's admin repository. The
// organization is known by its id, if GitHub was asked for it, because it may be renamed.
func (o WebhookOrg) isAdminRepo(p *commentPayload) bool {
	owner, name, _ := strings.Cut(p.Repository.FullName, "/")
	if o.AdminRepo == "" || !strings.EqualFold(name, o.AdminRepo) {
		return false
	}
	if id := o.OrgID; id != nil && id() != 0 && p.Repository.Owner.ID != 0 && strings.EqualFold(owner, p.Repository.Owner.Login) {
		return p.Repository.Owner.ID == id()
	}
	return strings.EqualFold(owner, o.Org)
}

// filter returns what is kept of a payload, or why it is ignored.
func (e commentEvents) filter(p *commentPayload) (comment Comment, ignored string) {
	i := slices.IndexFunc(e.Orgs, func(o WebhookOrg) bool { return o.isAdminRepo(p) })
	switch {
	case p.Action != "created":
		return Comment{}, "not a new comment"
	case i < 0:
		return Comment{}, "not in an admin repository"
	case p.Comment.User.Type != "User", p.Sender.Type != "" && p.Sender.Type != "User", p.Comment.App != nil:
		return Comment{}, "not written by a person"
	}
	org := e.Orgs[i]
	// While the installation is unknown (GitHub was down at start), whoever runs the
	// command finds it out first.
	if known := org.InstallationID(); p.Installation.ID == 0 || known != 0 && known != p.Installation.ID {
		return Comment{}, "not of the configured installation"
	}
	lines := ParseComment(p.Comment.Body)
	if len(lines) == 0 {
		return Comment{}, "no command"
	}
	comment = Comment{
		Org: org.Org, Repo: org.AdminRepo, RepoID: p.Repository.ID, InstallationID: p.Installation.ID,
		Issue: p.Issue.Number, CommentID: p.Comment.ID,
		Author: Author{ID: p.Comment.User.ID, Login: p.Comment.User.Login},
		Lines:  lines, Digest: digestOf(p.Comment.Body),
		TeamFields: teamFields(p.Issue.Body), IssueAuthor: Author{ID: p.Issue.User.ID, Login: p.Issue.User.Login},
		CreatedAt: p.Comment.CreatedAt,
	}
	for _, label := range p.Issue.Labels {
		if _, ok := teamOfLabel(label.Name); ok {
			comment.Labels = append(comment.Labels, label.Name)
		}
	}
	return comment, ""
}
