package handlers

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

// An Answer is how the REST channel answers.
type Answer struct {
	Code      int             `json:"Code"`
	DryRun    bool            `json:"DryRun,omitempty"`
	Response  any             `json:"Response,omitempty"`
	Error     string          `json:"Error,omitempty"`
	Reason    dispatch.Reason `json:"Reason,omitempty"`
	RequestID string          `json:"RequestID,omitempty"`
	Items     []dispatch.Item `json:"Items,omitempty"`
}

// nullJSON is a response that is shown even though it is nothing.
type nullJSON struct{}

// MarshalJSON returns null.
func (nullJSON) MarshalJSON() ([]byte, error) { return []byte("null"), nil }

// ResultAnswer is the answer to a command that succeeded.
func ResultAnswer(result dispatch.Result) Answer {
	answer := Answer{Code: http.StatusOK, DryRun: result.DryRun, Response: result.Response, Items: result.Items}
	if result.Request != 0 && !result.DryRun {
		answer.Code = http.StatusAccepted
	}
	switch {
	case answer.Response != nil:
	case result.Message != "":
		answer.Response = result.Message
	default:
		answer.Response = nullJSON{}
	}
	return answer
}

// ErrorAnswer is the answer to a command that was refused or failed.
func ErrorAnswer(e *dispatch.Error, requestID string) Answer {
	status := e.Status()
	if status < 400 || status > 599 {
		status = http.StatusInternalServerError
	}
	message := e.Message
	if e.Undo != "" {
		message += " To undo what was done, comment: " + strings.ReplaceAll(e.Undo, "\n", "; then: ")
	}
	return Answer{Code: status, Error: message, Reason: e.Reason, RequestID: requestID, Items: e.Items}
}

// EncodeJSON is the one way that this package writes JSON: one line, and
// without escapes for HTML, which no browser takes it for (nosniff).
func EncodeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return b.Bytes(), err
}

// WriteJSON writes body with the headers that every answer of the API has.
func WriteJSON(w http.ResponseWriter, status int, body []byte) {
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	w.Write(body)
}
