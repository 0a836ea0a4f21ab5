package server_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

// Behind PgBouncer two replicas may start at the same time on an empty database, and share
// the work.
func TestPgBouncer(t *testing.T) {
	t.Parallel()
	w := newCrashWorld(t, storetest.PgBouncer(t), squads(6))
	first, second := w.spawn(), w.spawn("SERVER_PORT="+freePort(t))
	w.ready(first)
	w.ready(second)
	w.balance(first.url, second.url)
	for i := range 6 {
		w.ok("ghp_ada", "POST /api/v1/group-create"+query("team", fmt.Sprintf("t%d", i)))
	}
	var callers sync.WaitGroup
	for i := range 6 {
		callers.Go(func() {
			for range 5 {
				a := w.call("ghp_ada", "PATCH /api/v1/repos-add"+query("team", fmt.Sprintf("t%d", i), "repos", "web"))
				assert.Equal(t, http.StatusOK, a.Code, a.text)
			}
		})
	}
	var all []said
	for i := range 6 {
		all = append(all,
			w.write("ada", 1, fmt.Sprintf("/runner-group repos-add r%d --team t%d", i, i)),
			w.write("ada", 2, fmt.Sprintf("/runner-group token-register --team t%d", i)))
	}
	callers.Wait()
	w.settled(time.Minute, all...)
	for i := range 6 {
		assert.ElementsMatch(t, []string{fmt.Sprintf("r%d", i), "web"}, w.repos(fmt.Sprintf("t%d", i)))
	}
	assert.Equal(t, 0, first.terminate(t))
	assert.Equal(t, 0, second.terminate(t))
	assert.False(t, w.log.contains("prepared statement"))
	for _, level := range []string{`"level":"warn"`, `"level":"error"`} {
		assert.Empty(t, linesWith(w.log.String(), level, "component", "river"), "River has nothing to complain of")
	}
}

func linesWith(text string, parts ...string) (lines []string) {
	for line := range strings.Lines(text) {
		if !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(line, part) }) {
			lines = append(lines, line)
		}
	}
	return lines
}
