package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/handlers"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// An answer is a decoded answer of the REST channel.
type answer struct {
	Code      int
	Response  map[string]any
	Error     string
	Reason    string
	RequestID string
	Items     []struct {
		Item, Error, Reason string
		Done                bool
	}

	header http.Header
	text   string
}

// call sends a request as curl would: "POST /api/v1/group-create?team=platform".
func (w *world) call(token, request string, body ...string) answer {
	w.t.Helper()
	method, path, ok := strings.Cut(request, " ")
	require.True(w.t, ok, request)
	var content io.Reader
	if len(body) > 0 {
		content = strings.NewReader(body[0])
	}
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, content)
	require.NoError(w.t, err)
	if token != "" {
		req.Header.Set("Authorization", token)
	}
	if len(body) > 1 {
		req.Header.Set("Content-Type", body[1])
	}
	res, err := w.client.Do(req)
	require.NoError(w.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(w.t, err)
	a := answer{header: res.Header, text: string(text)}
	if method != http.MethodHead {
		require.NoError(w.t, json.Unmarshal(text, &a), "%s answered %s", request, text)
		assert.Equal(w.t, res.StatusCode, a.Code, "%s answered %s", request, text)
		checkReason(w.t, path, dispatch.Reason(a.Reason))
	}
	return a
}

// ok sends a request that must succeed.
func (w *world) ok(token, request string, body ...string) answer {
	w.t.Helper()
	a := w.call(token, request, body...)
	require.Equal(w.t, 200, a.Code, "%s: %s", request, a.text)
	return a
}

// refused sends a request that must be refused with the status and reason.
func (w *world) refused(status int, reason, token, request string, body ...string) answer {
	w.t.Helper()
	a := w.call(token, request, body...)
	assert.Equal(w.t, fmt.Sprint(status, " ", reason), fmt.Sprint(a.Code, " ", a.Reason), "%s: %s", request, a.text)
	assert.NotEmpty(w.t, a.Error, request)
	assert.Equal(w.t, a.RequestID, a.header.Get("X-Request-Id"), request)
	return a
}

// say writes a comment as somebody, and waits for the last reaction to it.
func (w *world) say(login string, issue int, text string) (replies []string, reaction string) {
	w.t.Helper()
	before := len(w.hub.Comments("acme", "runner-admin", issue))
	id, err := w.hub.Comment("acme", "runner-admin", issue, login, text)
	require.NoError(w.t, err)
	require.Eventually(w.t, func() bool {
		reaction = w.reaction(issue, id)
		return reaction != ""
	}, 30*time.Second, 5*time.Millisecond, "no last reaction to %q", text)
	for _, c := range w.hub.Comments("acme", "runner-admin", issue)[before:] {
		if c.ID != id {
			replies = append(replies, c.Body)
		}
	}
	return replies, reaction
}

// reaction returns the last reaction to a comment: rocket or confused.
func (w *world) reaction(issue int, id int64) string {
	for _, c := range w.hub.Comments("acme", "runner-admin", issue) {
		for _, r := range c.Reactions {
			if c.ID == id && r.Content != "eyes" {
				return r.Content
			}
		}
	}
	return ""
}

// repos returns the repositories of a group, as the simulated GitHub has them.
func (w *world) repos(group string) (names []string) {
	w.hub.Update(func(st *ghsim.State) { names = st.Org("acme").ReposOf(group) })
	return names
}

// groupCalls returns the calls to the runner-group API since the last reset.
func (w *world) groupCalls() (paths []string) {
	for _, c := range w.hub.Calls() {
		if strings.Contains(c.Path, "/actions/") && !asksForItself(c.Path) {
			paths = append(paths, c.Method+" "+c.Path)
		}
	}
	return paths
}

// asksForItself reports whether the server asks for the path by itself: for the newest release
// of the runner, when it starts and every hour.
func asksForItself(path string) bool {
	return strings.HasSuffix(path, "/actions/runners/downloads") || path == "/repos/acme/runner-admin"
}

func query(pairs ...string) string {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return "?" + v.Encode()
}

// A lockedBuffer is the log of a running server.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func (b *lockedBuffer) contains(text string) bool { return strings.Contains(b.String(), text) }

// checkReason checks that the command declares the reason, so that its description is complete.
func checkReason(t testing.TB, path string, reason dispatch.Reason) {
	t.Helper()
	name, _, _ := strings.Cut(strings.TrimPrefix(path, handlers.APIPrefix), "?")
	if reason == "" || reason == dispatch.ReasonMethod {
		return
	}
	for _, command := range commands.All() {
		if command.Answers(name) {
			declared := slices.ContainsFunc(command.Reasons(), func(r dispatch.ReasonInfo) bool { return r.Reason == reason })
			assert.True(t, declared, "%s gives the reason %s, which does not follow from its Spec: add it to Refusals", name, reason)
		}
	}
}
