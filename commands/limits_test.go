package commands_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/actions-runner-manager/actions-runner-manager/commands/commandtest"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

func TestRepoLimit(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t, func(p *dispatch.Policy) { p.Limits.Repos, p.PublicRepos = 2, true })
	k.Must("ada", "group-create team=platform")
	k.Test(t, []commandtest.Case{
		{Name: "too many at once", Line: "repos-add team=platform repos=api,web,site", Reason: dispatch.ReasonLimitReached},
		{Name: "as many as allowed", Line: "repos-add team=platform repos=api,web"},
		{Name: "attached already", Line: "repos-add team=platform repos=api,web for=1h"},
		{Name: "one more", Line: "repos-add team=platform repos=site", Reason: dispatch.ReasonLimitReached},
		{Name: "one more beside what is refused", Line: "repos-add team=platform repos=site,docs skip-refused=true", Reason: dispatch.ReasonLimitReached},
		{Name: "another list", Line: "repos-set team=platform repos=site,web"},
		{Name: "a longer list", Line: "repos-set team=platform repos=api,site,web", Reason: dispatch.ReasonLimitReached},
	})
	assert.ElementsMatch(t, []string{"site", "web"}, k.Repos("platform"))
	// A limit that came later takes nothing away, and hinders nobody from having less.
	k.Hub.Update(func(st *ghsim.State) {
		o := st.Org("acme")
		o.Group("platform").Repos = append(o.Group("platform").Repos, o.Repo("api").ID, o.Repo("foreign").ID)
	})
	k.Must("ada", "repos-set team=platform repos=api,site,web")
	assert.Len(t, k.Repos("platform"), 3)
}

// Of commands at the same moment no more are done than the limit allows.
func TestRepoLimitAtOnce(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t, func(p *dispatch.Policy) { p.Limits.Repos, p.PublicRepos = 1, true })
	k.Must("ada", "group-create team=platform")
	var all sync.WaitGroup
	for _, name := range []string{"api", "web", "site"} {
		all.Go(func() { _, _ = k.Run("ada", "repos-add team=platform repos="+name) })
	}
	all.Wait()
	assert.Len(t, k.Repos("platform"), 1)
}

func TestRunnerLimit(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t, func(p *dispatch.Policy) { p.Limits.Runners = 2 })
	k.Must("ada", "group-create team=platform", "group-create team=web")
	k.AddRunner("platform", "p-1", "online", false)
	k.AddRunner("web", "w-1", "online", false)
	k.AddRunner("web", "w-2", "online", false)
	k.Test(t, []commandtest.Case{
		{Name: "token-register", Line: "token-register team=platform"},
		{Name: "token-register beyond", Line: "token-register team=web", Reason: dispatch.ReasonLimitReached},
		{Name: "token-register again for a machine", Line: "token-register team=web name=w-2"},
		{Name: "runners-transfer", Line: "runners-transfer team=web runners=w-1,w-2 to=platform", Reason: dispatch.ReasonLimitReached},
		{Name: "group-delete", Line: "group-delete team=web move-runners-to=platform", Reason: dispatch.ReasonLimitReached},
		{Name: "runners-transfer of one", Line: "runners-transfer team=web runners=w-1 to=platform"},
		{Name: "token-jit beyond", Line: "token-jit team=platform name=jit-1", Reason: dispatch.ReasonLimitReached},
		{Name: "token-jit", Line: "token-jit team=web name=jit-1"},
	})
	assert.Equal(t, []string{"p-1", "w-1"}, k.Runners("platform"))
}

func TestRunnerLimitAtOnce(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t, func(p *dispatch.Policy) { p.Limits.Runners = 3 })
	k.Must("ada", "group-create team=platform")
	var all sync.WaitGroup
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		all.Go(func() { _, _ = k.Run("ada", "token-jit team=platform name="+name) })
	}
	all.Wait()
	assert.LessOrEqual(t, len(k.Runners("platform")), 3)
	assert.NotEmpty(t, k.Runners("platform"))
}
