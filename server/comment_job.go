package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/handlers/comment"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/queue"
)

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

// accept stores a comment in the queue, and reports whether it is new.
func (a *app) accept(ctx context.Context, guid string, c comment.Comment) (bool, error) {
	payload, err := json.Marshal(c)
	if err != nil {
		return false, fmt.Errorf("store comment %d: %w", c.CommentID, err)
	}
	id := c.CommentID
	if c.Notice == comment.NoticeEdited {
		if ok, err := a.countEdit(ctx, guid, id); err != nil || !ok {
			return false, err
		}
		id = 0 // the comment counts once, each of its edits for itself
	}
	return a.queue.Accept(ctx, queue.Item{
		GUID: guid, InstallationID: c.InstallationID, CommentID: id,
		Payload: payload, ReceivedAt: time.Now(),
	})
}

// countEdit reports whether an edit of a comment is one of those that are answered.
func (a *app) countEdit(ctx context.Context, guid string, id int64) (bool, error) {
	for n := range comment.MaxEditNotices {
		once, err := a.queue.Once(ctx, fmt.Sprintf("edit/%d/%d", id, n), guid)
		if err != nil || once.Holder == guid {
			return err == nil, err
		}
	}
	return false, nil
}

// parseWithin is how long a process may take to parse a text. GitHub waits 10 seconds.
const parseWithin = 30 * time.Second

var errParsing = errors.New("this text was begun to be read a moment ago")

// parsing records that a text is parsed, until the returned function is called. crashed means
// that this was recorded earlier and never ended.
func (a *app) parsing(ctx context.Context, name, guid string) (parsed func(), crashed bool, err error) {
	name = "parse/" + name
	once, err := a.queue.Once(ctx, name, guid)
	switch {
	case err != nil:
		return nil, false, err
	case !once.Fresh && a.store.Now().Sub(once.At) < parseWithin:
		return nil, false, errParsing // by another replica, or this one crashed just now
	case !once.Fresh:
		return nil, true, nil
	}
	return func() {
		if err := a.queue.Forget(context.WithoutCancel(ctx), name); err != nil {
			a.log.Warn().Err(err).Str("delivery_id", guid).Msg("The end of reading a comment could not be recorded; if it is delivered again, it is not read")
		}
	}, false, nil
}

// commentWorker runs the comments of the queue. It implements [queue.Handler].
type commentWorker struct {
	env     *dispatch.Env
	channel *comment.Worker
	queue   func() *queue.Queue // set later
	log     zerolog.Logger
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

// uninstalledRetry is how often a comment is tried again while the App is not installed.
const uninstalledRetry = time.Minute

// job reads a stored comment. ours is false if the comment cannot be served any more, which
// is logged: its organization is no longer configured, or it is of another App's installation
// that the webhook could not check.
func (w *commentWorker) job(ctx context.Context, work *queue.Work) (j *job, ours bool, err error) {
	j = &job{work: work, queue: w.queue()}
	if err := json.Unmarshal(work.Payload, &j.comment); err != nil {
		return nil, false, fmt.Errorf("read delivery %s: %w", work.GUID, err)
	}
	log := w.log.With().Str("delivery_id", work.GUID).Str("org", j.comment.Org).Int("issue", j.comment.Issue).Int64("comment_id", j.comment.CommentID).Logger()
	org, ok := findOrg(ctx, w.env, j.comment.Org)
	if !ok {
		log.Warn().Msg("A stored comment is dropped: its organization is no longer configured")
		return nil, false, nil
	}
	j.comment.Org = org.Login
	installation, err := org.GitHub.Installation(ctx)
	switch {
	case github.KindOf(err) == github.NotFound && w.env.Now().Sub(j.comment.CreatedAt) < comment.MaxAge:
		log.Warn().Err(err).Msg("A comment waits until the App is installed again")
		return nil, false, &queue.Again{After: uninstalledRetry}
	case err != nil:
		return nil, false, dispatch.GitHubError(err, "find the App's installation")
	case installation.ID == j.comment.InstallationID, j.comment.OrgID != 0 && installation.OrgID == j.comment.OrgID:
		return j, true, nil // if the id is another, the App was installed again meanwhile
	}
	ours, err = org.GitHub.IsInstallation(ctx, j.comment.InstallationID)
	if err != nil {
		return nil, false, dispatch.GitHubError(err, "find the App's installation")
	}
	if !ours {
		log.Warn().Int64("installation", j.comment.InstallationID).Int64("current", installation.ID).
			Msg("A stored comment is dropped: it is not of the App's installation")
	}
	return j, ours, nil
}

// A job is a delivery of the queue. It implements [comment.Job].
type job struct {
	work    *queue.Work
	queue   *queue.Queue
	comment comment.Comment
}

// GUID implements [comment.Job].
func (j *job) GUID() string { return j.work.GUID }

// Comment implements [comment.Job].
func (j *job) Comment() comment.Comment { return j.comment }

// Attempt implements [comment.Job].
func (j *job) Attempt() int { return j.work.Attempt }

// Last implements [comment.Job].
func (j *job) Last() bool { return j.work.Last }

// Interrupted implements [comment.Job].
func (j *job) Interrupted() bool { return j.work.Interrupted }

// Recorded implements [comment.Job].
func (j *job) Recorded(step string, into any) bool {
	raw, ok := j.work.Steps()[step]
	return ok && json.Unmarshal(raw, into) == nil
}

// Record implements [comment.Job].
func (j *job) Record(ctx context.Context, step string, v any) error {
	return j.work.Record(ctx, step, v)
}

// Once implements [comment.Job].
func (j *job) Once(ctx context.Context, name string) (bool, error) {
	once, err := j.queue.Once(ctx, name, j.work.GUID)
	return once.Holder == j.work.GUID, err
}
