//go:build unix

package server_test

import (
	"fmt"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// consoleTable shows how long a page of the console takes with 50 ms to GitHub: of a person with
// ten groups, and of a group with 100 repositories and 100 runners. GitHub is
// asked anew at each look.
func consoleTable(b *testing.B, doc *strings.Builder) {
	b.Helper()
	w := newWorld(b, tenTeams(bigAcme(10, 100)))
	for i := range 9 {
		w.ok("ghp_ada", fmt.Sprintf("POST /api/v1/group-create?team=mine%d", i))
	}
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	var names []string
	for i := range 100 {
		names = append(names, fmt.Sprintf("build-machine-%d", i))
	}
	w.runners("platform", names...)
	w.ok("ghp_ada", "PATCH /api/v1/repos-set", fmt.Sprintf(`{"team":"platform","repos":%q}`, someRepos(100)), "application/json")
	ada := w.signIn("ada")
	fmt.Fprintf(doc, "\n### Console (warm, SQLite, %d ms to GitHub)\n\n| page | first byte: p50 / p95, ms | complete: p50 / p95, ms | kB |\n| --- | --: | --: | --: |\n", latency.Milliseconds())
	for _, page := range []struct{ name, path, shows string }{
		{"my groups, 10 groups", "/console", "mine8"}, {"a group, 100 repositories, 100 runners", "/console/acme/platform", "build-machine-99"},
	} {
		const looks = 40
		var first, complete []time.Duration
		size := 0
		for range looks {
			w.ok("ghp_ada", "POST /api/v1/token-remove?team=platform") // nothing that GitHub said before it is given again
			w.hub.SetLatency(latency)
			req := ada.request(http.MethodGet, page.path, nil)
			start := time.Now()
			req = req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
				GotFirstResponseByte: func() { first = append(first, time.Since(start)) },
			}))
			got := ada.send(req)
			complete = append(complete, time.Since(start))
			w.hub.SetLatency(0)
			require.Equal(b, http.StatusOK, got.status)
			require.Contains(b, got.body, page.shows)
			size = len(got.body)
		}
		slices.Sort(first)
		slices.Sort(complete)
		at := func(all []time.Duration, percent int) float64 { return ms(all[len(all)*percent/100]) }
		fmt.Fprintf(doc, "| %s | %.0f / %.0f | %.0f / %.0f | %.0f |\n", page.name, at(first, 50), at(first, 95), at(complete, 50), at(complete, 95), float64(size)/1000)
	}
}

// tenTeams adds teams that ada maintains.
func tenTeams(sc ghsim.Scenario) ghsim.Scenario {
	for i := range 9 {
		sc.Organizations[0].Teams = append(sc.Organizations[0].Teams, ghsim.TeamSpec{Name: fmt.Sprintf("mine%d", i), Maintainers: []string{"ada"}})
	}
	return sc
}
