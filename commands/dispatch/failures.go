package dispatch

import (
	"context"
	"errors"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

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
		out.RetryAfter = failure.RetryAfter
	case github.KindOf(err) == github.Forbidden, github.KindOf(err) == github.Unauthorized:
		out.Permanent = github.KindOf(err) == github.Forbidden
		out.Message = "GitHub does not let the App " + doing + ". Ask the operator to run `actions-runner-manager doctor`, which names the missing permission or setting."
	case github.KindOf(err) == github.NotFound:
		out.Permanent = true
		out.Message = "GitHub did not find what it takes to " + doing + ". Ask the operator to run `actions-runner-manager doctor`."
	case github.KindOf(err) == github.Invalid:
		out.Permanent = true
		out.Message = "GitHub refused to " + doing + ": " + Quote(failure.Message) + "."
	default:
		out.Message = "GitHub failed when asked to " + doing + ". Try again in a minute; repeating a command is safe."
	}
	return out
}

// storeError turns a failure of the database into an error for the caller. An
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

// unsettled reports whether err leaves open if GitHub did what it was asked.
func Ambiguous(err error) bool {
	var failure *github.Error
	return errors.As(err, &failure) && failure.Ambiguous || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// asGitHub returns the failure of GitHub behind err, an empty one if there is none.
func GitHubFailure(err error) *github.Error {
	var failure *github.Error
	if errors.As(err, &failure) {
		return failure
	}
	return &github.Error{}
}
