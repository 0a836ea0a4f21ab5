package comment

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

const (
	// staleSecret and stale are how old a comment may be when its command runs: who
	// wrote it may have turned to something else, or have lost the right since.
	staleSecret = 15 * time.Minute
	stale       = 24 * time.Hour
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
}

// run runs the command of index i. Its error says that it is to be run again.
func (c *Worker) run(ctx context.Context, job Job, i int) (outcome, error) {
	comment := job.Comment()
	call, refusal := readLine(c.Dispatcher, comment.Lines[i], hintOf(comment).slug)
	req := c.request(job, i, call)
	if refusal == nil {
		refusal = c.refuseStale(comment, call.spec)
	}
	if refusal != nil {
		c.Refused(ctx, req, refusal)
		return c.refused(job, i, call, refusal), nil
	}
	policy := c.Policy(comment.Org)
	req.Preview = !call.yes && confirms(policy, call.spec)
	secret := &secretReply{Worker: c, job: job, index: i, call: call, policy: policy}
	req.PrepareSecret = secret.prepare

	switch {
	case req.Resumed && call.spec.Effect == dispatch.Reveals:
		if result, found, err := secret.resume(ctx); err != nil || found {
			return result, err
		}
	case !req.Resumed && call.spec.Effect != dispatch.Reads && !req.Preview:
		if err := c.started(ctx, job, i); err != nil {
			return outcome{}, err
		}
	}
	result, err := c.Dispatcher.Dispatch(ctx, req)
	if err == nil && result.Secret != nil {
		err = secret.post(ctx, &result)
	}
	switch {
	case err != nil:
		return c.failed(ctx, job, i, call, req.Resumed, dispatch.AsError(err))
	case req.Preview:
		return c.asks(job, call, result), nil
	}
	return c.done(job, call, result), nil
}

func (c *Worker) request(job Job, i int, call slashCommand) dispatch.Request {
	comment := job.Comment()
	hint := hintOf(comment)
	req := dispatch.Request{
		ID:       requestID(job, i),
		Channel:  dispatch.Comment,
		Command:  call.name,
		Org:      comment.Org,
		Caller:   dispatch.Principal{ID: comment.Author.ID, Login: comment.Author.Login},
		Args:     call.args,
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
	req.Resumed = started && !queued
	req.Limited = started || queued
	return req
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

// confirms reports whether the policy wants --yes for the command.
func confirms(policy Policy, spec dispatch.Spec) bool {
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
