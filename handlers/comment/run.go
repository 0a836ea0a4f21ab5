package comment

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

const (
	// staleSecret and stale are how old a comment may be when its command runs: who
	// wrote it may have turned to something else, or have lost the right since.
	staleSecret = 15 * time.Minute
	stale       = 24 * time.Hour
	// MaxAge is how old a comment may be that still waits for GitHub. After that its commands
	// are refused as stale.
	MaxAge = stale + time.Hour
	// maxTurn is how long a command waits for the rate limit in all.
	maxTurn = time.Minute
)

// An outcome is what became of a command, ready to be shown. It holds no secret.
type outcome struct {
	Name     string          `json:"name"`
	OK       bool            `json:"ok"`
	Asks     bool            `json:"asks,omitempty"` // it waits for --yes
	Reason   dispatch.Reason `json:"reason,omitempty"`
	Markdown string          `json:"markdown"`
	Foot     string          `json:"foot,omitempty"` // for the small line below it
	// Comment is the id of the comment that has the whole outcome; 0: it is for the reply.
	Comment int64 `json:"comment,omitempty"`
	// Gone means that the comment was deleted before the command ran, so nobody waits for
	// an answer.
	Gone bool `json:"gone,omitempty"`
	// Edited means that it was refused because the comment was edited. Digest identifies its
	// text behind the edit.
	Edited bool   `json:"edited,omitempty"`
	Digest string `json:"digest,omitempty"`
}

// run runs the command of index i. Its error says that it is to be run again.
func (c *Worker) run(ctx context.Context, job Job, i int) (outcome, error) {
	comment := job.Comment()
	call, refusal := c.readLine(job, i, hintOf(comment).slug)
	req, resumed := c.request(job, i, call)
	req.StillWanted = func(ctx context.Context) error { return c.stillWanted(ctx, job, resumed) }
	if refusal == nil {
		refusal = c.refuseStale(comment, call.spec)
	}
	if refusal != nil {
		c.Refused(ctx, req, refusal)
		return c.refused(job, i, call, refusal), nil
	}
	policy := c.Policy(comment.Org)
	req.Preview = call.spec.WantsDryRun(call.args) || !call.yes && confirms(policy, call)
	secret := &secretReply{Worker: c, job: job, index: i, call: call, policy: policy}
	req.PrepareSecret = secret.prepare

	switch {
	case resumed && call.spec.Effect == dispatch.Reveals:
		if result, found, err := secret.resume(ctx); err != nil || found {
			return result, err
		}
	case !resumed && call.spec.Effect != dispatch.Reads && !req.Preview:
		if err := c.started(ctx, job, i); err != nil {
			return outcome{}, err
		}
	}
	var edited *editedError
	result, err := c.Dispatcher.Dispatch(ctx, req)
	if err == nil && result.Secret != nil {
		secret.posted, err = secret.post(ctx, &result)
	}
	switch {
	case errors.Is(err, errCommentGone):
		result := c.refused(job, i, call, dispatch.AsError(err))
		result.Gone = true
		return result, nil
	case errors.As(err, &edited):
		result := c.refused(job, i, call, dispatch.AsError(err))
		result.Edited, result.Digest = true, edited.digest
		return result, nil
	case err != nil:
		return c.failed(ctx, job, i, call, resumed, dispatch.AsError(err))
	case req.Preview && !result.Needless:
		return c.asks(job, call, result), nil
	}
	done := c.done(job, call, result)
	done.Comment = secret.posted
	return done, nil
}

// readLine reads the command of index i.
func (c *Worker) readLine(job Job, i int, team string) (slashCommand, *dispatch.Error) {
	comment := job.Comment()
	return readLine(c.Dispatcher, comment.Lines[i], c.Policy(comment.Org).Trigger, team)
}

// request returns the request of the command of index i, and whether an earlier attempt at
// it was cut off or failed, so that it may have done something.
func (c *Worker) request(job Job, i int, call slashCommand) (req dispatch.Request, resumed bool) {
	comment := job.Comment()
	hint := hintOf(comment)
	req = dispatch.Request{
		ID:       requestID(job, i),
		Channel:  dispatch.Comment,
		Command:  call.name,
		Org:      comment.Org,
		Caller:   dispatch.Principal{ID: comment.Author.ID, Login: comment.Author.Login},
		Args:     call.args,
		Source:   dispatch.Source{Repo: comment.Repo, Issue: comment.Issue, Comment: comment.CommentID},
		TeamHint: hint.slug, TeamSource: hint.source, TeamProblem: hint.problem,
	}
	if author := comment.IssueAuthor; author.ID != comment.Author.ID {
		req.FieldAuthor = dispatch.Principal{ID: author.ID, Login: author.Login}
	}
	// An attempt that was cut off or failed went past the rate limit already.
	var begun time.Time
	refusals, _ := refusalsOf(job, i)
	started := job.Recorded(stepOf(stepStarted, i, refusals), &begun)
	queued := job.Recorded(stepOf(stepQueued, i, refusals, job.Attempt()), &begun)
	req.Repeated = started
	req.Limited = started || queued
	return req, started && !queued
}

// started records that the command was begun.
func (c *Worker) started(ctx context.Context, job Job, i int) error {
	refusals, _ := refusalsOf(job, i)
	if err := job.Record(ctx, stepOf(stepStarted, i, refusals), c.Clock().UTC()); err != nil {
		return fmt.Errorf("record the start of command %d: %w", i, err)
	}
	return nil
}

// queued records that the command waits in line and that this attempt began nothing of it.
// An attempt that resumes an earlier one is not recorded: it stays a resumed one.
func (c *Worker) queued(ctx context.Context, job Job, i int, resumed bool) error {
	if resumed {
		return nil
	}
	refusals, _ := refusalsOf(job, i)
	if err := job.Record(ctx, stepOf(stepQueued, i, refusals, job.Attempt()), c.Clock().UTC()); err != nil {
		return fmt.Errorf("record that command %d waits in line: %w", i, err)
	}
	return nil
}

func requestID(job Job, i int) string { return job.GUID() + "/" + strconv.Itoa(i) }

// refuseStale refuses what was written too long ago.
func (c *Worker) refuseStale(comment Comment, spec dispatch.Spec) *dispatch.Error {
	limit, within := stale, "24 hours"
	if spec.Effect == dispatch.Reveals {
		limit, within = staleSecret, "15 minutes"
	}
	if c.Clock().Sub(comment.CreatedAt) <= limit {
		return nil
	}
	return dispatch.Refuse(dispatch.ReasonPolicy,
		"This comment is stale: the server came to it too late, and runs this command only within %s. Write it again if you still want it.", within)
}

// lookAgainAfter is how old a comment may be without being looked at again before its
// command runs.
const lookAgainAfter = time.Minute

// errCommentGone is behind the refusal of a command whose comment was deleted.
var errCommentGone = errors.New("the comment was deleted")

// stillWanted refuses a command whose comment was deleted or edited before it ran. GitHub is
// asked if the comment is older than a minute, or in a repeated attempt.
func (c *Worker) stillWanted(ctx context.Context, job Job, repeated bool) error {
	comment := job.Comment()
	if !repeated && c.Clock().Sub(comment.CreatedAt) <= lookAgainAfter {
		return nil
	}
	body, exists, err := c.GitHub.Body(ctx, comment.Org, comment.CommentID)
	switch {
	case err != nil:
		return err
	case !exists:
		return &dispatch.Error{Reason: dispatch.ReasonPolicy, Cause: errCommentGone, Message: "The comment was deleted before this command ran, so it was not run."}
	case comment.wasEdited(body):
		return &dispatch.Error{Reason: dispatch.ReasonPolicy, Cause: &editedError{digestOf(body)}, Message: "The comment was edited before this command ran, so it was not run. Write the command in a new comment."}
	}
	return nil
}

// wasEdited reports whether the comment's text is not what was accepted. Of one that an
// older version accepted only the commands are known.
func (c Comment) wasEdited(body string) bool {
	if c.Digest == "" {
		return !slices.EqualFunc(ParseComment(body, "").Lines, c.Lines, func(a, b Line) bool { return a.Number == b.Number && a.Text == b.Text }) // the trigger was always the default
	}
	return digestOf(body) != c.Digest
}

// digestOf identifies a text, however its lines end.
func digestOf(text string) string {
	sum := sha256.Sum256([]byte(strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))))
	return hex.EncodeToString(sum[:16])
}

// confirms reports whether the command needs --yes: the policy or one of its arguments wants
// it.
func confirms(policy Policy, call slashCommand) bool {
	spec := call.spec
	for _, named := range call.args.Named {
		if p, _ := spec.Param(named.Name); p.Confirm && !slices.Contains(named.Values, "false") {
			return true
		}
	}
	return slices.ContainsFunc(policy.Confirm, func(name string) bool {
		return name == spec.Name || slices.Contains(spec.Aliases, name)
	})
}

// failed decides what follows a failure: another attempt, or the answer.
func (c *Worker) failed(ctx context.Context, job Job, i int, call slashCommand, resumed bool, e *dispatch.Error) (outcome, error) {
	switch {
	case ctx.Err() != nil: // the server stops, or the step took too long: its failure says nothing
		return outcome{}, &retryError{e}
	case e.Queued:
		if err := c.queued(ctx, job, i, resumed); err != nil {
			return outcome{}, err
		}
		return outcome{}, &Again{After: max(e.RetryAfter, time.Millisecond)}
	case e.Reason == dispatch.ReasonRateLimited:
		if err := c.waitTurn(ctx, job, i, e.RetryAfter); err != nil {
			return outcome{}, err
		}
	case retryable(e) && !job.Last():
		if err := c.started(ctx, job, i); err != nil {
			return outcome{}, err
		}
		return outcome{}, &retryError{e}
	}
	if e.Reason == dispatch.ReasonInternal {
		c.log(job).Error().Err(e).Str("request_id", requestID(job, i)).Str("command", call.spec.Name).Msg("A command failed")
	}
	return c.refused(job, i, call, e), nil
}

// retryable reports whether the command may succeed when it is run again. One that
// did a part of its work is answered item by item instead.
func retryable(e *dispatch.Error) bool {
	done := slices.ContainsFunc(e.Items, func(item dispatch.Item) bool { return item.Done })
	return e.Reason.Transient() && !permanent(e) && !done
}

// waitTurn returns [*Again] until the command's turn comes; nil if it would
// wait too long.
func (c *Worker) waitTurn(ctx context.Context, job Job, i int, wait time.Duration) error {
	now := c.Clock().UTC()
	refusals, since := refusalsOf(job, i)
	if refusals == 0 {
		since = now
	}
	if now.Add(wait).Sub(since) > maxTurn {
		return nil
	}
	if err := job.Record(ctx, stepOf(stepLimited, i, refusals), now); err != nil {
		return fmt.Errorf("record that command %d waits for its turn: %w", i, err)
	}
	return &Again{After: max(wait, time.Millisecond)}
}

// refusalsOf is how often the rate limit has refused the command, and since when.
func refusalsOf(job Job, i int) (n int, since time.Time) {
	var at time.Time
	for job.Recorded(stepOf(stepLimited, i, n), &at) {
		if n == 0 {
			since = at
		}
		n++
	}
	return n, since
}
