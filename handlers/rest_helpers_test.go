package handlers

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
)

// restSpecs are commands of every kind that the REST door tells apart.
func restSpecs() []commands.Spec {
	team := commands.Param{Name: "team", Kind: commands.KindString, Required: true, Doc: "the team's slug", Example: "platform"}
	repos := commands.Param{Name: "repos", Kind: commands.KindList, Required: true, Positional: true, Doc: "repositories", Example: "api,web"}
	return []commands.Spec{
		{Name: "group-create", Aliases: []string{"group-add"}, Method: "POST", Legacy: true, Summary: "Create the team's runner group", Needs: commands.Maintainer, Effect: commands.Changes, Params: []commands.Param{team}},
		{Name: "group-delete", Method: "DELETE", Legacy: true, Summary: "Delete the team's runner group", Needs: commands.Maintainer, Effect: commands.Destroys, Params: []commands.Param{team, {Name: "move-runners-to", Kind: commands.KindString, Doc: "another team", Example: "web"}}},
		{Name: "group-list", Method: "GET", Summary: "Show the team's runner group", Needs: commands.Maintainer, Params: []commands.Param{team}},
		{Name: "repos-add", Method: "PATCH", Legacy: true, Summary: "Attach repositories", Details: "Names may be with or without the organization.", Needs: commands.Maintainer, Effect: commands.Changes, Example: "api,web", Params: []commands.Param{team, repos}},
		{Name: "token-register", Method: "POST", Legacy: true, Summary: "Make a registration token", Needs: commands.Maintainer, Effect: commands.Reveals, Params: []commands.Param{team}},
		{Name: "runners-remove", Method: "DELETE", Summary: "Remove runners", Needs: commands.Maintainer, Effect: commands.Destroys, Params: []commands.Param{team, {Name: "runners", Kind: commands.KindList, Doc: "runners"}, {Name: "offline", Kind: commands.KindBool, Doc: "all that are offline"}}},
		{Name: "group-adopt", Method: "POST", Summary: "Give an existing group to the team", Needs: commands.Owner, Effect: commands.Changes, Params: []commands.Param{team}},
		{Name: "audit-list", Method: "GET", Summary: "Show what was asked and done", Needs: commands.Maintainer, Params: []commands.Param{team, {Name: "limit", Kind: commands.KindInt, Doc: "how many", Example: "20"}, {Name: "since", Kind: commands.KindTime, Doc: "since when", Example: "24h"}}},
		{Name: "whoami", Method: "GET", Summary: "Show who you are here", Needs: commands.Member},
		{Name: "status", Method: "GET", Summary: "Show whether the server is ready", Needs: commands.Anyone},
	}
}

// fakeDispatcher records the requests it gets, and answers them by reply.
type fakeDispatcher struct {
	mu    sync.Mutex
	got   []commands.Request
	reply func(context.Context, commands.Request) (commands.Result, error)
}

func (d *fakeDispatcher) Specs() []commands.Spec { return restSpecs() }

func (d *fakeDispatcher) Lookup(name string) (commands.Spec, bool) {
	for _, s := range d.Specs() {
		if s.Name == name || len(s.Aliases) > 0 && s.Aliases[0] == name {
			return s, true
		}
	}
	return commands.Spec{}, false
}

func (d *fakeDispatcher) Unknown(name string) *commands.Error {
	var names []string
	for _, s := range d.Specs() {
		names = append(names, s.Name)
	}
	return commands.Refuse(commands.ReasonUnknownCommand, "There is no command %s. Did you mean `%s`?", commands.Quote(name), commands.Nearest(name, names))
}

func (d *fakeDispatcher) Dispatch(ctx context.Context, req commands.Request) (commands.Result, error) {
	if req.Malformed != nil {
		return commands.Result{}, req.Malformed
	}
	d.mu.Lock()
	d.got = append(d.got, req)
	d.mu.Unlock()
	if d.reply != nil {
		return d.reply(ctx, req)
	}
	return commands.Result{Response: map[string]string{"command": req.Command}}, nil
}

func (d *fakeDispatcher) requests() []commands.Request {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]commands.Request(nil), d.got...)
}

// fakeUsers knows tokens, and counts how often it is asked.
type fakeUsers struct {
	mu    sync.Mutex
	users map[string]User
	err   error // instead of an answer
	asked map[string]int
	wait  chan struct{} // where set, an answer waits for it
}

func (u *fakeUsers) User(_ context.Context, token string) (User, error) {
	u.mu.Lock()
	if u.asked == nil {
		u.asked = map[string]int{}
	}
	u.asked[token]++
	user, ok := u.users[token]
	err := u.err
	u.mu.Unlock()
	if u.wait != nil {
		<-u.wait
	}
	switch {
	case err != nil:
		return User{}, err
	case !ok:
		return User{}, ErrBadToken
	}
	return user, nil
}

func (u *fakeUsers) times(token string) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.asked[token]
}

const aliceToken = "ghp_alice"

func alice() User { return User{ID: 7, Login: "alice", Type: "User"} }

// restFixture is a REST door with a dispatcher and users that tests look into.
type restFixture struct {
	dispatcher *fakeDispatcher
	users      *fakeUsers
	log        *lockedBuffer
	options    RESTOptions
}

func newRESTFixture() *restFixture {
	f := &restFixture{
		dispatcher: &fakeDispatcher{},
		users:      &fakeUsers{users: map[string]User{aliceToken: alice()}},
		log:        &lockedBuffer{},
	}
	logger := zerolog.New(f.log)
	f.options = RESTOptions{
		Dispatcher: f.dispatcher, Orgs: []string{"acme"}, Logger: logger,
		Identity: NewIdentity(IdentityOptions{Users: f.users, OAuthClients: []string{"cli"}, Logger: logger}),
	}
	return f
}

// send has alice send r, and returns the response with its decoded envelope.
func (f *restFixture) send(t *testing.T, r *http.Request) (*http.Response, answered) {
	t.Helper()
	if r.Header.Get("Authorization") == "" {
		r.Header.Set("Authorization", "Bearer "+aliceToken)
	}
	w := httptest.NewRecorder()
	NewREST(f.options).ServeHTTP(w, r)
	return w.Result(), decodeAnswer(t, w.Result())
}

// answered is an envelope as a client reads it.
type answered struct {
	Code      int
	Response  json.RawMessage
	Error     string
	Reason    string
	RequestID string
	Items     []commands.Item
}

// decodeAnswer checks what holds for every answer of the API.
func decodeAnswer(t *testing.T, response *http.Response) answered {
	t.Helper()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	var answer answered
	decoder := json.NewDecoder(strings.NewReader(string(body)))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&answer), "%s", body)
	assert.Equal(t, response.StatusCode, answer.Code)
	assert.Equal(t, "application/json", response.Header.Get("Content-Type"))
	assert.Equal(t, "no-store", response.Header.Get("Cache-Control"))
	assert.Equal(t, "nosniff", response.Header.Get("X-Content-Type-Options"))
	assert.NotEmpty(t, response.Header.Get("X-Request-Id"))
	if response.StatusCode == http.StatusOK {
		assert.NotNil(t, answer.Response)
		assert.Empty(t, answer.Error+answer.Reason+answer.RequestID)
	} else {
		assert.Nil(t, answer.Response)
		assert.NotEmpty(t, answer.Error)
		assert.Equal(t, answer.Code, commands.Reason(answer.Reason).Status())
		assert.Equal(t, response.Header.Get("X-Request-Id"), answer.RequestID)
	}
	return answer
}

// lockedBuffer takes what is logged.
type lockedBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
