//go:build unix

package server_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

// BenchmarkStart writes how long a server takes to be ready with many recorded groups, and how
// much longer the first command takes than a warm one.
func BenchmarkStart(b *testing.B) {
	if os.Getenv(processVariable) != "" {
		return
	}
	const groups, starts, late = 10_000, 7, 50 * time.Millisecond
	var doc strings.Builder
	fmt.Fprintf(&doc, "### Start (%d recorded groups, median of %d; %d ms to GitHub)\n\n", groups, starts, late.Milliseconds())
	fmt.Fprint(&doc, "| database | process to ready, ms | first token-register, ms | warm, ms |\n| --- | --: | --: | --: |\n")
	for _, db := range []struct{ name, url string }{{"SQLite, synchronous FULL", storetest.SQLite(b)}, {"PostgreSQL, without fsync", storetest.Postgres(b)}} {
		hub := newBenchHub(b, acme())
		var id int64
		hub.Update(func(s *ghsim.State) { id = s.Org("acme").ID })
		record(b, db.url, id, groups)
		settings := hub.settings(db.url)
		var ready, first, warm []float64
		for i := range starts + 1 {
			hub.SetLatency(0)
			begin := time.Now()
			p := startProcess(b, "server", settings)
			w := &world{t: b, hub: hub.Server, url: p.url, client: &http.Client{Timeout: time.Minute}}
			res, err := w.client.Get(p.url + "/readyz")
			require.NoError(b, err)
			res.Body.Close()
			require.Equal(b, http.StatusOK, res.StatusCode)
			ready = append(ready, ms(time.Since(begin)))
			if i == 0 { // it also makes what later ones find
				w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
				ready = nil
				p.stop()
				continue
			}
			time.Sleep(200 * time.Millisecond) // it gets its tokens
			hub.SetLatency(late)
			for _, into := range []*[]float64{&first, &warm} {
				begin := time.Now()
				w.ok("ghp_ada", "POST /api/v1/token-register?team=platform")
				*into = append(*into, ms(time.Since(begin)))
			}
			w.client.CloseIdleConnections()
			p.stop()
		}
		fmt.Fprintf(&doc, "| %s | %.0f | %.0f | %.0f |\n", db.name, median(ready), median(first), median(warm))
	}
	fmt.Println(doc.String())
	intoDoc(b, "start", doc.String())
}
