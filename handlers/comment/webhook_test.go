package comment

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/handlers"
)

const hookSecret = "It's a Secret to Everybody"

func sign(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// a hook is a webhook that keeps what it accepts.
type hook struct {
	secrets      []string
	installation int64
	accept       func(guid string, c Comment) (bool, error)

	accepted []Comment
	outcomes []string
}

func (h *hook) handler() http.Handler {
	return NewWebhook(WebhookOptions{
		Secrets: func() []string { return h.secrets },
		Orgs: []WebhookOrg{
			{Org: "other", AdminRepo: "runner-admin", InstallationID: func() int64 { return 78 }},
			{Org: "Acme", AdminRepo: "runner-admin", InstallationID: func() int64 { return h.installation }},
			{Org: "silent", InstallationID: func() int64 { return 79 }},
		},
		Accept: func(_ context.Context, guid string, c Comment) (bool, error) {
			if h.accept != nil {
				return h.accept(guid, c)
			}
			h.accepted = append(h.accepted, c)
			return true, nil
		},
		Observe: func(outcome string) { h.outcomes = append(h.outcomes, outcome) },
		Logger:  zerolog.Nop(),
	})
}

func newHook() *hook { return &hook{secrets: []string{hookSecret}, installation: 77} }

// commentEvent is an issue_comment that is accepted, as changed by change.
func commentEvent(change func(event map[string]any)) []byte {
	user := func() map[string]any { return map[string]any{"id": 5, "login": "mona", "type": "User"} }
	event := map[string]any{
		"action": "created",
		"issue": map[string]any{
			"number": 3, "body": "### Team\n\n@acme/platform\n", "user": user(),
			"labels": []any{map[string]any{"name": "bug"}, map[string]any{"name": "team:web"}},
		},
		"comment": map[string]any{
			"id": 9001, "body": "Please\r\n/runner-group repos-add a,b\r\n", "user": user(),
			"created_at": "2026-01-02T03:04:05Z", "performed_via_github_app": nil,
		},
		"repository":   map[string]any{"id": 11, "full_name": "acme/Runner-Admin"},
		"installation": map[string]any{"id": 77},
		"sender":       user(),
	}
	if change != nil {
		change(event)
	}
	body, err := json.Marshal(event)
	if err != nil {
		panic(err)
	}
	return body
}

func in(event map[string]any, path string, value any) {
	keys := strings.Split(path, ".")
	for _, key := range keys[:len(keys)-1] {
		event = event[key].(map[string]any)
	}
	event[keys[len(keys)-1]] = value
}

func set(path string, value any) []byte {
	return commentEvent(func(event map[string]any) { in(event, path, value) })
}

func delivery(event string, body []byte) *http.Request {
	r := httptest.NewRequest(http.MethodPost, WebhookPath, bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-GitHub-Event", event)
	r.Header.Set("X-GitHub-Delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958")
	r.Header.Set("X-Hub-Signature-256", sign(hookSecret, body))
	return r
}

func TestWebhookVerifies(t *testing.T) {
	body := commentEvent(nil)
	old := hmac.New(sha1.New, []byte(hookSecret))
	old.Write(body)
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	tests := []struct {
		name    string
		change  func(*http.Request)
		secrets []string
		want    int
		outcome string
	}{
		{"signed", nil, nil, 200, OutcomeAccepted},
		{"signed with the second secret", nil, []string{"new", hookSecret}, 200, OutcomeAccepted},
		{"signed with another secret", nil, []string{"new"}, 401, OutcomeRefused},
		{"no secret configured", nil, []string{}, 503, OutcomeRefused},
		{"an empty secret signs nothing", header("X-Hub-Signature-256", sign("", body)), []string{""}, 401, OutcomeRefused},
		{"GET", func(r *http.Request) { r.Method = http.MethodGet }, nil, 405, OutcomeRefused},
		{"not signed", func(r *http.Request) { r.Header.Del("X-Hub-Signature-256") }, nil, 401, OutcomeRefused},
		{"only SHA-1", func(r *http.Request) {
			r.Header.Del("X-Hub-Signature-256")
			r.Header.Set("X-Hub-Signature", "sha1="+hex.EncodeToString(old.Sum(nil)))
		}, nil, 401, OutcomeRefused},
		{"SHA-1 in the place of SHA-256", header("X-Hub-Signature-256", "sha1="+hex.EncodeToString(old.Sum(nil))), nil, 401, OutcomeRefused},
		{"no digits", header("X-Hub-Signature-256", "sha256="+strings.Repeat("x", 64)), nil, 401, OutcomeRefused},
		{"too short", header("X-Hub-Signature-256", sign(hookSecret, body)[:40]), nil, 401, OutcomeRefused},
		{"two signatures", func(r *http.Request) { r.Header.Add("X-Hub-Signature-256", sign(hookSecret, body)) }, nil, 401, OutcomeRefused},
		{"another body", func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("{}")) }, nil, 401, OutcomeRefused},
		{"no event", func(r *http.Request) { r.Header.Del("X-GitHub-Event") }, nil, 400, OutcomeMalformed},
		{"no GUID", func(r *http.Request) { r.Header.Del("X-GitHub-Delivery") }, nil, 400, OutcomeMalformed},
		{"GUID that ends a marker", header("X-GitHub-Delivery", "a --> b"), nil, 400, OutcomeMalformed},
		{"another media type", header("Content-Type", "text/plain"), nil, 400, OutcomeMalformed},
		{"media type with a charset", header("Content-Type", "application/json; charset=utf-8"), nil, 200, OutcomeAccepted},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHook()
			if tt.secrets != nil {
				h.secrets = tt.secrets
			}
			r := delivery("issue_comment", body)
			if tt.change != nil {
				tt.change(r)
			}
			w := httptest.NewRecorder()
			h.handler().ServeHTTP(w, r)
			assert.Equal(t, tt.want, w.Code)
			assert.Equal(t, []string{tt.outcome}, h.outcomes)
			assert.Equal(t, tt.outcome == OutcomeAccepted, len(h.accepted) == 1)
			if tt.want == 405 {
				assert.Equal(t, "POST", w.Header().Get("Allow"))
			}
		})
	}
}

// The example of GitHub's documentation ("Validating webhook deliveries").
func TestWebhookSignatureVector(t *testing.T) {
	const want = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
	r := delivery("ping", []byte("Hello, World!"))
	require.Equal(t, want, r.Header.Get("X-Hub-Signature-256"))
	w := httptest.NewRecorder()
	newHook().handler().ServeHTTP(w, r)
	assert.Equal(t, 200, w.Code)
}

func TestWebhookFilters(t *testing.T) {
	tests := []struct {
		name, event string
		body        []byte
		want        int
		outcome     string
	}{
		{"another event", "issues", commentEvent(nil), 200, OutcomeIgnored},
		{"ping", "ping", []byte(`{"zen":"runner-group"}`), 200, OutcomeIgnored},
		{"edited", "", set("action", "edited"), 200, OutcomeIgnored},
		{"another repository", "", set("repository.full_name", "acme/web"), 200, OutcomeIgnored},
		{"another organization", "", set("repository.full_name", "evil/runner-admin"), 200, OutcomeIgnored},
		{"organization without comment commands", "", set("repository.full_name", "silent/"), 200, OutcomeIgnored},
		{"another installation", "", set("installation.id", 78), 200, OutcomeIgnored},
		{"no installation", "", set("installation", nil), 200, OutcomeIgnored},
		{"bot", "", set("comment.user.type", "Bot"), 200, OutcomeIgnored},
		{"deleted user", "", set("comment.user", nil), 200, OutcomeIgnored},
		{"bot as sender", "", set("sender.type", "Bot"), 200, OutcomeIgnored},
		{"through an App", "", set("comment.performed_via_github_app", map[string]any{"id": 1}), 200, OutcomeIgnored},
		{"no command", "", set("comment.body", "see /runner-group"), 200, OutcomeIgnored},
		{"no such word at all", "", set("comment.body", "thanks"), 200, OutcomeIgnored},
		{"not JSON and no such word", "", []byte("{"), 200, OutcomeIgnored},
		{"not JSON", "", []byte(`{"runner-group`), 400, OutcomeMalformed},
		{"escaped and not JSON", "", []byte(`{"\u0072unner`), 400, OutcomeMalformed},
		{"an array", "", []byte(`["runner-group"]`), 400, OutcomeMalformed},
		{"nothing in it", "", []byte(`{"x":"runner-group"}`), 400, OutcomeMalformed},
		{"wrong types", "", set("comment.id", "9001"), 400, OutcomeMalformed},
		{"no comment id", "", set("comment.id", 0), 400, OutcomeMalformed},
		{"no author id", "", set("comment.user.id", 0), 400, OutcomeMalformed},
		{"no time", "", set("comment.created_at", nil), 400, OutcomeMalformed},
		{"pull request", "", set("issue.pull_request", map[string]any{}), 200, OutcomeAccepted},
		{"no issue body", "", set("issue.body", nil), 200, OutcomeAccepted},
		{"escaped letters", "", bytes.ReplaceAll(commentEvent(nil), []byte("runner-group"), []byte(`\u0072unner\u002Dgroup`)), 200, OutcomeAccepted},
		{"escaped slash", "", bytes.ReplaceAll(commentEvent(nil), []byte("/runner-group"), []byte(`\/runner-group`)), 200, OutcomeAccepted},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHook()
			w := httptest.NewRecorder()
			if tt.event == "" {
				tt.event = "issue_comment"
			}
			h.handler().ServeHTTP(w, delivery(tt.event, tt.body))
			assert.Equal(t, tt.want, w.Code, w.Body)
			assert.Equal(t, []string{tt.outcome}, h.outcomes)
			assert.Equal(t, tt.outcome == OutcomeAccepted, len(h.accepted) == 1)
			assert.Contains(t, w.Body.String(), tt.outcome)
			assert.True(t, json.Valid(w.Body.Bytes()))
		})
	}
}

func TestWebhookKeepsWhatIsNeeded(t *testing.T) {
	h := newHook()
	w := httptest.NewRecorder()
	h.handler().ServeHTTP(w, delivery("issue_comment", commentEvent(nil)))
	require.Equal(t, 200, w.Code)
	assert.Equal(t, []Comment{{
		Org: "Acme", Repo: "runner-admin", RepoID: 11, InstallationID: 77, Issue: 3, CommentID: 9001,
		Author: Author{ID: 5, Login: "mona"}, Lines: []Line{{Number: 2, Text: "/runner-group repos-add a,b"}}, Digest: h.accepted[0].Digest,
		Labels: []string{"team:web"}, TeamFields: []string{"@acme/platform"}, IssueAuthor: Author{ID: 5, Login: "mona"}, CreatedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}}, h.accepted)
	kept, err := json.Marshal(h.accepted[0])
	require.NoError(t, err)
	assert.Less(t, len(kept), 1_000)
}

func TestWebhookTakesForms(t *testing.T) {
	h := newHook()
	body := []byte(url.Values{"payload": {string(commentEvent(nil))}}.Encode())
	r := delivery("issue_comment", body)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	h.handler().ServeHTTP(w, r)
	assert.Equal(t, 200, w.Code)
	assert.Len(t, h.accepted, 1)
}

func TestWebhookWhileTheInstallationIsUnknown(t *testing.T) {
	h := newHook()
	h.installation = 0
	w := httptest.NewRecorder()
	h.handler().ServeHTTP(w, delivery("issue_comment", commentEvent(nil)))
	assert.Equal(t, 200, w.Code)
	assert.Len(t, h.accepted, 1)
}

func TestWebhookAcceptance(t *testing.T) {
	tests := []struct {
		name    string
		fresh   bool
		err     error
		want    int
		outcome string
	}{
		{"fresh", true, nil, 200, OutcomeAccepted},
		{"seen before", false, nil, 200, OutcomeDuplicate},
		{"database down", false, errors.New("disk full"), 503, OutcomeFailed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHook()
			h.accept = func(guid string, _ Comment) (bool, error) {
				assert.Equal(t, "72d3162e-cc78-11e3-81ab-4c9367dc0958", guid)
				return tt.fresh, tt.err
			}
			w := httptest.NewRecorder()
			h.handler().ServeHTTP(w, delivery("issue_comment", commentEvent(nil)))
			assert.Equal(t, tt.want, w.Code)
			assert.Equal(t, []string{tt.outcome}, h.outcomes)
			assert.NotContains(t, w.Body.String(), "disk")
		})
	}
}

func TestWebhookBoundsItsMemory(t *testing.T) {
	large := bytes.Repeat([]byte(" "), maxDelivery+1)
	tests := []struct {
		name   string
		body   []byte
		length int64 // as declared; -1: not declared
		want   int
	}{
		{"declared", large, int64(len(large)), 413},
		{"not declared", large, -1, 413},
		{"just fits", large[:maxDelivery], -1, 200},
		{"larger than usual", large[:2*maxKept], -1, 200},
		{"as large as usual", large[:maxKept], -1, 200},
		{"empty", nil, 0, 200},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := delivery("issue_comment", tt.body)
			r.ContentLength = tt.length
			w := httptest.NewRecorder()
			newHook().handler().ServeHTTP(w, r)
			assert.Equal(t, tt.want, w.Code)
		})
	}
}

func TestReadDeliveryRefusesTooManyLargeOnes(t *testing.T) {
	bodies := handlers.NewBodies(6 << 20)
	read := func() (func(), error) {
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(make([]byte, maxKept)))
		_, release, err := readDelivery(bodies, r, nil, []string{"secret"})
		return release, err
	}
	first, err := read()
	require.NoError(t, err)
	second, err := read()
	require.ErrorIs(t, err, errBusy)
	second()
	first()
	third, err := read()
	require.NoError(t, err)
	third()
}

func TestMayHoldCommand(t *testing.T) {
	tests := []struct {
		body string
		want bool
	}{
		{`{}`, false},
		{``, false},
		{`runner-group`, true},
		{`runner_group`, false},
		{`\u003cb\u003e \u0026`, false},
		{`caf\u00e9`, false},
		{`\u0052UNNER`, true},
		{`Runner-Group`, true},
		{"runner-\u2060group", true},
		{`runner\u200b-group`, true},
		{`\u200B`, true},
		{`\ufeff`, true},
		{`\ud83d\ude00`, false},
		{`\udb40\udc67`, true},
		{`\udb40`, false},
		{"caf\u00e9-group runner-grou runner group", false},
		{`\u0072`, true},
		{`\u006E`, true},
		{`\u006e`, true},
		{`\u002d`, true},
		{`\u002D`, true},
		{`\u00`, false},
		{`\u007`, false},
		{`\u003c\u003e\u0070`, true},
		{`\u00\u00\u0067`, true},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, trigger("runner-group").mayBeInJSON([]byte(tt.body)), tt.body)
	}
}
