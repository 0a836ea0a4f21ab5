package rest

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/handlers"
	"github.com/actions-runner-manager/actions-runner-manager/handlers/handlertest"
)

func TestRESTMethods(t *testing.T) {
	tests := []struct {
		name, method, command string
		want                  int
		allow                 string
		deprecated            bool
	}{
		{name: "the documented method", method: "POST", command: "group-create", want: 200},
		{name: "an alias", method: "POST", command: "group-add", want: 200},
		{name: "the legacy GET", method: "GET", command: "group-add", want: 200, deprecated: true},
		{name: "the legacy GET of a token", method: "GET", command: "token-register", want: 200, deprecated: true},
		{name: "PATCH", method: "PATCH", command: "repos-add", want: 200},
		{name: "POST works for what is PATCH", method: "POST", command: "repos-add", want: 200},
		{name: "DELETE", method: "DELETE", command: "group-delete", want: 200},
		{name: "POST works for what is GET", method: "POST", command: "group-list", want: 200},
		{name: "GET is not deprecated for what it reads", method: "GET", command: "group-list", want: 200},
		{name: "HEAD reads", method: "HEAD", command: "group-list", want: 200},
		{name: "HEAD changes nothing", method: "HEAD", command: "group-create", want: 405, allow: "POST, GET"},
		{name: "GET of what the legacy program did not have", method: "GET", command: "group-adopt", want: 405, allow: "POST"},
		{name: "another method", method: "PUT", command: "group-list", want: 405, allow: "GET, POST, HEAD"},
		{name: "a method of one's own", method: "BREW", command: "repos-add", want: 405, allow: "PATCH, POST, GET"},
		{name: "OPTIONS", method: "OPTIONS", command: "status", want: 405, allow: "GET, POST, HEAD"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newRESTFixture()
			response, answer := f.send(t, httptest.NewRequest(tt.method, handlers.APIPrefix+tt.command, nil))
			assert.Equal(t, tt.want, response.StatusCode)
			assert.Equal(t, tt.allow, response.Header.Get("Allow"))
			if tt.want == 405 {
				assert.Equal(t, "method", answer.Reason)
				for method := range strings.SplitSeq(strings.TrimSuffix(tt.allow, ", HEAD"), ", ") {
					assert.Contains(t, strings.TrimPrefix(answer.Error, "`"+tt.command+"` does not answer to \""+tt.method), method)
				}
				assert.Empty(t, f.dispatcher.requests())
				return
			}
			require.Len(t, f.dispatcher.requests(), 1)
			deprecation := ""
			if tt.deprecated {
				deprecation = getDeprecatedSince
			}
			assert.Equal(t, deprecation, response.Header.Get("Deprecation"))
		})
	}
}

func TestRESTRequest(t *testing.T) {
	f := newRESTFixture()
	response, answer := f.send(t, httptest.NewRequest(http.MethodGet, handlers.APIPrefix+"group-add?team=platform", nil))
	assert.JSONEq(t, `{"command":"group-create"}`, string(answer.Response))
	require.Len(t, f.dispatcher.requests(), 1)
	got := f.dispatcher.requests()[0]
	assert.Equal(t, dispatch.Request{
		ID: response.Header.Get("X-Request-Id"), Channel: dispatch.REST, Command: "group-create", Org: "acme",
		Caller: dispatch.Principal{ID: 7, Login: "alice"},
		Args:   dispatch.Args{Named: []dispatch.NamedArg{{Name: "team", Values: []string{"platform"}}}},
	}, got)
}

func TestRESTPaths(t *testing.T) {
	tests := []struct{ name, path, says string }{
		{"nothing", "/api/v1/", "`/api/v1/help` lists all"},
		{"no slash", "/api/v1", "COMMAND"},
		{"another version", "/api/v2/group-list", "COMMAND"},
		{"a slash behind", "/api/v1/group-list/", "group-list"},
		{"something behind", "/api/v1/group-list/x", ""},
		{"a slip", "/api/v1/grup-list", "group-list"},
		{"upper case", "/api/v1/Group-List", "group-list"},
		{"dots", "/api/v1/x/../group-list", ""},
		{"dots out of it", "/api/v1/x/../../y", ""},
		{"encoded dots", "/api/v1/%2e%2e/v1/group-list", ""},
		{"an encoded letter", "/api/v1/%67roup-list", ""},
		{"an encoded slash", "/api/v1%2Fgroup-list", ""},
		{"double slashes", "//api//v1//group-list", ""},
		{"NUL", "/api/v1/group-list%00", ""},
		{"a look-alike", "/api/v1/gr%D0%BEup-list", ""},
		{"no UTF-8", "/api/v1/%ff%fe", ""},
		{"long", "/api/v1/" + strings.Repeat("a", 10_000), ""},
		{"a backslash", `/api/v1/..\group-list`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newRESTFixture()
			mux := http.NewServeMux()
			mux.Handle("/", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			u, err := url.ParseRequestURI(tt.path)
			require.NoError(t, err)
			r.URL = u
			w := httptest.NewRecorder()
			Guard(New(f.options), mux).ServeHTTP(w, r)
			if strings.HasPrefix(tt.path, "/api/v2") {
				assert.Equal(t, http.StatusTeapot, w.Code, "not ours")
				return
			}
			answer := handlertest.DecodeAnswer(t, w.Result())
			assert.Equal(t, 404, answer.Code)
			assert.Equal(t, "unknown_command", answer.Reason)
			assert.Contains(t, answer.Error, tt.says)
			assert.Empty(t, f.dispatcher.requests())
			assert.Less(t, len(answer.Error), 400)
		})
	}
}

func TestGuardLetsPagesThrough(t *testing.T) {
	refuse := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the API was asked") })
	for _, path := range []string{"/", "/docs", "/docs/", "/assets/x.js", "/livez", "/api/github/hook", "/setup?token=a/../b"} {
		w := httptest.NewRecorder()
		Guard(refuse, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })).
			ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		assert.Equal(t, http.StatusTeapot, w.Code, path)
	}
}

func TestRESTAnswers(t *testing.T) {
	items := []dispatch.Item{{Item: "web", Done: true}, {Item: "docs", Error: "No.", Reason: dispatch.ReasonPublicRepo}}
	tests := []struct {
		name   string
		result dispatch.Result
		err    error
		want   string // with the request id as ID
		header map[string]string
	}{
		{
			name:   "a response",
			result: dispatch.Result{Response: map[string]string{"line": "a <b> & c"}},
			want:   `{"Code":200,"Response":{"line":"a <b> & c"}}`,
		},
		{
			name:   "several items",
			result: dispatch.Result{Response: []string{}, Items: items[:1]},
			want:   `{"Code":200,"Response":[],"Items":[{"Item":"web","Done":true}]}`,
		},
		{name: "only a message", result: dispatch.Result{Message: "Done."}, want: `{"Code":200,"Response":"Done."}`},
		{name: "nothing", want: `{"Code":200,"Response":null}`},
		{
			name: "a refusal",
			err:  dispatch.Refuse(dispatch.ReasonGroupNotFound, "None."),
			want: `{"Code":404,"Error":"None.","Reason":"group_not_found","RequestID":"ID"}`,
		},
		{
			name: "a refusal with items",
			err:  &dispatch.Error{Reason: dispatch.ReasonPublicRepo, Message: "No.", Items: items},
			want: `{"Code":403,"Error":"No.","Reason":"public_repo","RequestID":"ID","Items":[{"Item":"web","Done":true},{"Item":"docs","Done":false,"Error":"No.","Reason":"public_repo"}]}`,
		},
		{
			name:   "a wait is rounded up",
			err:    &dispatch.Error{Reason: dispatch.ReasonRateLimited, Message: "Wait.", RetryAfter: 1200 * time.Millisecond},
			want:   `{"Code":429,"Error":"Wait.","Reason":"rate_limited","RequestID":"ID"}`,
			header: map[string]string{"Retry-After": "2"},
		},
		{
			name:   "a rate limit always says when",
			err:    dispatch.Refuse(dispatch.ReasonRateLimited, "Wait."),
			want:   `{"Code":429,"Error":"Wait.","Reason":"rate_limited","RequestID":"ID"}`,
			header: map[string]string{"Retry-After": "1"},
		},
		{
			name:   "GitHub's too",
			err:    dispatch.Refuse(dispatch.ReasonGitHubRateLimited, "Wait."),
			want:   `{"Code":503,"Error":"Wait.","Reason":"github_rate_limited","RequestID":"ID"}`,
			header: map[string]string{"Retry-After": "60"},
		},
		{
			name: "busy does not know when",
			err:  dispatch.Refuse(dispatch.ReasonBusy, "Busy."),
			want: `{"Code":503,"Error":"Busy.","Reason":"busy","RequestID":"ID"}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newRESTFixture()
			f.dispatcher.reply = func(context.Context, dispatch.Request) (dispatch.Result, error) { return tt.result, tt.err }
			r := httptest.NewRequest(http.MethodGet, handlers.APIPrefix+"group-list", nil)
			r.Header.Set("Authorization", aliceToken)
			w := httptest.NewRecorder()
			New(f.options).ServeHTTP(w, r)
			id := w.Header().Get("X-Request-Id")
			assert.Equal(t, strings.Replace(tt.want, `"ID"`, `"`+id+`"`, 1)+"\n", w.Body.String())
			assert.Equal(t, tt.header["Retry-After"], w.Header().Get("Retry-After"))
			handlertest.DecodeAnswer(t, w.Result())
		})
	}
}

func TestRESTNeverCrashes(t *testing.T) {
	tests := []struct {
		name  string
		reply func() (dispatch.Result, error)
	}{
		{"a foreign error", func() (dispatch.Result, error) { return dispatch.Result{}, errors.New("secret cause") }},
		{"a panic", func() (dispatch.Result, error) { panic("secret cause") }},
		{"an answer that is no JSON", func() (dispatch.Result, error) { return dispatch.Result{Response: make(chan int)}, nil }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newRESTFixture()
			f.dispatcher.reply = func(context.Context, dispatch.Request) (dispatch.Result, error) { return tt.reply() }
			_, answer := f.send(t, httptest.NewRequest(http.MethodGet, handlers.APIPrefix+"status", nil))
			assert.Equal(t, "internal", answer.Reason)
			assert.NotContains(t, answer.Error, "secret cause")
			assert.Contains(t, f.log.String(), answer.RequestID)
		})
	}
}

func TestRESTSetupMode(t *testing.T) {
	f := newRESTFixture()
	f.options.SetupMode = func() bool { return true }
	for _, command := range []string{"group-list", "status"} {
		r := httptest.NewRequest(http.MethodGet, handlers.APIPrefix+command, nil)
		r.Header.Set("Authorization", "Basic nonsense")
		_, answer := f.send(t, r)
		assert.Equal(t, 503, answer.Code)
		assert.Equal(t, "setup", answer.Reason)
	}
	assert.Empty(t, f.dispatcher.requests())
}

// Who asks is checked before what is asked with, so that nobody learns of the
// arguments without a token.
func TestRESTOrderOfChecks(t *testing.T) {
	f := newRESTFixture()
	r := httptest.NewRequest(http.MethodPost, handlers.APIPrefix+"group-create", strings.NewReader("{"))
	r.Header.Set("Content-Type", "text/plain")
	r.Header.Set("Authorization", "ghp_wrong")
	response, answer := f.send(t, r)
	assert.Equal(t, "bad_token", answer.Reason)
	assert.Contains(t, response.Header.Get("WWW-Authenticate"), "Bearer realm=")
}

func TestRESTGoesOnWithoutItsCaller(t *testing.T) {
	f := newRESTFixture()
	f.dispatcher.reply = func(ctx context.Context, _ dispatch.Request) (dispatch.Result, error) {
		return dispatch.Result{Message: "Done."}, ctx.Err()
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, answer := f.send(t, httptest.NewRequestWithContext(ctx, http.MethodPost, handlers.APIPrefix+"group-create", nil))
	assert.Equal(t, 200, answer.Code)
}

func TestRESTLog(t *testing.T) {
	f := newRESTFixture()
	f.options.Proxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	channel := New(f.options)
	for range 2 {
		r := httptest.NewRequest(http.MethodGet, handlers.APIPrefix+"group-add?team=query-team", nil)
		r.Header.Set("Authorization", "token "+aliceToken)
		r.Header.Set("X-Request-Id", "mine\n")
		r.Header.Set("X-Forwarded-For", "203.0.113.9")
		r.RemoteAddr = "192.0.2.1:999"
		channel.ServeHTTP(httptest.NewRecorder(), r)
	}
	log := f.log.String()
	assert.Equal(t, 1, strings.Count(log, "trustedProxies"), "said once")
	assert.Equal(t, 2, strings.Count(log, `"message":"request"`))
	for _, want := range []string{`"path":"/api/v1/group-add"`, `"command":"group-create"`, `"status":200`, `"caller":"alice"`, `"client":"192.0.2.1"`, `"client_request_id":"mine\n"`, `"request_id":"`} {
		assert.Contains(t, log, want)
	}
	assert.NotContains(t, log, aliceToken)
	assert.NotContains(t, log, "query-team")
}

func TestRESTOrg(t *testing.T) {
	text := func(s string) *string { return &s }
	tests := []struct {
		name, query string
		multi       bool
		wantOrg     string
		wantArg     *string
		wantReason  string
		wantArgs    int
	}{
		{name: "one organization", query: "", wantOrg: "acme"},
		{name: "one organization knows no argument", query: "?org=acme", wantOrg: "acme", wantArgs: 1},
		{name: "several, not given", multi: true},
		{name: "several, given", query: "?org=%20beta%20", multi: true, wantArg: text("beta")},
		{name: "several, empty", query: "?org=", multi: true, wantArg: text("")},
		{name: "several, twice the same", query: "?org=beta&org=beta", multi: true, wantArg: text("beta")},
		{name: "several, two", query: "?org=beta&org=acme", multi: true, wantReason: "invalid_argument"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newRESTFixture()
			f.options.Multi = tt.multi
			_, answer := f.send(t, httptest.NewRequest(http.MethodGet, handlers.APIPrefix+"whoami"+tt.query, nil))
			assert.Equal(t, tt.wantReason, answer.Reason)
			if tt.wantReason != "" {
				return
			}
			got := f.dispatcher.requests()[0]
			assert.Equal(t, tt.wantOrg, got.Org)
			assert.Equal(t, tt.wantArg, got.OrgArg)
			assert.Len(t, got.Args.Named, tt.wantArgs)
		})
	}
}

// A browser gets a page instead of JSON: for errors, and for the status.
func TestRESTForBrowser(t *testing.T) {
	f := newRESTFixture()
	f.dispatcher.reply = func(context.Context, dispatch.Request) (dispatch.Result, error) {
		return dispatch.Result{Response: dispatch.Status{Ready: true, Version: "1.2.3", GitHub: "ok"}}, nil
	}
	for path, want := range map[string]string{"status": "200 Operational", "whoami": "401 Unauthorized", "nothing": "404 Not Found"} {
		r := httptest.NewRequest(http.MethodGet, "/api/v1/"+path, nil)
		r.Header.Set("Accept", "text/html,*/*;q=0.8")
		w := httptest.NewRecorder()
		New(f.options).ServeHTTP(w, r)
		status, title, _ := strings.Cut(want, " ")
		assert.Equal(t, status, strconv.Itoa(w.Code), path)
		assert.Contains(t, w.Body.String(), "<h1>"+title+"</h1>", path)
		assert.Equal(t, "text/html; charset=utf-8", w.Header().Get("Content-Type"), path)
		assert.Equal(t, "no-store", w.Header().Get("Cache-Control"), path)
		assert.NotEmpty(t, w.Header().Get("X-Request-Id"), path)
	}
}
