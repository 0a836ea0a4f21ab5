package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/handlers"
)

func TestAuthorization(t *testing.T) {
	hex40 := strings.Repeat("0f", 20)
	users := map[string]User{
		aliceToken:        alice(),
		"github_pat_fine": alice(),
		hex40:             alice(),
		"gho_cli":         {ID: 7, Login: "alice", Type: "User", OAuthClientID: "cli"},
		"gho_other":       {ID: 7, Login: "alice", Type: "User", OAuthClientID: "other"},
		"gho_unsaid":      alice(),
		"0123oauth":       {ID: 7, Login: "alice", Type: "User", OAuthClientID: "other"},
		"ghp_bot":         {ID: 8, Login: "helper[bot]", Type: "Bot"},
		"ghp_nobody":      {},
		"ghu_app":         alice(),
		"ghs_install":     alice(),
		"ghr_refresh":     alice(),
		"eyJh.eyJz.c2ln":  alice(),
		"v1." + hex40:     alice(),
	}
	tests := []struct {
		name   string
		header []string
		want   string // reason; "" for alice
		says   string
		asked  string // the token that GitHub is asked about
	}{
		{name: "only the token", header: []string{aliceToken}, asked: aliceToken},
		{name: "token", header: []string{"token " + aliceToken}, asked: aliceToken},
		{name: "Bearer", header: []string{"Bearer " + aliceToken}, asked: aliceToken},
		{name: "case and blanks do not matter", header: []string{"  bEARER   " + aliceToken + " "}, asked: aliceToken},
		{name: "fine-grained", header: []string{"github_pat_fine"}, asked: "github_pat_fine"},
		{name: "classic, from before there were prefixes", header: []string{hex40}, asked: hex40},
		{name: "GitHub CLI's", header: []string{"gho_cli"}, asked: "gho_cli"},
		{name: "none", want: "missing_token", says: "Authorization"},
		{name: "empty", header: []string{" "}, want: "missing_token"},
		{name: "only a scheme", header: []string{"Bearer"}, want: "missing_token"},
		{name: "an empty variable", header: []string{"Bearer "}, want: "missing_token", says: "came empty: there is no token behind `Bearer`"},
		{name: "an empty variable, token", header: []string{"token "}, want: "missing_token", says: "came empty"},
		{name: "an empty header", header: []string{""}, want: "missing_token", says: "came empty"},
		{name: "a variable's name", header: []string{"Bearer $TOKEN"}, want: "bad_token", says: "nobody replaced"},
		{name: "a variable's name of Windows", header: []string{"Bearer %TOKEN%"}, want: "bad_token", says: "nobody replaced"},
		{name: "Basic", header: []string{"Basic YWxpY2U6eA=="}, want: "bad_token", says: "`Bearer TOKEN`"},
		{name: "two words", header: []string{aliceToken + " x"}, want: "bad_token"},
		{name: "three words", header: []string{"Bearer " + aliceToken + " x"}, want: "bad_token", says: "blank"},
		{name: "two headers", header: []string{aliceToken, aliceToken}, want: "bad_token", says: "more than one"},
		{name: "a control character", header: []string{"ghp_\x01"}, want: "bad_token", says: "characters"},
		{name: "a letter that no token has", header: []string{"ghp_ä"}, want: "bad_token", says: "characters"},
		{name: "a long one", header: []string{strings.Repeat("a", maxToken+1)}, want: "bad_token", says: "longer"},
		{name: "one that GitHub refuses", header: []string{"ghp_wrong"}, want: "bad_token", says: "expired or revoked", asked: "ghp_wrong"},
		{name: "another OAuth app's", header: []string{"gho_other"}, want: "bad_token", says: "OAuth app", asked: "gho_other"},
		{name: "an OAuth app's that is not named", header: []string{"gho_unsaid"}, want: "bad_token", says: "OAuth app", asked: "gho_unsaid"},
		{name: "an OAuth app's without a prefix", header: []string{"0123oauth"}, want: "bad_token", says: "OAuth app", asked: "0123oauth"},
		{name: "a bot's", header: []string{"ghp_bot"}, want: "bad_token", says: "bot", asked: "ghp_bot"},
		{name: "nobody's", header: []string{"ghp_nobody"}, want: "bad_token", asked: "ghp_nobody"},
		{name: "another App's for a user", header: []string{"Bearer ghu_app"}, want: "bad_token", says: "another GitHub App"},
		{name: "Actions' own", header: []string{"token ghs_install"}, want: "bad_token", says: "GITHUB_TOKEN"},
		{name: "Actions' own of old", header: []string{"v1." + hex40}, want: "bad_token", says: "GITHUB_TOKEN"},
		{name: "a refresh token", header: []string{"ghr_refresh"}, want: "bad_token", says: "refresh token"},
		{name: "a JSON Web Token", header: []string{"Bearer eyJh.eyJz.c2ln"}, want: "bad_token", says: "JSON Web Token"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fake := &fakeUsers{users: users}
			identity := NewIdentity(IdentityOptions{Users: fake, OAuthClients: []string{"cli"}})
			caller, err := identity.Authenticate(t.Context(), tt.header, netip.Addr{})
			if tt.asked == "" {
				assert.Empty(t, fake.asked, "GitHub is not asked")
			} else {
				assert.Equal(t, map[string]int{tt.asked: 1}, fake.asked)
			}
			if tt.want == "" {
				require.NoError(t, err)
				assert.Equal(t, dispatch.Principal{ID: 7, Login: "alice"}, caller)
				return
			}
			refusal := dispatch.AsError(err)
			assert.Equal(t, dispatch.Reason(tt.want), refusal.Reason)
			assert.Contains(t, refusal.Message, tt.says)
			assert.Contains(t, refusal.Message, "gh auth token", "it says what to use")
			assert.NotContains(t, refusal.Error(), aliceToken)
			assert.False(t, caller.Known())

			// and again, without asking again
			_, again := identity.Authenticate(t.Context(), tt.header, netip.Addr{})
			assert.Equal(t, err, again)
			assert.LessOrEqual(t, fake.times(tt.asked), 1)
		})
	}
}

func TestIdentityOnlyWhereNeeded(t *testing.T) {
	f := newRESTFixture()
	r := httptest.NewRequest(http.MethodGet, handlers.APIPrefix+"status", nil)
	r.Header.Set("Authorization", "ghp_whatever")
	_, answer := f.send(t, r)
	assert.Equal(t, 200, answer.Code)
	assert.Empty(t, f.users.asked)
	assert.False(t, f.dispatcher.requests()[0].Caller.Known())
}

// clockAt is a clock that tests move.
type clockAt struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clockAt { return &clockAt{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

func (c *clockAt) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clockAt) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// identityFixture asks as one address after another.
type identityFixture struct {
	*Identity
	users *fakeUsers
	clock *clockAt
}

func newIdentityFixture(rate int) identityFixture {
	users := &fakeUsers{users: map[string]User{aliceToken: alice()}}
	clock := newClock()
	return identityFixture{
		Identity: NewIdentity(IdentityOptions{Users: users, UnknownTokenRate: rate, Clock: clock.Now}),
		users:    users, clock: clock,
	}
}

func (f identityFixture) try(token, from string) *dispatch.Error {
	_, err := f.Authenticate(context.Background(), []string{token}, netip.MustParseAddr(from))
	if err == nil {
		return nil
	}
	return dispatch.AsError(err)
}

func (f identityFixture) reason(token, from string) dispatch.Reason {
	if e := f.try(token, from); e != nil {
		return e.Reason
	}
	return ""
}

func TestVerdictsLastAMinute(t *testing.T) {
	f := newIdentityFixture(30)
	for _, token := range []string{aliceToken, "ghp_wrong"} {
		first := f.reason(token, "192.0.2.1")
		f.clock.pass(59 * time.Second)
		assert.Equal(t, first, f.reason(token, "192.0.2.1"))
		assert.Equal(t, 1, f.users.times(token), "known for a minute")
		f.clock.pass(time.Second)
		assert.Equal(t, first, f.reason(token, "192.0.2.1"))
		assert.Equal(t, 2, f.users.times(token), "asked again then")
	}
}

func TestRevokedToken(t *testing.T) {
	f := newIdentityFixture(30)
	assert.Empty(t, f.reason(aliceToken, "192.0.2.1"))
	delete(f.users.users, aliceToken)
	assert.Empty(t, f.reason(aliceToken, "192.0.2.1"))
	f.clock.pass(time.Minute)
	assert.Equal(t, dispatch.ReasonBadToken, f.reason(aliceToken, "192.0.2.1"))
	f.users.users[aliceToken] = alice()
	assert.Equal(t, dispatch.ReasonBadToken, f.reason(aliceToken, "192.0.2.1"), "for a minute")
	f.clock.pass(time.Minute)
	assert.Empty(t, f.reason(aliceToken, "192.0.2.1"))
}

func TestUnknownTokenRate(t *testing.T) {
	f := newIdentityFixture(3)
	assert.Empty(t, f.reason(aliceToken, "192.0.2.1"))
	f.clock.pass(time.Hour) // the verdict is forgotten, that the token was good is not
	for n := range 3 {
		assert.Equal(t, dispatch.ReasonBadToken, f.reason(fmt.Sprintf("ghp_%d", n), "192.0.2.1"))
		f.clock.pass(10 * time.Second)
	}
	refusal := f.try("ghp_4", "192.0.2.1")
	require.NotNil(t, refusal)
	assert.Equal(t, dispatch.ReasonRateLimited, refusal.Reason)
	assert.Equal(t, 30*time.Second, refusal.RetryAfter, "until the first is a minute old")
	assert.Zero(t, f.users.times("ghp_4"), "GitHub is not asked")

	assert.Equal(t, dispatch.ReasonBadToken, f.reason("ghp_1", "192.0.2.1"), "one that was tried is not new")
	assert.Empty(t, f.reason(aliceToken, "192.0.2.1"), "nor one that was good in the last day")
	assert.Equal(t, dispatch.ReasonBadToken, f.reason("ghp_4", "192.0.2.2"), "another address has a budget of its own")
	f.clock.pass(30 * time.Second)
	assert.Equal(t, dispatch.ReasonBadToken, f.reason("ghp_5", "192.0.2.1"), "and the budget comes back")
	assert.Equal(t, dispatch.ReasonRateLimited, f.reason("ghp_6", "192.0.2.1"))

	f.clock.pass(25 * time.Hour)
	for n := range 3 {
		f.reason(fmt.Sprintf("ghp_%d", n), "192.0.2.1")
	}
	assert.Equal(t, dispatch.ReasonRateLimited, f.reason(aliceToken, "192.0.2.1"), "after a day a token is new again")
}

func TestUnknownTokenRateOfNetworks(t *testing.T) {
	f := newIdentityFixture(1)
	assert.Equal(t, dispatch.ReasonBadToken, f.reason("ghp_1", "2001:db8::1"))
	assert.Equal(t, dispatch.ReasonRateLimited, f.reason("ghp_2", "2001:db8::ffff:2"), "the same /64")
	assert.Equal(t, dispatch.ReasonBadToken, f.reason("ghp_2", "2001:db8:0:1::1"), "another /64")
}

func TestGitHubFailing(t *testing.T) {
	f := newIdentityFixture(1)
	f.users.err = dispatch.Refuse(dispatch.ReasonGitHubError, "GitHub failed.")
	assert.Equal(t, dispatch.ReasonGitHubError, f.reason(aliceToken, "192.0.2.1"))
	f.users.err = fmt.Errorf("get user: %w", context.DeadlineExceeded)
	assert.Equal(t, dispatch.ReasonGitHubTimeout, f.reason(aliceToken, "192.0.2.1"))
	f.users.err = errors.New("something")
	assert.Equal(t, dispatch.ReasonInternal, f.reason(aliceToken, "192.0.2.1"))
	f.users.err = nil
	assert.Empty(t, f.reason(aliceToken, "192.0.2.1"), "a failure is not kept, and costs no further token")
}

func TestManyAskOnce(t *testing.T) {
	f := newIdentityFixture(1)
	f.users.wait = make(chan struct{})
	var done sync.WaitGroup
	for range 20 {
		done.Go(func() { assert.Empty(t, f.reason(aliceToken, "192.0.2.1")) })
	}
	require.Eventually(t, func() bool { return f.users.times(aliceToken) == 1 }, 5*time.Second, time.Millisecond)
	close(f.users.wait)
	done.Wait()
	assert.Equal(t, 1, f.users.times(aliceToken))
}

// Guesses drive out neither those who are known nor each other's address.
func TestIdentityIsBounded(t *testing.T) {
	f := newIdentityFixture(1_000_000)
	assert.Empty(t, f.reason(aliceToken, "192.0.2.1"))
	for n := range maxRefused + 10 {
		f.refusals.Add(tokenKey{byte(n), byte(n >> 8), byte(n >> 16)}, verdict{})
	}
	assert.Equal(t, maxRefused, f.refusals.Len())
	assert.Empty(t, f.reason(aliceToken, "192.0.2.1"))
	assert.Equal(t, 1, f.users.times(aliceToken))

	one, other := NewIdentity(IdentityOptions{}), NewIdentity(IdentityOptions{})
	assert.NotEqual(t, one.keyOf(aliceToken), other.keyOf(aliceToken), "each process has a salt of its own")
}
