package github

import (
	"context"
	"fmt"
	"net/http"

	"github.com/google/go-github/v41/github"
)

// An Issue is an issue or a pull request of the admin repository.
type Issue struct {
	Number   int    `json:"number"`
	HTMLURL  string `json:"html_url"`
	Locked   bool   `json:"locked"`   // only people who may write to the repository can comment, and no App
	Comments int    `json:"comments"` // how many there are; GitHub takes 2,500
}

// OpenIssues lists the open issues of the admin repository, those with most comments first.
func (o *Org) OpenIssues(ctx context.Context) ([]Issue, error) {
	const op = "list the open issues of the admin repository"
	s, repo, err := o.adminSession(ctx, op)
	if err != nil {
		return nil, err
	}
	issues, err := listAll(ctx, func(ctx context.Context, page github.ListOptions) ([]Issue, *github.Response, error) {
		query := pageValues(page)
		query.Set("state", "open")
		query.Set("sort", "comments")
		path := fmt.Sprintf("repos/%s/%s/issues?%s", o.loginSegment(), repo, query.Encode())
		return send[[]Issue](ctx, s.comments, http.MethodGet, path, nil)
	})
	return issues, o.app.failed(op, err)
}
