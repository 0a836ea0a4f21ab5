package fleet_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands/commandtest"
	"github.com/actions-runner-manager/actions-runner-manager/internal/fleet"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github/pacing"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

// pipes is a listener whose connections are in memory.
type pipes chan net.Conn

// Accept implements [net.Listener].
func (p pipes) Accept() (net.Conn, error) {
	c, ok := <-p
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

// Close implements [net.Listener].
func (p pipes) Close() error { close(p); return nil }

// Addr implements [net.Listener].
func (p pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes"} }

// dial returns the client's end of a new connection.
func (p pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	server, client := net.Pipe()
	select {
	case p <- server:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// A thousand ends in the same minute come within ten, at GitHub's limit of 900 points a minute.
// Time passes when everything waits.
func TestThousandEnds(t *testing.T) {
	for _, groups := range []int{100, 1000} {
		t.Run(fmt.Sprintf("of %d groups", groups), func(t *testing.T) {
			database := storetest.SQLite(t)
			k := commandtest.NewOn(t, database)
			synctest.Test(t, func(t *testing.T) { thousandEnds(t, k, database, groups) })
		})
	}
}

func thousandEnds(t *testing.T, k *commandtest.Kit, database string, groups int) {
	hub := make(pipes)
	front := &http.Server{Handler: k.Hub, ReadHeaderTimeout: time.Minute}
	go func() { _ = front.Serve(hub) }()
	defer front.Close()
	p := k.ProcessWith(t, database, k.Hub.URL, github.Options{
		Dial: hub.dial, PointsPerMinute: pacing.DefaultPointsPerMinute, Budget: pacing.NewMemory(time.Now), Replica: "one",
	})
	k.Hub.EnforceSecondaryLimits()
	over := time.Now().Add(time.Hour)
	grant(t, p, groups, over)
	ender := &fleet.AccessEnder{Dispatch: p.Dispatch, Env: p.Env, Logger: zerolog.Nop()}
	time.Sleep(time.Until(over.Add(time.Minute)))
	for left := 1; left > 0; {
		for ender.Tick(t.Context()) {
		}
		time.Sleep(time.Second)
		var err error
		left, err = p.Env.Store.CountOverdueAccess(t.Context(), time.Now())
		require.NoError(t, err)
		require.Less(t, time.Since(over), 11*time.Minute, "%d are left", left)
	}
	t.Logf("all ended after %s", time.Since(over).Round(time.Second))
	assert.Less(t, time.Since(over), 11*time.Minute, "ten minutes after the last")
	assert.Zero(t, k.Hub.Throttled(), "GitHub refused nothing")
	k.Hub.Update(func(st *ghsim.State) {
		for _, g := range st.Org("acme").Groups {
			if g.Name != "legacy" {
				assert.Empty(t, g.Repos, g.Name)
			}
		}
	})
}

// grant records a thousand repositories of that many groups, whose ends are in the minute from
// over on.
func grant(t *testing.T, p *commandtest.Kit, groups int, over time.Time) {
	t.Helper()
	each := 1000 / groups
	var repos []ghsim.RepoSpec
	spec := ghsim.OrgSpec{Login: "acme"}
	for i := range each {
		repos = append(repos, ghsim.RepoSpec{Name: fmt.Sprintf("r%d", i)})
	}
	spec.Repositories = repos
	for i := range groups {
		name := fmt.Sprintf("team-%d", i)
		group := ghsim.GroupSpec{Name: name}
		for _, repo := range repos {
			group.Repositories = append(group.Repositories, repo.Name)
		}
		spec.Teams = append(spec.Teams, ghsim.TeamSpec{Name: name, Maintainers: []string{"ada"}})
		spec.RunnerGroups = append(spec.RunnerGroups, group)
	}
	require.NoError(t, p.Hub.Apply(ghsim.Scenario{Organizations: []ghsim.OrgSpec{spec}}))
	var records []store.Record
	var all []store.Access
	p.Hub.Update(func(st *ghsim.State) {
		org := st.Org("acme")
		for i := range groups {
			team, group := org.Team(fmt.Sprintf("team-%d", i)), org.Group(fmt.Sprintf("team-%d", i))
			records = append(records, store.Record{OrgID: org.ID, TeamID: team.ID, TeamSlug: team.Slug, GroupID: group.ID, GroupName: group.Name})
			for j, id := range group.Repos {
				all = append(all, store.Access{
					OrgID: org.ID, TeamID: team.ID, GroupID: group.ID, RepoID: id, Repo: repos[j].Name, By: "ada",
					Until: over.Add(time.Duration(len(all)) * time.Minute / 1000),
				})
			}
		}
	})
	require.NoError(t, p.Env.Store.AddRecords(t.Context(), records))
	require.NoError(t, p.Env.Store.PutAccess(t.Context(), all...))
}
