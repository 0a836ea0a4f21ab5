package server_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// If more than 100 teams own a group, whoami and groups-list need a list of teams.
func TestManyTeams(t *testing.T) {
	t.Parallel()
	sc := acme()
	for i := range 101 {
		sc.Organizations[0].Teams = append(sc.Organizations[0].Teams, ghsim.TeamSpec{Name: fmt.Sprintf("t%d", i), Maintainers: []string{"bob"}})
	}
	w := newWorld(t, sc, "POLICY_OWNERS_ACT_FOR_ANY_TEAM=true")
	create := func(from, to int) {
		var all sync.WaitGroup
		teams := make(chan int)
		for range 8 {
			all.Go(func() {
				for i := range teams {
					assert.Equal(t, 200, w.call("ghp_olga", fmt.Sprintf("POST /api/v1/group-create?team=t%d", i)).Code)
				}
			})
		}
		for i := from; i < to; i++ {
			teams <- i
		}
		close(teams)
		all.Wait()
	}
	create(0, 100)
	assert.Len(t, w.ok("ghp_bob", "GET /api/v1/whoami").names("teams"), 100)
	assert.Len(t, w.ok("ghp_bob", "GET /api/v1/groups-list").names("groups"), 100)
	create(100, 101)
	for _, command := range []string{"whoami", "groups-list"} {
		w.refused(400, "missing_argument", "ghp_bob", "GET /api/v1/"+command)
		w.ok("ghp_bob", "GET /api/v1/"+command+"?team=t5,t7&team=web")
	}
	assert.Equal(t, []string{"t5", "t7"}, w.ok("ghp_bob", "GET /api/v1/whoami?team=t5,T7,web,nowhere").names("teams"))
	assert.Empty(t, w.ok("ghp_ada", "GET /api/v1/whoami?team=t5").Response["teams"])
	replies, reaction := w.say("bob", 2, "/runner-group group-list")
	assert.Equal(t, "confused", reaction)
	assert.Contains(t, replies[0], "--team")
	_, reaction = w.say("bob", 2, "/runner-group whoami --team t1,t2")
	assert.Equal(t, "rocket", reaction)
}
