package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/handlers/comment"
	"github.com/actions-runner-manager/actions-runner-manager/handlers/rest"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/queue"
)

// users lets the REST channel ask GitHub who a token belongs to.
type users struct{ app *github.App }

// User implements [rest.Users].
func (u users) User(ctx context.Context, token string) (rest.User, error) {
	user, err := u.app.User(ctx, token)
	switch github.KindOf(err) {
	case "":
		return rest.User{ID: user.ID, Login: user.Login, Type: user.Type, OAuthClientID: user.OAuthClientID}, nil
	case github.Unauthorized, github.Forbidden, github.Invalid:
		return rest.User{}, fmt.Errorf("%w: %w", rest.ErrBadToken, err)
	}
	return rest.User{}, dispatch.GitHubError(err, "tell who a token belongs to")
}

// commentGitHub is what the comment channel and the deletion of comments ask of GitHub.
type commentGitHub struct {
	env   *dispatch.Env
	appID int64
	ttl   func(org string) time.Duration // how long a comment with a secret stands
}

func (g *commentGitHub) org(login string) (*github.Org, error) {
	org, ok := g.env.Org(login)
	if !ok {
		return nil, dispatch.Refuse(dispatch.ReasonInvalidArgument, "The organization %s is no longer served.", dispatch.Quote(login))
	}
	return org.GitHub, nil
}

// explained turns GitHub's error into one for the comment channel, with GitHub's status
// where asking again will not help.
func explained(err error, doing string) error {
	if err == nil {
		return nil
	}
	explained := dispatch.AsError(dispatch.GitHubError(err, doing))
	switch github.KindOf(err) {
	case github.NotFound:
		explained.Code = http.StatusNotFound
	case github.Forbidden:
		explained.Code = http.StatusForbidden
	case github.Invalid:
		explained.Code = http.StatusUnprocessableEntity
	}
	return explained
}

// React implements [comment.GitHub].
func (g *commentGitHub) React(ctx context.Context, login string, commentID int64, content string) error {
	org, err := g.org(login)
	if err != nil {
		return err
	}
	return explained(org.React(ctx, commentID, content), "react to a comment")
}

// Post implements [comment.GitHub].
func (g *commentGitHub) Post(ctx context.Context, login string, issue int, body string) (int64, error) {
	org, err := g.org(login)
	if err != nil {
		return 0, err
	}
	id, err := org.CreateComment(ctx, issue, body)
	return id, explained(err, "write a comment")
}

// Find implements [comment.GitHub]. A person could write a marker too, so
// only comments that an App wrote count.
func (g *commentGitHub) Find(ctx context.Context, login string, issue int, marker string, since time.Time) ([]int64, error) {
	org, err := g.org(login)
	if err != nil {
		return nil, err
	}
	comments, err := org.Comments(ctx, issue, since)
	if err != nil {
		return nil, explained(err, "list comments")
	}
	var ids []int64
	for _, c := range comments {
		byApp := c.UserType == "Bot" || c.AppID == g.appID
		if byApp && strings.Contains(c.Body, marker) {
			ids = append(ids, c.ID)
		}
	}
	return ids, nil
}

// Private implements [comment.GitHub].
func (g *commentGitHub) Private(ctx context.Context, login string) (bool, error) {
	org, err := g.org(login)
	if err != nil {
		return false, err
	}
	repo, err := org.AdminRepository(ctx)
	return repo.Visibility == "private" || repo.Visibility == "" && repo.Private, explained(err, "look at the admin repository")
}

// Keys implements [comment.GitHub].
func (g *commentGitHub) Keys(ctx context.Context, login, user string) ([]string, error) {
	org, err := g.org(login)
	if err != nil {
		return nil, err
	}
	keys, err := org.UserKeys(ctx, user)
	return keys, explained(err, "list your SSH keys")
}

// DeleteComment implements [queue.Ephemerals].
func (g *commentGitHub) DeleteComment(ctx context.Context, e queue.Ephemeral) error {
	org, err := g.org(e.Org)
	if err != nil {
		return err
	}
	if err := org.DeleteComment(ctx, e.CommentID); github.KindOf(err) != github.NotFound {
		return err
	}
	return nil
}

// FindComments implements [queue.Ephemerals].
func (g *commentGitHub) FindComments(ctx context.Context, e queue.Ephemeral) ([]int64, error) {
	return g.Find(ctx, e.Org, e.Issue, e.Marker, e.DeleteAt.Add(-g.ttl(e.Org)-time.Hour))
}

// Plan implements [comment.Ephemerals].
func (a *app) Plan(ctx context.Context, login string, issue int, marker string, deleteAt time.Time) error {
	e := queue.Ephemeral{Org: login, Issue: issue, Marker: marker, DeleteAt: deleteAt}
	if org, ok := a.env.Org(login); ok {
		e.Repo, e.InstallationID = org.GitHub.AdminRepo(), org.GitHub.InstallationID()
	}
	return a.queue.PlanDeletion(ctx, e)
}

// Posted implements [comment.Ephemerals].
func (a *app) Posted(ctx context.Context, marker string, commentID int64) error {
	return a.queue.Posted(ctx, marker, commentID)
}

// accept stores a comment for the queue.
func (a *app) accept(ctx context.Context, guid string, comment comment.Comment) (bool, error) {
	payload, err := json.Marshal(comment)
	if err != nil {
		return false, fmt.Errorf("keep comment %d: %w", comment.CommentID, err)
	}
	return a.queue.Accept(ctx, queue.Item{
		GUID: guid, InstallationID: comment.InstallationID, CommentID: comment.CommentID,
		Payload: payload, ReceivedAt: time.Now(),
	})
}

// commentWorker lets the queue work off comments.
type commentWorker struct {
	env     *dispatch.Env
	channel *comment.Worker
}

// Handle implements [queue.Handler].
func (w *commentWorker) Handle(ctx context.Context, work *queue.Work) error {
	job, ours, err := w.job(ctx, work)
	if err != nil || !ours {
		return err
	}
	err = w.channel.Handle(ctx, job)
	var again *comment.Again
	if errors.As(err, &again) {
		return &queue.Again{After: again.After}
	}
	return err
}

// GiveUp implements [queue.Handler].
func (w *commentWorker) GiveUp(ctx context.Context, work *queue.Work, cause error) error {
	job, ours, err := w.job(ctx, work)
	if err != nil || !ours {
		return err
	}
	return w.channel.GiveUp(ctx, job, cause)
}

// job reads what was kept of a comment. One that was accepted before the server knew
// its own installation is checked against it here; one that is not ours has no job.
func (w *commentWorker) job(ctx context.Context, work *queue.Work) (*job, bool, error) {
	j := &job{work: work}
	if err := json.Unmarshal(work.Payload, &j.comment); err != nil {
		return nil, false, fmt.Errorf("read delivery %s: %w", work.GUID, err)
	}
	org, ok := w.env.Org(j.comment.Org)
	if !ok {
		return nil, false, nil
	}
	installation, err := org.GitHub.Installation(ctx)
	if err != nil {
		return nil, false, dispatch.GitHubError(err, "find the App's installation")
	}
	return j, installation.ID == j.comment.InstallationID, nil
}

// job is a delivery as the comment channel sees it.
type job struct {
	work    *queue.Work
	comment comment.Comment
}

// GUID implements [comment.Job], as do the others.
func (j *job) GUID() string { return j.work.GUID }

// Comment is as it was accepted.
func (j *job) Comment() comment.Comment { return j.comment }

// Attempt counts from 1.
func (j *job) Attempt() int { return j.work.Attempt }

// Last says that there is no other attempt after this.
func (j *job) Last() bool { return j.work.Last }

// Interrupted says that an earlier attempt was cut off.
func (j *job) Interrupted() bool { return j.work.Interrupted }

// Recorded reads what was recorded for step.
func (j *job) Recorded(step string, into any) bool {
	raw, ok := j.work.Steps()[step]
	return ok && json.Unmarshal(raw, into) == nil
}

// Record keeps v for step.
func (j *job) Record(ctx context.Context, step string, v any) error {
	return j.work.Record(ctx, step, v)
}
