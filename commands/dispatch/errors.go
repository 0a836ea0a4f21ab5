package dispatch

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// A Reason tells programs why a command was refused or failed. The set is part
// of the public interface.
type Reason string

// The reasons.
const (
	ReasonInvalidArgument   Reason = "invalid_argument"
	ReasonMissingArgument   Reason = "missing_argument"
	ReasonUnknownArgument   Reason = "unknown_argument"
	ReasonMissingToken      Reason = "missing_token"
	ReasonBadToken          Reason = "bad_token"
	ReasonNotMaintainer     Reason = "not_maintainer"
	ReasonGroupNotOwned     Reason = "group_not_owned"
	ReasonRepoNotPermitted  Reason = "repo_not_permitted"
	ReasonPublicRepo        Reason = "public_repo"
	ReasonPolicy            Reason = "policy"
	ReasonOwnerOnly         Reason = "owner_only"
	ReasonNotMember         Reason = "not_member"
	ReasonGroupNotFound     Reason = "group_not_found"
	ReasonRunnerNotFound    Reason = "runner_not_found"
	ReasonUnknownCommand    Reason = "unknown_command"
	ReasonMethod            Reason = "method"
	ReasonTooLarge          Reason = "too_large"
	ReasonMediaType         Reason = "media_type"
	ReasonGroupExists       Reason = "group_exists"
	ReasonRunnerExists      Reason = "runner_exists"
	ReasonRunnerBusy        Reason = "runner_busy"
	ReasonGroupNotEmpty     Reason = "group_not_empty"
	ReasonGroupNotSelected  Reason = "group_not_selected"
	ReasonRateLimited       Reason = "rate_limited"
	ReasonInternal          Reason = "internal"
	ReasonGitHubError       Reason = "github_error"
	ReasonGitHubRateLimited Reason = "github_rate_limited"
	ReasonGitHubTimeout     Reason = "github_timeout"
	ReasonBusy              Reason = "busy"
	ReasonUnavailable       Reason = "unavailable"
	ReasonSetup             Reason = "setup"
)

// statuses is the one table from reasons to HTTP statuses.
var statuses = map[Reason]int{ //nolint:gochecknoglobals // a table that is never written
	ReasonInvalidArgument:   http.StatusBadRequest,
	ReasonMissingArgument:   http.StatusBadRequest,
	ReasonUnknownArgument:   http.StatusBadRequest,
	ReasonMissingToken:      http.StatusUnauthorized,
	ReasonBadToken:          http.StatusUnauthorized,
	ReasonNotMaintainer:     http.StatusForbidden,
	ReasonGroupNotOwned:     http.StatusForbidden,
	ReasonRepoNotPermitted:  http.StatusForbidden,
	ReasonPublicRepo:        http.StatusForbidden,
	ReasonPolicy:            http.StatusForbidden,
	ReasonOwnerOnly:         http.StatusForbidden,
	ReasonNotMember:         http.StatusForbidden,
	ReasonGroupNotFound:     http.StatusNotFound,
	ReasonRunnerNotFound:    http.StatusNotFound,
	ReasonUnknownCommand:    http.StatusNotFound,
	ReasonMethod:            http.StatusMethodNotAllowed,
	ReasonTooLarge:          http.StatusRequestEntityTooLarge,
	ReasonMediaType:         http.StatusUnsupportedMediaType,
	ReasonGroupExists:       http.StatusConflict,
	ReasonRunnerExists:      http.StatusConflict,
	ReasonRunnerBusy:        http.StatusConflict,
	ReasonGroupNotEmpty:     http.StatusConflict,
	ReasonGroupNotSelected:  http.StatusConflict,
	ReasonRateLimited:       http.StatusTooManyRequests,
	ReasonInternal:          http.StatusInternalServerError,
	ReasonGitHubError:       http.StatusBadGateway,
	ReasonGitHubRateLimited: http.StatusServiceUnavailable,
	ReasonGitHubTimeout:     http.StatusGatewayTimeout,
	ReasonBusy:              http.StatusServiceUnavailable,
	ReasonUnavailable:       http.StatusServiceUnavailable,
	ReasonSetup:             http.StatusServiceUnavailable,
}

// Status returns the HTTP status that goes with the reason.
func (r Reason) Status() int {
	if status, ok := statuses[r]; ok {
		return status
	}
	return http.StatusInternalServerError
}

// Transient reports whether the same command may succeed later without anybody
// changing anything: GitHub or this server could not work for a while.
func (r Reason) Transient() bool {
	switch r {
	case ReasonGitHubError, ReasonGitHubRateLimited, ReasonGitHubTimeout, ReasonBusy, ReasonUnavailable:
		return true
	}
	return false
}

// An Item is what became of one item of a command on several.
type Item struct {
	Item   string `json:"Item"`
	Done   bool   `json:"Done"`
	Error  string `json:"Error,omitempty"`
	Reason Reason `json:"Reason,omitempty"`

	Failure *Error // behind Error, for what the whole command answers
}

// An Error is a refusal or failure that the caller may read.
type Error struct {
	Reason  Reason
	Message string  // a sentence for the caller: what happened, what to do
	Code    int     // overrides the reason's HTTP status if not 0
	Items   []Item  // for a command on several items, what became of each
	Result  *Result // what was done, if anything was
	// RetryAfter is how long to wait before trying again; 0 if unknown.
	RetryAfter time.Duration
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
