package fleet_test

import (
	"fmt"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// BenchmarkPoll polls many groups in which nothing changes. The processor's time includes
// that of the simulated GitHub.
func BenchmarkPoll(b *testing.B) {
	const groups = 1000
	w := newWatch(b)
	records := w.manyGroups(groups)
	require.NoError(b, w.Env.Store.AddRecords(b.Context(), records))
	w.Hub.Update(func(st *ghsim.State) { st.Installation(77).RateLimit = 1_000_000 })
	cycle := func() {
		for range 10 {
			w.Advance(interval / 10)
			w.Tick(b.Context())
		}
	}
	cycle()
	cycle()
	w.Hub.ResetCalls()
	before := processorTime()
	b.ResetTimer()
	for b.Loop() {
		cycle()
	}
	b.StopTimer()
	charged := 0
	for _, call := range w.Hub.Calls() {
		if call.Charged {
			charged++
		}
	}
	used := processorTime() - before
	require.InEpsilon(b, b.N*groups*3, len(w.Hub.Calls()), 0.1, "the group, its repositories and its runners")
	b.ReportMetric(float64(charged)/float64(b.N), "charged/cycle")
	b.ReportMetric(float64(used.Milliseconds())/float64(b.N), "cpu-ms/cycle")
	b.ReportMetric(100*used.Seconds()/float64(b.N)/interval.Seconds(), "%core")
	runtime.GC()
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	b.ReportMetric(float64(mem.HeapAlloc)/(1<<20), "heap-MB")
}

// manyGroups makes teams and groups, each with five repositories and five runners.
func (w *watch) manyGroups(n int) (records []store.Record) {
	w.t.Helper()
	spec := ghsim.OrgSpec{Login: "acme"}
	for i := range n {
		name := fmt.Sprintf("team-%d", i)
		group := ghsim.GroupSpec{Name: name, Repositories: []string{"api", "web", "docs", "foreign"}}
		for r := range 5 {
			group.Runners = append(group.Runners, ghsim.RunnerSpec{Name: fmt.Sprintf("%s-%d", name, r)})
		}
		spec.Teams = append(spec.Teams, ghsim.TeamSpec{Name: name, Maintainers: []string{"ada"}})
		spec.RunnerGroups = append(spec.RunnerGroups, group)
	}
	require.NoError(w.t, w.Hub.Apply(ghsim.Scenario{Organizations: []ghsim.OrgSpec{spec}}))
	w.org(func(o *ghsim.Org) {
		for i := range n {
			name := fmt.Sprintf("team-%d", i)
			records = append(records, store.Record{
				OrgID: o.ID, TeamID: o.Team(name).ID, TeamSlug: name, GroupID: o.Group(name).ID, GroupName: name,
				Visibility: "selected", Origin: store.Adopted, By: "operator", At: w.Now(),
			})
		}
	})
	return records
}

func processorTime() time.Duration {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
