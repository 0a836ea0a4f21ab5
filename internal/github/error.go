package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-github/v41/github"
)

// A Kind says what went wrong, in the words that callers decide by.
type Kind string

// The kinds of errors. Everything that GitHub may answer is one of them.
const (
	NotFound     Kind = "not_found"    // 404, 410: it is not there, or may not be seen
	Conflict     Kind = "conflict"     // 409, and a 422 that says "already exists"
	Invalid      Kind = "invalid"      // 400, 422, or a name that was never sent
	Forbidden    Kind = "forbidden"    // 403 that is no rate limit
	Unauthorized Kind = "unauthorized" // 401, a token that was never sent, or GitHub gives the App none for the organization
	RateLimited  Kind = "rate_limited" // primary or secondary rate limit; see Error.RetryAfter
	Timeout      Kind = "timeout"      // one exchange, or the caller's deadline, ran out
	Unavailable  Kind = "unavailable"  // 5xx, or no connection
	Canceled     Kind = "canceled"     // the caller went away
	Other        Kind = "other"        // anything else; also the kind of errors that are not ours
)

// secondaryWait is how long GitHub asks to wait where a secondary rate limit
// names no time.
const secondaryWait = time.Minute

// An Error is what every method of this package fails with. It holds no
// request and no header, so that printing it never shows a token.
type Error struct {
	Kind       Kind
	Op         string        // what was tried: "delete group 5 of acme"
	Message    string        // GitHub's own words, or ours
	Status     int           // HTTP status; 0 where there was no answer
	RetryAfter time.Duration // how long GitHub asks to wait; 0: it did not say
	Ambiguous  bool          // a write that may or may not have taken effect
	Err        error         // the cause, where there is one; context errors are found by errors.Is
}

// Error implements error.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Message != "" {
		b.WriteString(": " + e.Message)
	}
	if e.Status != 0 {
		fmt.Fprintf(&b, " (GitHub answered %d)", e.Status)
	}
	if e.RetryAfter > 0 {
		fmt.Fprintf(&b, "; try again in %s", e.RetryAfter.Round(time.Second))
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of the first Error in err's chain; Other where there
// is none, and the empty kind for nil.
func KindOf(err error) Kind {
	var e *Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e):
		return e.Kind
	case errors.Is(err, context.Canceled):
		return Canceled
	case errors.Is(err, context.DeadlineExceeded):
		return Timeout
	}
	return Other
}

// failed turns what a read failed with into an *Error.
func (a *App) failed(op string, err error) error { return a.classify(op, err, false) }

// failedWrite does so for a write, whose effect may be unknown.
func (a *App) failedWrite(op string, err error) error { return a.classify(op, err, true) }

func (a *App) classify(op string, err error, write bool) error {
	if err == nil {
		return nil
	}
	if status, header, message := answer(err); status != 0 {
		e := &Error{Op: op, Message: message, Status: status, Kind: kindOfStatus(status, message)}
		e.RetryAfter = retryAfter(status, header, message, a.now())
		if e.RetryAfter > 0 && status == http.StatusForbidden {
			e.Kind = RateLimited
		}
		e.Ambiguous = write && status >= http.StatusInternalServerError
		return e
	}
	// Ours from below: the transport, or the minting of a token.
	var e *Error
	if errors.As(err, &e) {
		own := *e
		own.Op = op
		if e.Op != "" && e.Op != op {
			own.Op += ": " + e.Op
		}
		own.Ambiguous = write && e.Ambiguous
		return &own
	}
	switch {
	case errors.Is(err, context.Canceled):
		return &Error{Kind: Canceled, Op: op, Ambiguous: write, Err: err}
	case errors.Is(err, context.DeadlineExceeded):
		return &Error{Kind: Timeout, Op: op, Ambiguous: write, Err: err}
	}
	return &Error{Kind: Other, Op: op, Message: "GitHub's answer could not be read", Ambiguous: write, Err: err}
}

// unsigned is for failures to get a token: that the App is not installed must
// not look as if the thing that was asked for were not there.
func unsigned(err error) error {
	var e *Error
	if !errors.As(err, &e) || e.Status == 0 {
		return err
	}
	switch e.Kind {
	case NotFound, Forbidden, Invalid, Conflict:
		own := *e
		own.Kind = Unauthorized
		return &own
	}
	return err
}

// answer finds GitHub's refusal among go-github's error types; status is 0
// where there is none.
func answer(err error) (status int, header http.Header, message string) {
	var (
		refused   *github.ErrorResponse
		limited   *github.RateLimitError
		abuse     *github.AbuseRateLimitError
		twoFactor *github.TwoFactorAuthError
		resp      *http.Response
	)
	switch {
	case errors.As(err, &refused):
		resp, message = refused.Response, details(refused.Message, refused.Errors)
	case errors.As(err, &limited):
		resp, message = limited.Response, limited.Message
	case errors.As(err, &abuse):
		resp, message = abuse.Response, abuse.Message
	case errors.As(err, &twoFactor):
		resp, message = twoFactor.Response, twoFactor.Message
	}
	if resp == nil {
		return 0, nil, ""
	}
	return resp.StatusCode, resp.Header, message
}

// details adds what GitHub says about single fields to its message.
func details(message string, fields []github.Error) string {
	const most = 500
	for _, f := range fields {
		switch {
		case f.Message != "":
			message += "; " + f.Message
		case f.Code != "":
			message += "; " + strings.TrimSpace(f.Field+" "+f.Code)
		}
	}
	if len(message) > most {
		message = strings.ToValidUTF8(message[:most], "") + "…"
	}
	return message
}

func kindOfStatus(status int, message string) Kind {
	switch status {
	case http.StatusNotFound, http.StatusGone:
		return NotFound
	case http.StatusConflict:
		return Conflict
	case http.StatusUnprocessableEntity:
		if alreadyExists(message) {
			return Conflict
		}
		return Invalid
	case http.StatusBadRequest:
		return Invalid
	case http.StatusUnauthorized:
		return Unauthorized
	case http.StatusForbidden:
		return Forbidden
	case http.StatusTooManyRequests:
		return RateLimited
	case http.StatusRequestTimeout:
		return Timeout
	}
	if status >= http.StatusInternalServerError {
		return Unavailable
	}
	return Other
}

func alreadyExists(message string) bool {
	m := strings.ToLower(message)
	return strings.Contains(m, "already exist") || strings.Contains(m, "already_exists") ||
		strings.Contains(m, "already been taken") || strings.Contains(m, "must be unique")
}

// retryAfter is how long GitHub asks to wait, in the order that its documents
// give: Retry-After (seconds or a date), the reset of a primary limit that is
// used up, a minute for a secondary limit.
func retryAfter(status int, header http.Header, message string, now time.Time) time.Duration {
	if wait, ok := parseRetryAfter(header.Get("Retry-After"), now); ok {
		return wait
	}
	if status != http.StatusForbidden && status != http.StatusTooManyRequests {
		return 0
	}
	if header.Get(keptRemaining) == "0" {
		if reset, err := strconv.ParseInt(header.Get(keptReset), 10, 64); err == nil {
			return atLeastASecond(time.Unix(reset, 0).Sub(now))
		}
		return secondaryWait
	}
	m := strings.ToLower(message)
	if status == http.StatusTooManyRequests || strings.Contains(m, "rate limit") || strings.Contains(m, "abuse detection") {
		return secondaryWait
	}
	return 0
}

func parseRetryAfter(value string, now time.Time) (time.Duration, bool) {
	value = strings.TrimSpace(value)
	if value == "" {
		return 0, false
	}
	if seconds, err := strconv.Atoi(value); err == nil {
		return atLeastASecond(time.Duration(seconds) * time.Second), true
	}
	if at, err := http.ParseTime(value); err == nil {
		return atLeastASecond(at.Sub(now)), true
	}
	return 0, false
}

// atLeastASecond keeps "now" apart from "GitHub did not say", which is 0.
func atLeastASecond(d time.Duration) time.Duration { return max(d, time.Second) }
