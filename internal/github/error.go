package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/go-github/v41/github"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github/pacing"
)

// A Kind classifies an [Error]. Callers decide by it, never by the message.
type Kind string

// The kinds of errors. Every refusal of GitHub is one of them.
const (
	NotFound     Kind = "not_found"    // 404, 410: it does not exist, or the token may not see it
	Conflict     Kind = "conflict"     // 409, or a 422 for something that exists already
	Invalid      Kind = "invalid"      // 400, 422, or a name that cannot exist and was not sent
	Forbidden    Kind = "forbidden"    // 403 that is not a rate limit
	Unauthorized Kind = "unauthorized" // 401, a malformed token that was not sent, or GitHub gives the App no token for the organization
	Suspended    Kind = "suspended"    // 403: the App's installation is suspended
	Closed       Kind = "closed"       // 403: nobody can write there: the issue is locked or has too many comments, or the repository is archived
	RateLimited  Kind = "rate_limited" // primary or secondary rate limit; see Error.RetryAfter
	Timeout      Kind = "timeout"      // one exchange took too long, or the caller's deadline passed
	Unavailable  Kind = "unavailable"  // 5xx, or no connection
	Incomplete   Kind = "incomplete"   // a list with fewer items than GitHub counts, or without an end
	Stale        Kind = "stale"        // a change of something that was read too long ago; it was not sent
	Canceled     Kind = "canceled"     // the caller's context was canceled
	Other        Kind = "other"        // anything else; also errors that are not an *Error
)

// An Error is the error of every method of this package. It has no request and no
// headers, so printing it never shows a token.
type Error struct {
	Kind       Kind
	Op         string        // what failed: "delete group 5 of acme"
	Message    string        // GitHub's message, or ours
	Status     int           // HTTP status; 0 if there was no answer
	RetryAfter time.Duration // how long to wait before trying again; 0: unknown
	SSO        string        // the page that X-GitHub-SSO names, as it came; on it the token's owner can allow the token
	Elsewhere  string        // the only organization that has the App, if that is not the configured one
	MovedTo    string        // the path, below the API's address, that GitHub redirected to and that was not followed
	Ambiguous  bool          // set if a write may or may not have taken effect
	Err        error         // the cause, or nil; errors.Is finds context errors
}

// Error implements [error].
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

// KindOf returns the kind of the first [Error] in err's chain. Without one it returns
// Canceled or Timeout for a context's error, and else Other. For nil it is empty.
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

// asError returns a copy of err's [Error], which every method of this package returns.
func asError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		own := *e
		return &own
	}
	return &Error{Kind: KindOf(err), Err: err}
}

// failed turns the error of a read into an *Error.
func (a *App) failed(op string, err error) error { return a.classify(op, err, false) }

// failedWrite turns the error of a write into an *Error. It sets Ambiguous if the write
// may have taken effect.
func (a *App) failedWrite(op string, err error) error { return a.classify(op, err, true) }

func (a *App) classify(op string, err error, write bool) error {
	if err == nil {
		return nil
	}
	if status, header, message, exists := refusal(err); status != 0 {
		e := &Error{Op: op, Message: message, Status: status, Kind: kindOfStatus(status, exists), SSO: ssoPage(header)}
		e.RetryAfter = retryAfter(status, header, message, a.now())
		switch {
		case e.Kind == Conflict:
		case isLimitStatus(status) && e.RetryAfter > 0:
			e.Kind = RateLimited
		case isClosed(status, message):
			e.Kind = Closed
		}
		// Only the message says so: "This installation has been suspended".
		if status == http.StatusForbidden && strings.Contains(strings.ToLower(message), "installation has been suspended") {
			e.Kind = Suspended
		}
		e.Ambiguous = write && status >= http.StatusInternalServerError
		return e
	}
	// It may be an *Error already, from the transport or from minting a token.
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
	return &Error{Kind: Other, Op: op, Message: "GitHub's answer could not be decoded", Ambiguous: write, Err: err}
}

// pacingError turns a pacer's refusal into an *Error. Nothing was sent.
func pacingError(err error) error {
	var refused *pacing.RefusedError
	if !errors.As(err, &refused) {
		return err
	}
	return &Error{Kind: RateLimited, Message: "too many requests are waiting for GitHub's rate limit", RetryAfter: refused.RetryAfter}
}

// asUnauthorized turns a refusal to give us a token into Unauthorized. Otherwise the
// NotFound of an App that is not installed would look as if the requested group or team
// did not exist.
func asUnauthorized(err error) error {
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

// refusal returns GitHub's answer from go-github's error types; status is 0 if err is not
// one of them. exists is set if GitHub refused because something exists already.
func refusal(err error) (status int, header http.Header, message string, exists bool) {
	var (
		refused   *github.ErrorResponse
		limited   *github.RateLimitError
		abuse     *github.AbuseRateLimitError
		twoFactor *github.TwoFactorAuthError
		resp      *http.Response
	)
	switch {
	case errors.As(err, &refused):
		resp, message = refused.Response, withDetails(refused.Message, refused.Errors)
		exists = alreadyExists(message, refused.Errors)
	case errors.As(err, &limited):
		resp, message = limited.Response, limited.Message
	case errors.As(err, &abuse):
		resp, message = abuse.Response, abuse.Message
	case errors.As(err, &twoFactor):
		resp, message = twoFactor.Response, twoFactor.Message
	}
	if resp == nil {
		return 0, nil, "", false
	}
	return resp.StatusCode, resp.Header, message, exists
}

// withDetails appends GitHub's messages about single fields to its message.
func withDetails(message string, fields []github.Error) string {
	const maxBytes = 500
	for _, f := range fields {
		switch {
		case f.Message != "":
			message += "; " + f.Message
		case f.Code != "":
			message += "; " + strings.TrimSpace(f.Field+" "+f.Code)
		}
	}
	if len(message) > maxBytes {
		message = strings.ToValidUTF8(message[:maxBytes], "") + "…"
	}
	return message
}

func kindOfStatus(status int, exists bool) Kind {
	switch status {
	case http.StatusNotFound, http.StatusGone:
		return NotFound
	case http.StatusConflict:
		return Conflict
	case http.StatusUnprocessableEntity:
		if exists {
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

// alreadyExists reports whether a 422 means that something exists already. GitHub's code
// for that is already_exists. Custom validation errors only have a message, as documented
// (https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api#validation-failed),
// so it is searched then.
// For runner groups neither the status nor the code of a duplicate name is documented.
func alreadyExists(message string, fields []github.Error) bool {
	if slices.ContainsFunc(fields, func(f github.Error) bool { return f.Code == "already_exists" }) {
		return true
	}
	m := strings.ToLower(message)
	return strings.Contains(m, "already exist") || strings.Contains(m, "already been taken") || strings.Contains(m, "must be unique")
}

// ssoPage returns the page of the header X-GitHub-SSO, such as
// "required; url=https://github.com/orgs/acme/sso?authorization_request=…"
// (https://docs.github.com/en/rest/authentication/authenticating-to-the-rest-api#personal-access-tokens-and-saml-sso).
func ssoPage(header http.Header) string {
	_, page, _ := strings.Cut(header.Get("X-Github-Sso"), "; url=")
	return strings.TrimSpace(page)
}

// sentKey is the context key of the flag that watchSent adds.
type sentKey struct{}

// watchSent returns a context whose requests set the flag once one of them is sent.
// go-github replaces the error of a request whose context has ended by the context's own,
// which does not say that.
func watchSent(ctx context.Context) (context.Context, *atomic.Bool) {
	sent := &atomic.Bool{}
	return context.WithValue(ctx, sentKey{}, sent), sent
}

func markSent(ctx context.Context) {
	if sent, ok := ctx.Value(sentKey{}).(*atomic.Bool); ok {
		sent.Store(true)
	}
}

// unlessSent turns the end of a context into an error that is not ambiguous if nothing was
// sent before.
func unlessSent(err error, sent *atomic.Bool) error {
	var known *Error
	if err == nil || sent.Load() || errors.As(err, &known) {
		return err
	}
	if kind := KindOf(err); kind == Canceled || kind == Timeout {
		return &Error{Kind: kind, Err: err}
	}
	return err
}
