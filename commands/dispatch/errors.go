package dispatch

import (
	"errors"
	"fmt"
	"time"
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
	Code    int     // overrides the reason's HTTP status if not 0
	Items   []Item  // for a command on several items, what became of each
	Result  *Result // what was done, if anything was
	// RetryAfter is how long to wait before trying again; 0 if unknown.
	RetryAfter time.Duration
	// Queued means that nothing was begun and the call keeps its place in line: a channel
	// that has a queue dispatches it again after RetryAfter, which is no failed attempt.
	Queued bool
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
