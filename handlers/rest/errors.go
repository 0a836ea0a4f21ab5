package rest

import (
	"net/http"
	"strconv"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

// setErrorHeaders sets the headers that an error's reason calls for.
func setErrorHeaders(header http.Header, e *dispatch.Error) {
	if after := retryAfter(e); after > 0 {
		header.Set("Retry-After", strconv.Itoa(after))
	}
	switch e.Reason {
	case dispatch.ReasonMissingToken:
		header.Set("WWW-Authenticate", `Bearer realm="Actions Runner Manager"`)
	case dispatch.ReasonBadToken:
		header.Set("WWW-Authenticate", `Bearer realm="Actions Runner Manager", error="invalid_token"`)
	}
}

// retryAfter is how many seconds to wait, rounded up; 0 if that is unknown.
func retryAfter(e *dispatch.Error) int {
	seconds := int((e.RetryAfter + time.Second - 1) / time.Second)
	if seconds > 0 {
		return seconds
	}
	switch e.Reason {
	case dispatch.ReasonRateLimited:
		return 1
	case dispatch.ReasonGitHubRateLimited:
		// What GitHub asks for if it names no time.
		return 60
	}
	return 0
}
