package github_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

func TestTokensAreNarrow(t *testing.T) {
	f := newFake(t)
	f.on("GET /orgs/acme/actions/runner-groups/5", 200, `{"id":5}`)
	f.on("POST /repos/acme/runner-admin/issues/1/comments", 201, `{"id":9}`)
	org := newApp(t, f.URL).Org("acme", 0, "runner-admin")
	_, err := org.Group(t.Context(), 5)
	require.NoError(t, err)
	_, err = org.CreateComment(t.Context(), 1, "hi")
	require.NoError(t, err)
	mints := f.mints()
	require.Len(t, mints, 2)
	assert.JSONEq(t, `{"permissions":{"members":"read","metadata":"read","organization_self_hosted_runners":"write"}}`, mints[0].body)
	assert.JSONEq(t, `{"repositories":["runner-admin"],"permissions":{"issues":"write","metadata":"read"}}`, mints[1].body)
	asked := f.calls()
	assert.Equal(t, "token t1", asked[0].header.Get("Authorization"))
	assert.Equal(t, "token t2", asked[1].header.Get("Authorization"))
}

func TestTokensAreRenewed(t *testing.T) {
	c := &clock{now: time.Now()}
	f := newFake(t)
	f.now = c.Now
	f.on("GET /orgs/acme/actions/runner-groups/5", 200, `{"id":5}`)
	org := newApp(t, f.URL, func(o *github.Options) { o.Clock = c.Now }).Org("acme", 0, "")
	use := func() string {
		_, err := org.Group(t.Context(), 5)
		require.NoError(t, err)
		asked := f.calls()
		return asked[len(asked)-1].header.Get("Authorization")
	}
	assert.Equal(t, "token t1", use())
	c.Add(54 * time.Minute)
	assert.Equal(t, "token t1", use())
	assert.Len(t, f.mints(), 1)

	// Close to its expiry, the old token is used until the new one arrives.
	release := make(chan struct{})
	f.handle("POST /app/installations/77/access_tokens", func(w http.ResponseWriter, r *http.Request) {
		<-release
		f.mint(w, r)
	})
	c.Add(2 * time.Minute)
	for range 3 {
		assert.Equal(t, "token t1", use())
	}
	require.Eventually(t, func() bool { return len(f.mints()) == 2 }, time.Second, time.Millisecond)
	close(release)
	require.Eventually(t, func() bool { return use() == "token t2" }, time.Second, time.Millisecond)
	assert.Len(t, f.mints(), 2)

	// After a long idle time, callers share one new token.
	c.Add(3 * time.Hour)
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() { _, err := org.Group(t.Context(), 5); assert.NoError(t, err) })
	}
	wg.Wait()
	assert.Equal(t, "token t3", use())
	assert.Len(t, f.mints(), 3)
}

func TestRefusedTokenIsReplacedOnce(t *testing.T) {
	f := newFake(t)
	good := "token t2"
	f.handle("POST /orgs/acme/actions/runner-groups", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != good {
			http.Error(w, `{"message":"Bad credentials"}`, http.StatusUnauthorized)
			return
		}
		w.WriteHeader(http.StatusCreated)
		w.Write([]byte(`{"id":5}`))
	})
	org := newApp(t, f.URL).Org("acme", 0, "")
	_, err := org.CreateGroup(t.Context(), github.NewGroup{Name: "x"})
	require.NoError(t, err)
	asked := f.calls()
	require.Len(t, asked, 2)
	assert.Equal(t, asked[0].body, asked[1].body)

	good = "none"
	_, err = org.CreateGroup(t.Context(), github.NewGroup{Name: "x"})
	assert.Equal(t, github.Unauthorized, github.KindOf(err))
	assert.Len(t, f.mints(), 3)
}

func TestReinstalled(t *testing.T) {
	s := newSim(t)
	org := newApp(t, s.url).Org("acme", 0, "runner-admin")
	_, err := org.Groups(t.Context())
	require.NoError(t, err)
	s.Update(func(st *ghsim.State) { st.Apps[0].Installations = nil })
	_, err = org.Groups(t.Context())
	assert.Equal(t, github.Unauthorized, github.KindOf(err), "the group itself may exist")
	_, err = org.Installation(t.Context())
	assert.Equal(t, github.NotFound, github.KindOf(err))
	_, err = s.Install("runner-manager", "acme")
	require.NoError(t, err)
	_, err = org.Groups(t.Context())
	require.NoError(t, err)
	before, err := org.Installation(t.Context())
	require.NoError(t, err)

	// The same, if nothing was called while the App was not installed.
	s.Update(func(st *ghsim.State) { st.Apps[0].Installations = nil })
	_, err = s.Install("runner-manager", "acme")
	require.NoError(t, err)
	_, err = org.Groups(t.Context())
	require.NoError(t, err)
	after, err := org.Installation(t.Context())
	require.NoError(t, err)
	assert.NotEqual(t, before.ID, after.ID)
}

// If an installation gets other rights, the next look-up finds them, and with them come new
// tokens. With the same rights the tokens stay.
func TestRefreshFindsOtherRights(t *testing.T) {
	s := newSim(t)
	org := newApp(t, s.url).Org("acme", 0, "runner-admin")
	mints := func() (n int) {
		for _, call := range s.Calls() {
			if strings.HasSuffix(call.Path, "/access_tokens") {
				n++
			}
		}
		return n
	}
	_, err := org.Groups(t.Context())
	require.NoError(t, err)
	_, err = org.Refresh(t.Context())
	require.NoError(t, err)
	_, err = org.Groups(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 1, mints())
	s.Update(func(st *ghsim.State) { st.Apps[0].Installations[0].Permissions["administration"] = "read" })
	_, err = org.Refresh(t.Context())
	require.NoError(t, err)
	now, err := org.Installation(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "read", now.Permissions["administration"])
	_, err = org.Groups(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 2, mints())
}

// A caller may join a lookup that began before the App was installed. If that fails, the
// caller looks the installation up again.
func TestInstallationIsLookedUpAgain(t *testing.T) {
	f := newFake(t)
	asked, answer := make(chan struct{}), make(chan struct{})
	f.handle("GET /orgs/acme/installation", func(w http.ResponseWriter, _ *http.Request) {
		close(asked)
		<-answer
		w.WriteHeader(http.StatusNotFound)
	})
	org := newApp(t, f.URL).Org("acme", 0, "")
	first, second := make(chan error, 1), make(chan error, 1)
	go func() { _, err := org.Installation(t.Context()); first <- err }()
	<-asked
	f.on("GET /orgs/acme/installation", 200, `{"id":77,"account":{"id":1,"login":"acme"}}`)
	joining := &joined{Context: t.Context(), waits: make(chan struct{})}
	go func() { _, err := org.Installation(joining); second <- err }()
	<-joining.waits
	close(answer)
	assert.Equal(t, github.NotFound, github.KindOf(<-first))
	require.NoError(t, <-second)
}

// joined is a context that closes waits when somebody begins to wait for its end.
type joined struct {
	context.Context
	once  sync.Once
	waits chan struct{}
}

func (j *joined) Done() <-chan struct{} {
	j.once.Do(func() { close(j.waits) })
	return j.Context.Done()
}

func TestInstallationIsLookedUpOnce(t *testing.T) {
	f := newFake(t)
	f.on("GET /orgs/acme/installation", 500, `{}`)
	f.on("GET /orgs/acme/actions/runner-groups/5", 200, `{"id":5}`)
	org := newApp(t, f.URL).Org("acme", 0, "")
	_, err := org.Group(t.Context(), 5)
	assert.Equal(t, github.Unavailable, github.KindOf(err))
	f.on("GET /orgs/acme/installation", 200, `{"id":77,"account":{"id":1,"login":"ACME"}}`)
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() { _, err := org.Group(t.Context(), 5); assert.NoError(t, err) })
	}
	wg.Wait()
	n := 0
	for _, r := range f.all() {
		if r.path == "/orgs/acme/installation" {
			n++
		}
	}
	assert.Equal(t, 2, n)
}

func TestInstallationOfAnotherOrganization(t *testing.T) {
	f := newFake(t)
	f.on("GET /app/installations/78", 200, `{"id":78,"account":{"id":2,"login":"other"}}`)
	_, err := newApp(t, f.URL).Org("acme", 78, "").Installation(t.Context())
	assert.Equal(t, github.Invalid, github.KindOf(err))
	assert.ErrorContains(t, err, "belongs to other")
}

func TestTokenIsNotGranted(t *testing.T) {
	f := newFake(t)
	f.on("POST /app/installations/77/access_tokens", 422, `{"message":"The permissions requested are not granted to this installation."}`)
	_, err := newApp(t, f.URL).Org("acme", 0, "").Group(t.Context(), 5)
	assert.Equal(t, github.Unauthorized, github.KindOf(err))
	assert.ErrorContains(t, err, "get group 5 of acme: get a token of installation 77: The permissions requested are not granted")
}

func TestMintingIsRetried(t *testing.T) {
	s := newSim(t)
	org := newApp(t, s.url).Org("acme", 0, "")
	s.Inject(ghsim.Fault{Path: "access_tokens", Status: 502, Times: 2})
	_, err := org.CreateGroup(t.Context(), github.NewGroup{Name: "x"})
	require.NoError(t, err)
	s.Inject(ghsim.Fault{Path: "installation$", Status: 403, Header: http.Header{"Retry-After": {"7"}}})
	other := newApp(t, s.url).Org("acme", 0, "")
	_, err = other.Groups(t.Context())
	var e *github.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, github.RateLimited, e.Kind)
	assert.Equal(t, 7*time.Second, e.RetryAfter)
}
