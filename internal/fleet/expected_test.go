package fleet_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// attach attaches the repository as somebody does on GitHub.
func (w *watch) attach(names ...string) {
	w.org(func(o *ghsim.Org) {
		for _, name := range names {
			o.Group("platform").Repos = append(o.Group("platform").Repos, o.Repo(name).ID)
		}
	})
}

// Runners that join: only those that nothing here explains are findings.
func TestRunnersThatJoin(t *testing.T) {
	t.Parallel()
	w := newWatch(t)
	w.Must("olga", "group-adopt team=web group=legacy")
	w.Must("ada", "group-create team=platform")
	unexpected := func() (names []string) {
		w.t.Helper()
		for _, p := range w.pollAll() {
			for _, f := range p.Findings {
				if f.Kind == "runner_unexpected" {
					names = append(names, f.Subject)
				}
			}
		}
		return names
	}
	assert.Empty(t, unexpected(), "old-1 was there when the group was adopted")

	w.AddRunner("platform", "stranger", "online", false)
	assert.Equal(t, []string{"stranger"}, unexpected(), "no token was handed out")
	w.Must("ada", "token-register team=platform")
	assert.Equal(t, []string{"stranger"}, unexpected(), "a token that came later explains nothing")
	w.AddRunner("platform", "mine", "online", false)
	w.Must("ada", "runners-transfer team=web runners=old-1 to=platform", "token-jit team=platform name=once")
	assert.Equal(t, []string{"stranger"}, unexpected())

	w.Advance(2*time.Hour + 2*interval)
	w.Tick(t.Context())
	assert.Equal(t, []string{"stranger"}, unexpected(), "mine stays expected when its token is old")
	w.AddRunner("platform", "late", "online", false)
	assert.ElementsMatch(t, []string{"stranger", "late"}, unexpected())
	w.Must("ada", "runners-remove team=platform runners=late", "group-accept team=platform")
	open, err := w.Env.Store.Findings(t.Context(), w.orgID())
	require.NoError(t, err)
	assert.Equal(t, []string{"repo_permission_lost"}, kindsOf(open), "what is accepted ends at once")
	assert.Empty(t, unexpected())
}

// What the first poll finds is expected if nothing is recorded, its runners included.
func TestFirstPoll(t *testing.T) {
	t.Parallel()
	w := newWatch(t)
	var group int64
	w.org(func(o *ghsim.Org) { group = o.Group("legacy").ID })
	require.NoError(t, w.Env.Store.AddRecords(t.Context(), []store.Record{{
		OrgID: w.orgID(), TeamID: w.teamID("web"), TeamSlug: "web", GroupID: group, GroupName: "legacy", Origin: store.Adopted, By: "operator", At: w.Now(),
	}}))
	assert.Equal(t, []string{"repo_permission_lost"}, kindsOf(w.poll().Findings))
	w.org(func(o *ghsim.Org) { o.Group("legacy").Repos = append(o.Group("legacy").Repos, o.Repo("web").ID) })
	w.AddRunner("legacy", "new", "online", false)
	assert.Equal(t, []string{"runner_unexpected", "repo_attached_outside", "repo_permission_lost"}, kindsOf(w.poll().Findings))
}

// While a command has the group, and if it began or ended meanwhile, a look says nothing
// about what is expected.
func TestPollBesideCommands(t *testing.T) {
	t.Parallel()
	w := newWatch(t)
	w.Must("ada", "group-create team=platform", "repos-add team=platform repos=api")
	w.poll()

	key := dispatch.TeamKey(w.orgID(), w.teamID("platform"))
	_, err := w.Env.Store.Lease(t.Context(), key, "another", time.Hour)
	require.NoError(t, err)
	w.attach("docs")
	assert.Empty(t, w.poll().Findings, "a command is running")
	require.NoError(t, w.Env.Store.Release(t.Context(), key, "another"))
	assert.Equal(t, []string{"repo_attached_outside"}, kindsOf(w.poll().Findings))

	// The command runs between two requests of one poll.
	w.onRequest("/runners", func() { w.Must("ada", "repos-add team=platform repos=web") })
	assert.Equal(t, []string{"repo_attached_outside"}, kindsOf(w.poll().Findings), "what was known stays")
	assert.Equal(t, []string{"repo_attached_outside"}, kindsOf(w.poll().Findings))
	w.onRequest("/runners", func() { w.Must("ada", "repos-remove team=platform repos=web,docs") })
	w.poll()
	assert.Empty(t, w.poll().Findings)
}

// A change that GitHub made without an answer is none by others, and one that it did not
// make is not expected.
func TestChangeWithoutAnswer(t *testing.T) {
	t.Parallel()
	for _, made := range []bool{true, false} {
		w := newWatch(t)
		w.Must("ada", "group-create team=platform", "repos-add team=platform repos=web")
		w.poll()
		fault := ghsim.Fault{Method: http.MethodPut, Path: `/runner-groups/[0-9]+/repositories/`, Times: -1, DropAfter: made, Drop: !made}
		w.Hub.Inject(fault)
		_, err := w.Kit.Run("ada", "repos-add team=platform repos=api")
		require.Error(t, err)
		w.Hub.ClearFaults()
		assert.Equal(t, made, len(w.Repos("platform")) == 2, "the group has it")
		for range 3 {
			assert.Empty(t, w.poll().Findings, "made: %t", made)
		}
		// Somebody does the opposite.
		if made {
			w.org(func(o *ghsim.Org) { o.Group("platform").Repos = []int64{o.Repo("web").ID} })
			assert.Equal(t, []string{"repo_detached_outside"}, kindsOf(w.poll().Findings))
		} else {
			w.attach("api")
			assert.Equal(t, []string{"repo_attached_outside"}, kindsOf(w.poll().Findings))
		}
	}
}

// A command that was cut off changed something, or did not: either is expected, and nothing else.
func TestCommandCutOff(t *testing.T) {
	t.Parallel()
	w := newWatch(t)
	w.Must("ada", "group-create team=platform", "repos-add team=platform repos=web")
	group := w.poll().Record.GroupID
	var api, docs int64
	w.org(func(o *ghsim.Org) { api, docs = o.Repo("api").ID, o.Repo("docs").ID })
	things := []string{}
	for _, id := range []int64{api, docs} {
		things = append(things, strings.Join([]string{"repos", itoa(w.teamID("platform")), itoa(id)}, "/"))
	}
	require.NoError(t, w.Env.Store.BeginChange(t.Context(), store.GroupChange{RequestID: "r", OrgID: w.orgID(), Groups: []int64{group}, Things: things}))
	w.attach("api", "foreign")
	assert.Equal(t, []string{"repo_attached_outside"}, kindsOf(w.poll().Findings), "foreign is by somebody else")
	state, err := w.Env.Store.ChangeState(t.Context(), w.orgID(), group, "")
	require.NoError(t, err)
	assert.Empty(t, state.Changes, "the change is settled")
	w.attach("docs")
	assert.Equal(t, []string{"repo_attached_outside", "repo_attached_outside"}, kindsOf(w.poll().Findings))
}

// Repositories that were renamed are still the same, and those that were deleted are nobody's doing.
func TestRepositoriesThatChange(t *testing.T) {
	t.Parallel()
	w := newWatch(t)
	w.Must("ada", "group-create team=platform", "repos-add team=platform repos=api,web")
	w.poll()
	w.org(func(o *ghsim.Org) {
		o.Repo("api").Name = "service"
		for i, repo := range o.Repos {
			if repo.Name == "web" {
				o.Group("platform").Repos = []int64{o.Repo("service").ID}
				o.Repos = append(o.Repos[:i], o.Repos[i+1:]...)
				break
			}
		}
	})
	assert.Empty(t, w.poll().Findings)
	w.org(func(o *ghsim.Org) { o.Group("platform").Repos = nil })
	got := w.poll().Findings
	assert.Equal(t, []string{"repo_detached_outside"}, kindsOf(got))
	assert.Equal(t, "service", got[0].Subject, "by the name that it has now")
}
