package rest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/rs/zerolog"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/handlers/handlertest"
)

// fakeDispatcher records the requests it gets, and answers them by reply.
type fakeDispatcher struct {
	mu    sync.Mutex
	got   []dispatch.Request
	reply func(context.Context, dispatch.Request) (dispatch.Result, error)
}

func (d *fakeDispatcher) Specs() []dispatch.Spec { return handlertest.Specs() }

func (d *fakeDispatcher) Lookup(name string) (dispatch.Spec, bool) {
	for _, s := range d.Specs() {
		if s.Name == name || len(s.Aliases) > 0 && s.Aliases[0] == name {
			return s, true
		}
	}
	return dispatch.Spec{}, false
}

func (d *fakeDispatcher) Unknown(name string, _ ...string) *dispatch.Error {
	var names []string
	for _, s := range d.Specs() {
		names = append(names, s.Name)
	}
	return dispatch.Refuse(dispatch.ReasonUnknownCommand, "There is no command %s. Did you mean `%s`?", dispatch.Quote(name), dispatch.Nearest(name, names))
}

func (d *fakeDispatcher) Dispatch(ctx context.Context, req dispatch.Request) (dispatch.Result, error) {
	if req.Malformed != nil {
		return dispatch.Result{}, req.Malformed
	}
	d.mu.Lock()
	d.got = append(d.got, req)
	d.mu.Unlock()
	if d.reply != nil {
		return d.reply(ctx, req)
	}
	return dispatch.Result{Response: map[string]string{"command": req.Command}}, nil
}

func (d *fakeDispatcher) requests() []dispatch.Request {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]dispatch.Request(nil), d.got...)
}

// fakeUsers knows tokens, and counts how often it is asked.
type fakeUsers struct {
	mu    sync.Mutex
	users map[string]User
	err   error // instead of an answer
	asked map[string]int
	wait  chan struct{} // if set, an answer waits for it
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

// restFixture is a REST channel with a dispatcher and users that tests look into.
type restFixture struct {
	dispatcher *fakeDispatcher
	users      *fakeUsers
	log        *lockedBuffer
	options    Options
}

func newRESTFixture() *restFixture {
	f := &restFixture{
		dispatcher: &fakeDispatcher{},
		users:      &fakeUsers{users: map[string]User{aliceToken: alice()}},
		log:        &lockedBuffer{},
	}
	logger := zerolog.New(f.log)
	f.options = Options{
		Dispatcher: f.dispatcher, Orgs: []string{"acme"}, Logger: logger,
		Identity: NewIdentity(IdentityOptions{Users: f.users, OAuthClients: []string{"cli"}, Logger: logger}),
	}
	return f
}

// send has alice send r, and returns the response with its decoded answer.
func (f *restFixture) send(t *testing.T, r *http.Request) (*http.Response, handlertest.Answer) {
	t.Helper()
	if r.Header.Get("Authorization") == "" {
		r.Header.Set("Authorization", "Bearer "+aliceToken)
	}
	w := httptest.NewRecorder()
	New(f.options).ServeHTTP(w, r)
	return w.Result(), handlertest.DecodeAnswer(t, w.Result())
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
