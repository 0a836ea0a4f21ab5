package handlers

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
)

// An envelope is how the REST door answers.
type envelope struct {
	Code      int             `json:"Code"`
	Response  any             `json:"Response,omitempty"`
	Error     string          `json:"Error,omitempty"`
	Reason    commands.Reason `json:"Reason,omitempty"`
	RequestID string          `json:"RequestID,omitempty"`
	Items     []commands.Item `json:"Items,omitempty"`
}

// nullJSON is a response that is shown even though it is nothing.
type nullJSON struct{}

// MarshalJSON returns null.
func (nullJSON) MarshalJSON() ([]byte, error) { return []byte("null"), nil }

// resultEnvelope is the answer to a command that succeeded.
func resultEnvelope(result commands.Result) envelope {
	answer := envelope{Code: http.StatusOK, Response: result.Response, Items: result.Items}
	switch {
	case answer.Response != nil:
	case result.Message != "":
		answer.Response = result.Message
	default:
		answer.Response = nullJSON{}
	}
	return answer
}

// errorEnvelope is the answer to a command that was refused or failed.
func errorEnvelope(e *commands.Error, requestID string) envelope {
	status := e.Status()
	if status < 400 || status > 599 {
		status = http.StatusInternalServerError
	}
	return envelope{Code: status, Error: e.Message, Reason: e.Reason, RequestID: requestID, Items: e.Items}
}

// setErrorHeaders sets the headers that an error's reason calls for.
func setErrorHeaders(header http.Header, e *commands.Error) {
	if after := retryAfter(e); after > 0 {
		header.Set("Retry-After", strconv.Itoa(after))
	}
	switch e.Reason {
	case commands.ReasonMissingToken:
		header.Set("WWW-Authenticate", `Bearer realm="Actions Runner Manager"`)
	case commands.ReasonBadToken:
		header.Set("WWW-Authenticate", `Bearer realm="Actions Runner Manager", error="invalid_token"`)
	}
}

// retryAfter is how many seconds to wait, rounded up; 0 where that is unknown.
func retryAfter(e *commands.Error) int {
	seconds := int((e.RetryAfter + time.Second - 1) / time.Second)
	if seconds > 0 {
		return seconds
	}
	switch e.Reason {
	case commands.ReasonRateLimited:
		return 1
	case commands.ReasonGitHubRateLimited:
		// What GitHub asks for where it names no time.
		return 60
	}
	return 0
}

// encodeJSON is the one way that this package writes JSON: one line, and
// without escapes for HTML, which no browser takes it for (nosniff).
func encodeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return b.Bytes(), err
}

// writeJSON writes body with the headers that every answer of the API has.
func writeJSON(w http.ResponseWriter, status int, body []byte) {
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	w.Write(body) //nolint:gosec // it is JSON, and no browser takes it for HTML
}
