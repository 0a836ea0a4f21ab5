// Package comment is the comment channel: webhooks, the commands in comments, and the
// replies.
package comment

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/rs/zerolog"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/handlers"
)

// A Job is the durable work on one accepted comment. What it records outlives the
// process, and is never a secret.
type Job interface {
	GUID() string      // the delivery's
	Comment() Comment  // as it was accepted
	Attempt() int      // from 1; more after an error
	Last() bool        // after this attempt there is no other
	Interrupted() bool // an earlier attempt was cut off: it may have done more than is recorded
	// Recorded reads what was recorded for step into the value that into points to.
	Recorded(step string, into any) bool
	// Record keeps v for step. A step that was recorded before keeps what it has.
	Record(ctx context.Context, step string, v any) error
	// Once reports whether this job is the first of all jobs to call it with that name.
	Once(ctx context.Context, name string) (first bool, err error)
}

// GitHub is what the comment channel asks of GitHub, all of it in an
// organization's admin repository. Its errors are [*commands.Error], with the Code
// that GitHub answered if asking again will not help (403, 404, 410, 422).
type GitHub interface {
	// React adds a reaction to a comment; one that exists already is no error.
	React(ctx context.Context, org string, commentID int64, content string) error
	// Post writes a comment.
	Post(ctx context.Context, org string, issue int, body string) (id int64, err error)
	// Find returns the comments, written by this App since then, whose text contains marker.
	Find(ctx context.Context, org string, issue int, marker string, since time.Time) ([]int64, error)
	// Body returns the text of a comment as it is now; exists is false if it was deleted.
	Body(ctx context.Context, org string, commentID int64) (body string, exists bool, err error)
	// Private reports whether the admin repository, asked now, is private: "internal" is not.
	Private(ctx context.Context, org string) (bool, error)
	// Keys returns a user's public SSH keys.
	Keys(ctx context.Context, org, login string) ([]string, error)
}

// Ephemerals are the comments that are deleted after a while, whatever happens to
// the server in between.
type Ephemerals interface {
	// Plan records that the comment with this marker, about to be posted, must be
	// gone at a time.
	Plan(ctx context.Context, org string, issue int, marker string, deleteAt time.Time) error
	// Posted records the id of the comment with this marker.
	Posted(ctx context.Context, marker string, commentID int64) error
}

// A Policy is what an organization wants of the comment channel.
type Policy struct {
	Trigger    string        // the word that commands begin with; empty: the default
	TokenReply string        // "comment", "encrypted" or "off": how secrets are answered
	TTL        time.Duration // after which a comment that holds a secret is deleted
	Confirm    []string      // commands that run only with --yes
}

// WorkerOptions is what the comment channel is made of.
type WorkerOptions struct {
	Dispatcher handlers.Dispatcher
	GitHub     GitHub
	Ephemerals Ephemerals
	Policy     func(org string) Policy
	PublicURL  string // by which users reach the server; may be empty
	MultiOrg   bool   // several organizations are served, so curl lines name one
	// Refused, if set, is called for commands that this channel refuses itself: those
	// that cannot be read, are unknown, stale or too many.
	Refused func(ctx context.Context, req dispatch.Request, refusal *dispatch.Error)
	Clock   func() time.Time // time.Now if nil
	Logger  zerolog.Logger
}

// Worker runs the commands of comments and answers them.
type Worker struct{ WorkerOptions }

// NewWorker returns the worker of the comment channel.
func NewWorker(o WorkerOptions) *Worker {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Refused == nil {
		o.Refused = func(context.Context, dispatch.Request, *dispatch.Error) {}
	}
	return &Worker{o}
}

// Again is what [Worker.Handle] returns if a job goes on.
type Again struct { //nolint:errname // reads as what it asks for: it is no failure
	After time.Duration // how long to wait; 0: go on at once
}

// Error implements error.
func (a *Again) Error() string { return "the job goes on after " + a.After.String() }

// A retryError is a failure after which the same step may succeed later.
type retryError struct{ cause *dispatch.Error }

func (e *retryError) Error() string { return e.cause.Error() }
func (e *retryError) Unwrap() error { return e.cause }

// RetryAfter is how long to wait before the next attempt; 0 if nobody said.
func (e *retryError) RetryAfter() time.Duration { return e.cause.RetryAfter }

// The steps of a job, as they are recorded. Those of a command carry its index, and
// the first two how often the rate limit had refused it by then.
const (
	stepEyes     = "eyes"     // 👀 was added
	stepStarted  = "started"  // when the command was begun
	stepQueued   = "queued"   // when it first waited in line in this attempt; nothing of it was begun then
	stepLimited  = "limited"  // when the rate limit refused it
	stepCommand  = "command"  // what became of the command
	stepReply    = "reply"    // the id of the combined reply; 0: it cannot be posted
	stepReaction = "reaction" // the last reaction was added
)

func stepOf(step string, numbers ...int) string {
	for _, n := range numbers {
		step += "/" + strconv.Itoa(n)
	}
	return step
}

// eyesTimeout is how long the first reaction may take. If GitHub is slower than
// that, the answer is worth more than the sign that it is coming.
const eyesTimeout = 3 * time.Second

// Handle does the next step of a job: one command, or the reply, or the last
// reaction. It returns nil if all is done, [*Again] if there is more to do,
// and another error if this step is to be tried again; that may say, by
// RetryAfter() time.Duration, how long to wait.
func (c *Worker) Handle(ctx context.Context, job Job) error {
	err := c.step(ctx, job)
	var retry *retryError
	if errors.As(err, &retry) && retry.cause.Wait && c.Clock().Sub(job.Comment().CreatedAt) < MaxAge {
		return &Again{After: max(retry.RetryAfter(), time.Second)} // GitHub is to be waited for, which is no failed attempt
	}
	return err
}

// step does the next step of a job.
func (c *Worker) step(ctx context.Context, job Job) error {
	ctx = c.log(job).WithContext(ctx) // else what commands log of themselves goes nowhere
	if job.Comment().Notice != "" {
		return c.answer(ctx, job, []outcome{notice(job.Comment())})
	}
	outcomes := make([]outcome, min(len(job.Comment().Lines), MaxCommands))
	if len(outcomes) == 0 && len(job.Comment().Appended) == 0 {
		return nil // the webhook accepts none without a command
	}
	for i := range outcomes {
		if job.Recorded(stepOf(stepCommand, i), &outcomes[i]) {
			continue
		}
		if i == 0 {
			return c.first(ctx, job)
		}
		return c.command(ctx, job, i)
	}
	return c.answer(ctx, job, outcomes)
}

// answer does the next step once all outcomes are known: the reply, or the last reaction.
func (c *Worker) answer(ctx context.Context, job Job, outcomes []outcome) error {
	var id int64
	if !job.Recorded(stepReply, &id) {
		if len(outcomes) == 0 {
			c.seen(ctx, job)
		}
		if err := c.reply(ctx, job, outcomes); err != nil {
			return err
		}
		return &Again{}
	}
	var reaction string
	if !job.Recorded(stepReaction, &reaction) {
		return c.react(ctx, job, outcomes)
	}
	return nil
}

// commandsOf returns how many commands of a comment run.
func commandsOf(comment Comment) int {
	if comment.Notice != "" {
		return 0
	}
	return min(len(comment.Lines), MaxCommands)
}

// GiveUp answers a job for which retries are spent: what did not run is reported
// as failed. It does all that is left at once, and returns what of it failed.
func (c *Worker) GiveUp(ctx context.Context, job Job, cause error) error {
	outcomes := make([]outcome, commandsOf(job.Comment()))
	var failures []error
	for i := range outcomes {
		step := stepOf(stepCommand, i)
		if job.Recorded(step, &outcomes[i]) {
			continue
		}
		call, refusal := c.readLine(job, i, "")
		if refusal == nil {
			refusal = gaveUp(cause)
		}
		outcomes[i] = c.refused(job, i, call, refusal)
		failures = append(failures, job.Record(ctx, step, outcomes[i]))
	}
	if job.Comment().Notice != "" {
		outcomes = []outcome{notice(job.Comment())}
	}
	var (
		id       int64
		reaction string
	)
	if !job.Recorded(stepReply, &id) {
		failures = append(failures, c.reply(ctx, job, outcomes))
	}
	if !job.Recorded(stepReaction, &reaction) {
		failures = append(failures, c.react(ctx, job, outcomes))
	}
	return errors.Join(failures...)
}

func gaveUp(cause error) *dispatch.Error {
	var known *dispatch.Error
	if errors.As(cause, &known) {
		last := *known
		last.Message += " The server has tried several times and gives up."
		return &last
	}
	return dispatch.AsError(cause)
}

// first runs the first command, with 👀 on the comment at the same time. That it
// is seen is worth a short wait for what follows, not for the command.
func (c *Worker) first(ctx context.Context, job Job) error {
	var seen bool
	if job.Recorded(stepEyes, &seen) {
		return c.command(ctx, job, 0)
	}
	eyes := make(chan bool, 1)
	go func() { eyes <- c.seen(ctx, job) }()
	err := c.command(ctx, job, 0)
	var again *Again
	switch added := <-eyes; {
	case !added:
	case errors.As(err, &again) && again.After == 0: // the command is over, and so is this step
	default:
		if failed := job.Record(ctx, stepEyes, true); failed != nil {
			c.log(job).Warn().Err(failed).Msg("A step could not be recorded; it is done again")
		}
	}
	return err
}

// seen adds 👀, and reports whether it could.
func (c *Worker) seen(ctx context.Context, job Job) bool {
	ctx, cancel := context.WithTimeout(ctx, eyesTimeout)
	defer cancel()
	err := c.GitHub.React(ctx, job.Comment().Org, job.Comment().CommentID, "eyes")
	if err != nil {
		c.log(job).Warn().Err(err).Msg("The reaction that says a comment was seen could not be added")
	}
	return err == nil
}

// command runs the command of index i, and records what became of it.
func (c *Worker) command(ctx context.Context, job Job, i int) error {
	result, err := c.run(ctx, job, i)
	if err != nil {
		return err
	}
	if err := job.Record(ctx, stepOf(stepCommand, i), result); err != nil {
		return fmt.Errorf("record the outcome of command %d: %w", i, err)
	}
	return &Again{}
}

// reply posts the one comment that answers all commands, unless an attempt that
// was cut off did so.
func (c *Worker) reply(ctx context.Context, job Job, outcomes []outcome) error {
	comment, marker := job.Comment(), replyMarker(job)
	var id int64
	if len(outcomes) == 1 {
		id = outcomes[0].Comment // the comment with the secret is the answer
	}
	elsewhere, err := answeredElsewhere(ctx, job, outcomes)
	if err != nil {
		return err
	}
	silent := id != 0 || elsewhere || allGone(outcomes)
	if !silent {
		id, err = c.findPosted(ctx, job, marker)
	}
	if err == nil && id == 0 && !silent {
		id, err = c.GitHub.Post(ctx, comment.Org, comment.Issue, renderReply(comment, outcomes, marker))
	}
	switch e := dispatch.AsError(err); {
	case err == nil:
	case permanent(e):
		// the issue was deleted, or takes no comments: nobody can be answered there
		c.log(job).Warn().Err(err).Str("org", comment.Org).Str("repo", comment.Repo).Int("issue", comment.Issue).
			Msg("The reply to a comment cannot be posted, so it only gets 😕")
	default:
		return &retryError{e}
	}
	if err := job.Record(ctx, stepReply, id); err != nil {
		return fmt.Errorf("record the reply: %w", err)
	}
	return nil
}

// findPosted returns the comment with this marker that an earlier attempt posted; 0
// if there is none. The first attempt posted none.
func (c *Worker) findPosted(ctx context.Context, job Job, marker string) (int64, error) {
	if !job.Interrupted() && job.Attempt() <= 1 {
		return 0, nil
	}
	comment := job.Comment()
	ids, err := c.GitHub.Find(ctx, comment.Org, comment.Issue, marker, comment.CreatedAt)
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	return ids[0], nil
}

// react adds the last reaction: 🚀 if all commands succeeded and were answered, else 😕. A
// command that waits for its --yes has not.
func (c *Worker) react(ctx context.Context, job Job, outcomes []outcome) error {
	content := "rocket"
	var reply int64
	answered := job.Recorded(stepReply, &reply) && reply != 0
	if !answered || len(outcomes) == 0 || len(job.Comment().Lines) > len(outcomes) {
		content = "confused"
	}
	for _, o := range outcomes {
		if !o.OK {
			content = "confused"
		}
	}
	comment := job.Comment()
	if allGone(outcomes) || comment.Notice == NoticeEdited {
		content = "none" // there is nothing to react to, or the reaction is to what was run
	} else if err := c.GitHub.React(ctx, comment.Org, comment.CommentID, content); err != nil {
		e := dispatch.AsError(err)
		if !permanent(e) && !job.Last() {
			return &retryError{e}
		}
		c.log(job).Warn().Err(err).Msg("The last reaction to a comment cannot be added")
	}
	if err := job.Record(ctx, stepReaction, content); err != nil {
		return fmt.Errorf("record the reaction: %w", err)
	}
	return nil
}

// allGone reports whether the comment was deleted before any of its commands ran.
func allGone(outcomes []outcome) bool {
	return len(outcomes) > 0 && !slices.ContainsFunc(outcomes, func(o outcome) bool { return !o.Gone })
}

// permanent reports whether GitHub said that asking again will not help.
func permanent(e *dispatch.Error) bool {
	return e.Permanent || e.Code >= http.StatusBadRequest && e.Code < http.StatusInternalServerError &&
		e.Code != http.StatusTooManyRequests && e.Reason != dispatch.ReasonGitHubRateLimited
}

func (c *Worker) log(job Job) *zerolog.Logger {
	log := c.Logger.With().Str("delivery_id", job.GUID()).Logger()
	return &log
}
