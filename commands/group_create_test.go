package commands_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/commandtest"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

func TestGroupCreate(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t)
	k.Test(t, []commandtest.Case{
		{Name: "by a member", As: "bob", Line: "group-create team=platform", Reason: dispatch.ReasonNotMaintainer},
		{Name: "by somebody outside", As: "eve", Line: "group-create team=platform", Reason: dispatch.ReasonNotMaintainer},
		{Name: "by the maintainer", Line: "group-create team=platform", Then: func(t *testing.T, r dispatch.Result) {
			answer := r.Response.(commands.GroupAnswer)
			assert.Equal(t, "selected", answer.Group.Visibility)
			assert.False(t, answer.Group.AllowsPublicRepositories)
			assert.True(t, r.Changed)
		}},
		{Name: "again", Line: "group-create team=platform", Reason: dispatch.ReasonGroupExists},
		{Name: "by its other name", Line: "group-add team=web"},
	})
	record, err := k.Env.Store.Records(t.Context(), 1)
	require.NoError(t, err)
	assert.LessOrEqual(t, len(record), 2)
}

// A group that exists is never taken because its name fits.
func TestGroupCreateNameIsTaken(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t, func(p *dispatch.Policy) { p.GroupName = "legacy" })
	k.Test(t, []commandtest.Case{{Name: "squat", Line: "group-create team=platform", Reason: dispatch.ReasonGroupExists}})
	assert.Equal(t, []string{"foreign"}, k.Repos("legacy"))
}

// In a large organization not all groups are listed before one is created. A group that
// existed before is still never taken for the one that GitHub was asked for.
func TestGroupCreateInALargeOrganization(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		before []string // groups that an owner makes by hand
		fault  ghsim.Fault
		during func(*ghsim.Org)
		owned  bool
	}{
		{name: "created", owned: true},
		{name: "created without an answer", fault: ghsim.Fault{DropAfter: true}, owned: true},
		{name: "not created", fault: ghsim.Fault{Drop: true}},
		{name: "not created, and one has the name", before: []string{"platform"}, fault: ghsim.Fault{Drop: true}},
		{name: "not created, one has the name, and others join", before: []string{"platform"}, fault: ghsim.Fault{Drop: true}, during: func(o *ghsim.Org) {
			for i := range 3 {
				o.Groups = append(o.Groups, &ghsim.Group{ID: int64(90_000 + i), Name: fmt.Sprintf("later-%d", i), Visibility: "selected"})
			}
		}},
		{name: "nobody can say", fault: ghsim.Fault{DropAfter: true}, during: func(o *ghsim.Org) {
			o.Groups = slices.DeleteFunc(o.Groups, func(g *ghsim.Group) bool { return g.Name == "group-7" })
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			k := commandtest.New(t)
			var groups []ghsim.GroupSpec
			for i := range 150 {
				groups = append(groups, ghsim.GroupSpec{Name: fmt.Sprintf("group-%d", i)})
			}
			for _, name := range test.before {
				groups = append(groups, ghsim.GroupSpec{Name: name})
			}
			require.NoError(t, k.Hub.Apply(ghsim.Scenario{Organizations: []ghsim.OrgSpec{{Login: "acme", RunnerGroups: groups}}}))
			if test.fault.Drop || test.fault.DropAfter {
				test.fault.Method, test.fault.Path = http.MethodPost, `/runner-groups$`
				k.Hub.Inject(test.fault)
			}
			once := sync.Once{}
			k.Hub.OnExchange = func(e ghsim.Exchange) { // after the first page
				if test.during != nil && strings.HasSuffix(e.Request.URL.Path, "/runner-groups") {
					once.Do(func() { k.Hub.Update(func(s *ghsim.State) { test.during(s.Org("acme")) }) })
				}
			}
			k.Hub.ResetCalls()
			_, err := k.Run("ada", "group-create team=platform")
			assert.Equal(t, test.owned, err == nil, "%v", err)
			if test.name == "created" {
				assert.Len(t, k.Hub.Calls(), 6, "team, membership, a page, the group, and two tokens of the App")
			}
			_, err = k.Run("ada", "group-list team=platform")
			assert.Equal(t, test.owned, err == nil, "%v", err)
		})
	}
}
