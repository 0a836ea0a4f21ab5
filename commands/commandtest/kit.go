// Package commandtest runs commands in tests: the real dispatcher on a simulated GitHub
// and a real database, without a server of ours.
package commandtest

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/commands/ownership"
	"github.com/actions-runner-manager/actions-runner-manager/internal/fleet"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/oidc"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

// appKey is the App's private key, in PEM. It is generated once for all tests.
var appKey = sync.OnceValues(ghsim.NewKey)

// A Kit is a dispatcher with all commands in the organization acme.
//
// In acme olga is an owner, ada maintains platform and web, bob is a member of platform
// and maintains others. Team platform administers api and web, can push to docs and
// administers the public site. The group legacy has no owner; open is visible to all.
type Kit struct {
	*dispatch.Dispatcher
	Env *dispatch.Env
	Hub *ghsim.Server
	App *github.App

	t       testing.TB
	policy  dispatch.Policy
	closing sync.Once
	ahead   *atomic.Int64 // how far the clock is ahead, in nanoseconds; of all processes
}

// Now returns the time of the dispatcher and the database.
func (k *Kit) Now() time.Time { return time.Now().Add(time.Duration(k.ahead.Load())) }

// Advance sets the clock ahead.
func (k *Kit) Advance(by time.Duration) { k.ahead.Add(int64(by)) }

// New returns a kit. The policy is the server's default one unless change changes it.
func New(t testing.TB, change ...func(*dispatch.Policy)) *Kit {
	t.Helper()
	return NewOn(t, storetest.SQLite(t), change...)
}

// NewOn is New on the database of that URL.
func NewOn(t testing.TB, database string, change ...func(*dispatch.Policy)) *Kit {
	t.Helper()
	key, err := appKey()
	require.NoError(t, err)
	hub, err := ghsim.New(acme(key))
	require.NoError(t, err)
	front := httptest.NewUnstartedServer(hub)
	hub.URL = "http://" + front.Listener.Addr().String() // before anybody can ask
	front.Start()
	t.Cleanup(func() {
		hub.Close()
		front.Close()
		assert.Empty(t, hub.Unknown(), "only addresses that GitHub has are asked")
	})
	k := &Kit{Hub: hub, t: t, ahead: new(atomic.Int64)}
	k.policy = dispatch.Policy{GroupName: "{team}", RepoPermission: "admin", RegistrationTokens: "true", Allow: []string{"*"}, RequestTTL: 14 * 24 * time.Hour, Workflows: dispatch.WorkflowPolicy{Enabled: true, MaxAge: 180 * 24 * time.Hour}}
	for _, c := range change {
		c(&k.policy)
	}
	k.open(database, front.URL, github.Options{})
	return k
}

// Process returns a kit that works on the same organization and by the same clock, as another
// process of a server does. It reaches its database and GitHub at these addresses.
func (k *Kit) Process(database, hubURL string) *Kit {
	k.t.Helper()
	return k.ProcessWith(k.t, database, hubURL, github.Options{})
}

// ProcessWith is Process with more options for the client of GitHub. The process ends with t.
func (k *Kit) ProcessWith(t testing.TB, database, hubURL string, o github.Options) *Kit {
	t.Helper()
	other := &Kit{Hub: k.Hub, t: t, ahead: k.ahead, policy: k.policy}
	other.open(database, hubURL, o)
	return other
}

// Close closes the kit's database. The end of the test does so too.
func (k *Kit) Close() { k.closing.Do(func() { assert.NoError(k.t, k.Env.Store.Close()) }) }

// open makes the dispatcher, with its connections to the database and to GitHub.
func (k *Kit) open(database, hubURL string, o github.Options) {
	k.t.Helper()
	key, err := appKey()
	require.NoError(k.t, err)
	o.BaseURL, err = url.Parse(hubURL + "/")
	require.NoError(k.t, err)
	block, _ := pem.Decode([]byte(key))
	o.Key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	require.NoError(k.t, err)
	o.AppID, o.Logger, o.Clock = 4242, zerolog.Nop(), k.Now
	k.App, err = github.New(o)
	require.NoError(k.t, err)
	st, err := store.Open(k.t.Context(), store.Options{URL: database, Logger: zerolog.Nop(), Clock: k.Now})
	require.NoError(k.t, err)
	env := &dispatch.Env{
		Orgs:  []*dispatch.Org{{Login: "acme", GitHub: k.App.Org("acme", 77, "runner-admin"), Policy: k.policy}},
		Store: st, RateLimit: 1000, GitHubURL: k.Hub.URL, Version: "test", Holder: "kit/" + rand.Text(), Clock: k.Now,
		Fleet: &fleet.Records{Store: st}, OfflineAfter: 15 * time.Minute,
		Status: func(context.Context) dispatch.Status {
			return dispatch.Status{Ready: true, Version: "test", GitHub: "ok"}
		},
	}
	env.Ownership, env.RequestApproval = ownership.New(env), commands.RequestApproval
	k.Env, k.Dispatcher = env, dispatch.NewDispatcher(env, commands.All(), dispatch.Standard(env)...)
	k.t.Cleanup(k.Close)
}

// Run runs a command over REST as the person of that login. A line is the command and its
// arguments as NAME=VALUE, separated by blanks: "repos-add team=platform repos=api,web".
func (k *Kit) Run(login, line string) (dispatch.Result, error) {
	return k.RunAs(k.Caller(login), line)
}

// RunAs is Run as that caller, who may be a job of GitHub Actions.
func (k *Kit) RunAs(caller dispatch.Principal, line string) (dispatch.Result, error) {
	words := strings.Fields(line)
	var args dispatch.Args
	for _, word := range words[1:] {
		name, value, _ := strings.Cut(word, "=")
		args.Add(name, value)
	}
	return k.Dispatch(k.t.Context(), dispatch.Request{
		ID: line + "/" + k.t.Name(), Channel: dispatch.REST, Command: words[0], Org: "acme", Caller: caller, Args: args,
	})
}

// Caller returns the person of that login as a channel authenticates them.
func (k *Kit) Caller(login string) (caller dispatch.Principal) {
	k.Hub.Update(func(st *ghsim.State) {
		if user := st.User(login); user != nil {
			caller = dispatch.Principal{ID: user.ID, Login: user.Login}
		}
	})
	return caller
}

// Job returns a job of GitHub Actions as the REST channel authenticates it: for a push to the
// main branch of the repository of acme, on a machine of GitHub's.
func (k *Kit) Job(repo string) dispatch.Principal {
	file := "acme/" + repo + "/.github/workflows/ci.yml@refs/heads/main"
	job := oidc.Claims{
		Repository: "acme/" + repo, Ref: "refs/heads/main", Event: "push", WorkflowRef: file, JobWorkflowRef: file,
		RunnerEnvironment: oidc.GitHubHosted, Actor: "bob", RunID: "7", ID: rand.Text(), Expires: k.Now().Add(5 * time.Minute),
	}
	k.Hub.Update(func(st *ghsim.State) {
		org := st.Org("acme")
		job.OwnerID, job.RepositoryID = org.ID, org.Repo(repo).ID
	})
	return dispatch.Principal{Login: job.Name(), Workflow: &job}
}

// Must runs commands that are to succeed, as Run does.
func (k *Kit) Must(login string, lines ...string) {
	k.t.Helper()
	for _, line := range lines {
		_, err := k.Run(login, line)
		require.NoError(k.t, err, line)
	}
}

// Repos returns the names of the group's repositories on the simulated GitHub.
func (k *Kit) Repos(group string) (names []string) {
	k.Hub.Update(func(st *ghsim.State) { names = st.Org("acme").ReposOf(group) })
	return names
}

// Runners returns the names of the group's runners on the simulated GitHub.
func (k *Kit) Runners(group string) (names []string) {
	k.Hub.Update(func(st *ghsim.State) { names = st.Org("acme").RunnersOf(group) })
	return names
}

// HasGroup reports whether acme has a runner group of that name.
func (k *Kit) HasGroup(name string) (has bool) {
	k.Hub.Update(func(st *ghsim.State) { has = st.Org("acme").Group(name) != nil })
	return has
}

// AddRunner puts a runner into the group, as a machine that registers. Its status is
// online or offline.
func (k *Kit) AddRunner(group, name, status string, busy bool) {
	k.t.Helper()
	require.NoError(k.t, k.Hub.Apply(ghsim.Scenario{Organizations: []ghsim.OrgSpec{{
		Login: "acme", RunnerGroups: []ghsim.GroupSpec{{Name: group, Runners: []ghsim.RunnerSpec{{Name: name, Status: status, Busy: busy}}}},
	}}}))
}

// A Case is one command and what it must come to. Cases share their kit, in order.
type Case struct {
	Name   string
	As     string // login; ada if empty
	Line   string // as for [Kit.Run]
	Reason dispatch.Reason
	// Items are the items that a refusal must name with a reason.
	Items []string
	// Then, if set, checks the answer and what it did.
	Then func(t *testing.T, result dispatch.Result)
}

// Test runs the cases.
func (k *Kit) Test(t *testing.T, cases []Case) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			login := c.As
			if login == "" {
				login = "ada"
			}
			result, err := k.Run(login, c.Line)
			require.Equal(t, c.Reason, dispatch.ReasonOf(err), "%s as %s: %v", c.Line, login, err)
			var refusal *dispatch.Error
			if errors.As(err, &refusal) && c.Items != nil {
				var failed []string
				for _, item := range refusal.Items {
					if item.Error != "" {
						failed = append(failed, item.Item)
					}
				}
				assert.Equal(t, c.Items, failed)
			}
			if c.Then != nil {
				c.Then(t, result)
			}
		})
	}
}

func acme(key string) ghsim.Scenario {
	var users []ghsim.UserSpec
	for _, login := range []string{"ada", "bob", "olga", "eve"} {
		users = append(users, ghsim.UserSpec{Login: login})
	}
	return ghsim.Scenario{
		Users: users,
		Organizations: []ghsim.OrgSpec{{
			Login: "acme", Owners: []string{"olga"}, Members: []string{"ada", "bob"},
			Repositories: []ghsim.RepoSpec{
				{Name: "api"}, {Name: "web"}, {Name: "docs"}, {Name: "foreign"}, {Name: "site", Visibility: "public"}, {Name: "runner-admin"},
			},
			Teams: []ghsim.TeamSpec{
				{
					Name: "platform", Maintainers: []string{"ada"}, Members: []string{"bob"},
					Repositories: map[string]string{"api": "admin", "web": "admin", "docs": "push", "site": "admin"},
				},
				{Name: "web", Maintainers: []string{"ada"}, Repositories: map[string]string{"web": "admin"}},
				{Name: "others", Maintainers: []string{"bob"}},
			},
			RunnerGroups: []ghsim.GroupSpec{
				{Name: "legacy", Repositories: []string{"foreign"}, Runners: []ghsim.RunnerSpec{{Name: "old-1"}}},
				{Name: "open", Visibility: "all"},
			},
			Runners: []ghsim.RunnerSpec{{Name: "spare-1"}},
		}},
		Apps: []ghsim.AppSpec{{ID: 4242, Name: "arm", PrivateKey: key, Installations: []ghsim.InstallationSpec{{ID: 77, Org: "acme"}}}},
	}
}
