package github

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/google/go-github/v41/github"
)

// A Comment is a comment on an issue or a pull request of the admin repository.
type Comment struct {
	ID        int64
	Body      string
	UserLogin string
	UserType  string // "User" or "Bot"
	AppID     int64  // the GitHub App that posted it; 0 if none did
	CreatedAt time.Time
}

// CreateComment posts a comment on an issue of the admin repository and returns its ID.
func (o *Org) CreateComment(ctx context.Context, issue int, body string) (int64, error) {
	op := fmt.Sprintf("comment on issue %d", issue)
	s, repo, err := o.adminSession(ctx, op)
	if err != nil {
		return 0, err
	}
	c, _, err := s.comments.Issues.CreateComment(ctx, o.loginSegment(), repo, issue, &github.IssueComment{Body: &body})
	return c.GetID(), o.app.failedWrite(op, err)
}

// DeleteComment deletes a comment. It fails with NotFound if the comment is gone already.
func (o *Org) DeleteComment(ctx context.Context, id int64) error {
	op := fmt.Sprintf("delete comment %d", id)
	s, repo, err := o.adminSession(ctx, op)
	if err != nil {
		return err
	}
	_, err = s.comments.Issues.DeleteComment(ctx, o.loginSegment(), repo, id)
	return o.app.failedWrite(op, err)
}

// React adds a reaction, such as "eyes", "rocket" or "confused", to a comment. If our
// reaction exists already, nothing changes and there is no error.
func (o *Org) React(ctx context.Context, commentID int64, content string) error {
	op := fmt.Sprintf("react to comment %d", commentID)
	s, repo, err := o.adminSession(ctx, op)
	if err != nil {
		return err
	}
	_, _, err = s.comments.Reactions.CreateIssueCommentReaction(ctx, o.loginSegment(), repo, commentID, content)
	return o.app.failedWrite(op, err)
}

type commentAnswer struct {
	ID        int64        `json:"id"`
	Body      string       `json:"body"`
	User      *github.User `json:"user"`
	CreatedAt time.Time    `json:"created_at"`
	App       *struct {
		ID int64 `json:"id"`
	} `json:"performed_via_github_app"`
}

// Comments lists the comments of an issue that were created or changed since then, oldest
// first. If since is zero, it lists all of them.
func (o *Org) Comments(ctx context.Context, issue int, since time.Time) ([]Comment, error) {
	op := fmt.Sprintf("list the comments of issue %d", issue)
	s, repo, err := o.adminSession(ctx, op)
	if err != nil {
		return nil, err
	}
	found, err := listAll(ctx, func(ctx context.Context, page github.ListOptions) ([]commentAnswer, *github.Response, error) {
		query := pageValues(page)
		if !since.IsZero() {
			query.Set("since", since.UTC().Format(time.RFC3339))
		}
		path := fmt.Sprintf("repos/%s/%s/issues/%d/comments?%s", o.loginSegment(), repo, issue, query.Encode())
		answer, resp, err := send[[]commentAnswer](ctx, s.comments, http.MethodGet, path, nil)
		if err == nil && resp.NextPage == 0 && resp.NextPageToken != "" {
			resp.NextPage = max(page.Page, 1) + 1 // go-github mistakes the link's "since" for its page
		}
		return answer, resp, err
	})
	if err != nil {
		return nil, o.app.failed(op, err)
	}
	comments := make([]Comment, len(found))
	for i, c := range found {
		comments[i] = Comment{ID: c.ID, Body: c.Body, UserLogin: c.User.GetLogin(), UserType: c.User.GetType(), CreatedAt: c.CreatedAt}
		if c.App != nil {
			comments[i].AppID = c.App.ID
		}
	}
	return comments, nil
}

// Comment gets a comment. It fails with NotFound if the comment was deleted.
func (o *Org) Comment(ctx context.Context, id int64) (Comment, error) {
	op := fmt.Sprintf("get comment %d", id)
	s, repo, err := o.adminSession(ctx, op)
	if err != nil {
		return Comment{}, err
	}
	c, _, err := s.comments.Issues.GetComment(ctx, o.loginSegment(), repo, id)
	if err != nil {
		return Comment{}, o.app.failed(op, err)
	}
	return Comment{ID: c.GetID(), Body: c.GetBody(), UserLogin: c.GetUser().GetLogin(), UserType: c.GetUser().GetType(), CreatedAt: c.GetCreatedAt()}, nil
}
