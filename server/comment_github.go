package server

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github/pacing"
	"github.com/actions-runner-manager/actions-runner-manager/internal/queue"
)

// commentGitHub posts, finds and deletes comments in admin repositories. It implements
// [comment.GitHub] and [queue.Ephemerals].
type commentGitHub struct {
	env *dispatch.Env
	app *github.App

	slug atomic.Pointer[string]         // the App's, once GitHub was asked
	ttl  func(org string) time.Duration // how long a comment with a secret exists
}

func (g *commentGitHub) org(ctx context.Context, login string) (*github.Org, error) {
	org, ok := findOrg(ctx, g.env, login)
	if !ok {
		return nil, dispatch.Refuse(dispatch.ReasonInvalidArgument, "The organization %s is no longer served.", dispatch.Quote(login))
	}
	return org.GitHub, nil
}

// commentError converts an error of GitHub to one for the comment channel. If a retry
// cannot help, the error has GitHub's status.
func commentError(err error, doing string) error {
	if err == nil {
		return nil
	}
	converted := dispatch.AsError(dispatch.GitHubError(err, doing))
	switch github.KindOf(err) {
	case github.NotFound:
		converted.Code = http.StatusNotFound
	case github.Forbidden, github.Closed:
		converted.Code = http.StatusForbidden
	case github.Invalid:
		converted.Code = http.StatusUnprocessableEntity
	}
	return converted
}

// React implements [comment.GitHub].
func (g *commentGitHub) React(ctx context.Context, login string, commentID int64, content string) error {
	org, err := g.org(ctx, login)
	if err != nil {
		return err
	}
	return commentError(org.React(ctx, commentID, content), "react to a comment")
}

// Post implements [comment.GitHub].
func (g *commentGitHub) Post(ctx context.Context, login string, issue int, body string) (int64, error) {
	org, err := g.org(ctx, login)
	if err != nil {
		return 0, err
	}
	id, err := org.CreateComment(ctx, issue, body)
	return id, commentError(err, "write a comment")
}

// Find implements [comment.GitHub]. It only returns comments that this App wrote, because
// people and other bots can write a marker too.
func (g *commentGitHub) Find(ctx context.Context, login string, issue int, marker string, since time.Time) ([]int64, error) {
	org, err := g.org(ctx, login)
	if err != nil {
		return nil, err
	}
	comments, err := org.Comments(ctx, issue, since)
	if err != nil {
		return nil, commentError(err, "list comments")
	}
	var ids []int64
	for _, c := range comments {
		if strings.Contains(c.Body, marker) && g.isOurs(ctx, c) {
			ids = append(ids, c.ID)
		}
	}
	return ids, nil
}

// Body implements [comment.GitHub].
func (g *commentGitHub) Body(ctx context.Context, login string, commentID int64) (body string, exists bool, err error) {
	org, err := g.org(ctx, login)
	if err != nil {
		return "", false, err
	}
	c, err := org.Comment(ctx, commentID)
	if github.KindOf(err) == github.NotFound {
		// deleted, unless GitHub does not show us the repository at all
		_, err = org.AdminRepository(ctx)
		return "", false, commentError(err, "look at the admin repository")
	}
	return c.Body, err == nil, commentError(err, "look at the comment again")
}

// isOurs reports whether this App wrote the comment. It does not if GitHub does not say.
func (g *commentGitHub) isOurs(ctx context.Context, c github.Comment) bool {
	ours, err := g.wrote(ctx, c.AppID, c.UserLogin)
	return ours && err == nil
}

// wrote reports whether this App wrote a comment or an issue. GitHub says by which App it was
// written (0: none). If it does not, the author must be our bot, whose login is SLUG[bot].
func (g *commentGitHub) wrote(ctx context.Context, appID int64, login string) (bool, error) {
	slug := g.slug.Load()
	byApp := appID != 0 || !strings.HasSuffix(login, "[bot]")
	if byApp && g.app.ID() == 0 || !byApp && slug == nil {
		info, err := g.app.App(ctx)
		if err != nil {
			return false, err
		}
		slug = &info.Slug
		g.slug.Store(slug)
	}
	if byApp {
		return appID == g.app.ID() && appID != 0, nil
	}
	return strings.EqualFold(login, *slug+"[bot]"), nil
}

// Private implements [comment.GitHub].
func (g *commentGitHub) Private(ctx context.Context, login string) (bool, error) {
	org, err := g.org(ctx, login)
	if err != nil {
		return false, err
	}
	repo, err := org.AdminRepository(ctx)
	return repo.Visibility == "private" || repo.Visibility == "" && repo.Private, commentError(err, "look at the admin repository")
}

// Keys implements [comment.GitHub].
func (g *commentGitHub) Keys(ctx context.Context, login, user string) ([]string, error) {
	org, err := g.org(ctx, login)
	if err != nil {
		return nil, err
	}
	keys, err := org.UserKeys(ctx, user)
	return keys, commentError(err, "list your SSH keys")
}

// DeleteComment implements [queue.Ephemerals].
func (g *commentGitHub) DeleteComment(ctx context.Context, e queue.Ephemeral) error {
	org, err := g.org(ctx, e.Org)
	if err != nil {
		return err
	}
	ctx = github.WithCaller(ctx, pacing.Caller{Kind: pacing.Deletion})
	if err := org.DeleteComment(ctx, e.CommentID); github.KindOf(err) != github.NotFound {
		return err
	}
	return nil
}

// FindComments implements [queue.Ephemerals].
func (g *commentGitHub) FindComments(ctx context.Context, e queue.Ephemeral) ([]int64, error) {
	ctx = github.WithCaller(ctx, pacing.Caller{Kind: pacing.Deletion})
	return g.Find(ctx, e.Org, e.Issue, e.Marker, e.DeleteAt.Add(-g.ttl(e.Org)-time.Hour))
}
