package dispatch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// An Item is what became of one item of a command on several.
type Item struct {
	Item   string `json:"Item"`
	Done   bool   `json:"Done"`
	Error  string `json:"Error,omitempty"`
	Reason Reason `json:"Reason,omitempty"`

	Failure *Error `json:"-"` // behind Error, for what the whole command answers
}

// An Error is a refusal or failure that the caller may read.
type Error struct {
	Reason  Reason
	Message string  // a sentence for the caller: what happened, what to do
	Summary string  // Message without what Items say, for channels that list them; may be empty
	Code    int     // overrides the reason's HTTP status if not 0
	Items   []Item  // for a command on several items, what became of each
	Result  *Result // what was done, if anything was
	Undo    string  // the lines of a comment that reverse what was done; empty if there are none
	// Instead is the command that was probably meant, with its arguments, as it is written in
	// a comment behind the trigger; empty if none is.
	Instead string
	// RetryAfter is how long to wait before trying again; 0 if unknown.
	RetryAfter time.Duration
	// Queued means that nothing was begun and the call keeps its place in line: a channel
	// that has a queue dispatches it again after RetryAfter, which is no failed attempt.
	Queued bool
	// Wait means that nothing is wrong with the command: GitHub asks to wait, or the App's
	// installation is suspended. A channel that has a queue tries again after RetryAfter,
	// which is no failed attempt.
	Wait bool
	// Permanent says that trying again will not help until somebody changes a setting.
	Permanent bool
	Cause     error // for the log only
}

// Error returns the sentence, with the cause behind it.
func (e *Error) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("%s: %s: %v", e.Reason, e.Message, e.Cause)
	}
	return fmt.Sprintf("%s: %s", e.Reason, e.Message)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Status returns the HTTP status of the error.
func (e *Error) Status() int {
	if e.Code != 0 {
		return e.Code
	}
	return e.Reason.Status()
}

// Refuse makes an error for a caller: reason and a sentence.
func Refuse(reason Reason, format string, args ...any) *Error {
	return &Error{Reason: reason, Message: fmt.Sprintf(format, args...)}
}

// AsError returns err as what a caller may see of it: itself if it is an
// [*Error], else "internal error" with err as its cause.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{
		Reason:  ReasonInternal,
		Message: "Something went wrong inside the server. Give its operator the request id; the cause is in the log.",
		Cause:   err,
	}
}

// suspendedRetry is how soon a command is tried again while the installation is suspended.
const suspendedRetry = 15 * time.Second

// GitHubError turns a failure of GitHub, met while trying to do something, into
// an error for the caller. An [*Error] passes unchanged.
func GitHubError(err error, doing string) error {
	if err == nil {
		return nil
	}
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	out := &Error{Reason: ReasonGitHubError, Cause: err}
	var failure *github.Error
	errors.As(err, &failure)
	switch {
	case errors.Is(err, context.DeadlineExceeded), github.KindOf(err) == github.Timeout:
		out.Reason = ReasonGitHubTimeout
		out.Message = "GitHub did not answer in time when asked to " + doing + ". Try again; repeating a command is safe."
	case github.KindOf(err) == github.RateLimited:
		out.Reason = ReasonGitHubRateLimited
		out.Message = "GitHub's rate limit for this App is used up. Try again when it says so."
		out.RetryAfter, out.Wait = failure.RetryAfter, !failure.Ambiguous
	case github.KindOf(err) == github.Suspended:
		out.Message = "The GitHub App is suspended in this organization, so it can do nothing there. An owner can unsuspend it on the organization's page of installed GitHub Apps."
		out.RetryAfter, out.Wait = suspendedRetry, true
	case github.KindOf(err) == github.Closed:
		out.Permanent = true
		out.Message = "GitHub lets nobody " + doing + " there: " + QuoteSentence(failure.Message) + "."
	case github.KindOf(err) == github.Forbidden, github.KindOf(err) == github.Unauthorized:
		out.Permanent = github.KindOf(err) == github.Forbidden
		out.Message = "GitHub does not let the App " + doing + ". Ask the operator to run `actions-runner-manager doctor`, which names the missing permission or setting."
	case github.KindOf(err) == github.Incomplete:
		out.Message = "GitHub's answer is incomplete, so it was not used to " + doing + ": " + failure.Message +
			". Try again. If it stays so, the operator should look for a gateway between this server and GitHub that changes answers."
	case github.KindOf(err) == github.NotFound:
		out.Permanent = true
		out.Message = "GitHub did not find what it takes to " + doing + ". Ask the operator to run `actions-runner-manager doctor`."
	case github.KindOf(err) == github.Invalid:
		out.Permanent = true
		out.Message = "GitHub refused to " + doing + ": " + QuoteSentence(failure.Message) + "."
	default:
		out.Message = "GitHub failed when asked to " + doing + ". Try again in a minute; repeating a command is safe."
	}
	return out
}

// StoreError turns a failure of the database into an error for the caller. An
// [*Error] passes unchanged.
func StoreError(err error) error {
	var known *Error
	if err == nil || errors.Is(err, store.ErrNotFound) || errors.As(err, &known) {
		return err
	}
	return &Error{
		Reason:  ReasonUnavailable,
		Message: "The server's database does not answer. Nothing was changed. Try again in a minute.",
		Cause:   err,
	}
}

// Ambiguous reports whether err leaves open if GitHub did what it was asked: the request
// was sent, and no answer says what became of it.
func Ambiguous(err error) bool { return GitHubFailure(err).Ambiguous }

// GitHubFailure returns the failure of GitHub behind err, an empty one if there is none.
func GitHubFailure(err error) *github.Error {
	var failure *github.Error
	if errors.As(err, &failure) {
		return failure
	}
	return &github.Error{}
}
