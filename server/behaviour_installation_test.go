package server_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// reinstall installs the App again, without or with its events.
func (w *world) reinstall(events bool) (id int64) {
	w.t.Helper()
	w.hub.PauseDeliveries(!events)
	id, err := w.hub.Reinstall("acme")
	require.NoError(w.t, err)
	w.hub.PauseDeliveries(false)
	require.NoError(w.t, w.hub.Wait(w.t.Context()))
	return id
}

// looked returns how often GitHub was asked for the App's installation.
func (w *world) looked() (n int) {
	for _, c := range w.hub.Calls() {
		if c.Path == "/orgs/acme/installation" || strings.HasPrefix(c.Path, "/app/installations/") && c.Method == http.MethodGet {
			n++
		}
	}
	return n
}

// An App that is uninstalled and installed again loses no comment, whether or not its events
// arrive, and whether or not the installation is configured.
func TestReinstalledApp(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, setting string
		events        bool
	}{
		{"with events", "INSTALLATION_ID=", true},
		{"without events", "INSTALLATION_ID=", false},
		{"configured, with events", "INSTALLATION_ID=77", true},
		{"configured, without events", "INSTALLATION_ID=77", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, acme(), tt.setting)
			w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
			w.hub.ResetCalls()
			w.reinstall(tt.events)
			assert.Equal(t, tt.events, w.looked() > 0, "an event has the installation looked up")
			replies, reaction := w.say("ada", 1, "/runner-group repos-add api")
			assert.Equal(t, "rocket", reaction, replies)
			assert.Equal(t, []string{"api"}, w.repos("platform"))

			details := w.readyz()
			if tt.setting == "INSTALLATION_ID=" {
				assert.Empty(t, details)
				return
			}
			const told = "the App's installation 77 in acme is gone"
			require.Len(t, details, 1)
			assert.Contains(t, details[0], told)
			assert.Contains(t, w.log.String(), told)
		})
	}
}

// readyz returns the details of /readyz.
func (w *world) readyz() []string {
	w.t.Helper()
	res, err := w.client.Get(w.url + "/readyz")
	require.NoError(w.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(w.t, err)
	var probe struct{ Details []string }
	require.NoError(w.t, json.Unmarshal(text, &probe))
	return probe.Details
}

// A comment that was seen is answered, although the App is installed again before its command
// could run, and although it was not installed at all for a while.
func TestReinstalledAppWhileACommentWaits(t *testing.T) {
	t.Parallel()
	for _, events := range []bool{true, false} {
		w := newWorld(t, acme())
		w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
		w.hub.Inject(ghsim.Fault{Path: `/teams/platform$`, Status: 502, Times: -1})
		id, err := w.hub.Comment("acme", "runner-admin", 1, "ada", "/runner-group repos-add api")
		require.NoError(t, err)
		require.Eventually(t, func() bool { return strings.Contains(w.log.String(), "delivery failed; it is retried") }, eventually, tick)
		w.reinstall(events)
		w.hub.ClearFaults()
		require.Eventually(t, func() bool { return w.reaction(1, id) == "rocket" }, eventually, tick)
	}
}

// What is ignored for its installation is logged. GitHub is asked once for each installation,
// and not without end.
func TestForeignInstallation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	d, _ := w.commented("/runner-group repos-add api")
	w.hub.ResetCalls()
	send := func(installation any, comment int64) (int, string) {
		p := payloadOf(t, d).fresh(comment).set("comment.body", "/runner-group repos-add web").set("installation.id", installation)
		return w.deliver(p, ghsim.DeliverOptions{})
	}
	for i := range int64(3) {
		status, outcome := send(78, 910+i)
		assert.Equal(t, 200, status)
		assert.Equal(t, "ignored", outcome)
	}
	assert.Equal(t, 1, w.looked())
	assert.Equal(t, 3, strings.Count(w.log.String(), "A comment with a command is ignored: it is not of the App's installation"))
	refused := 0
	for i := range int64(60) {
		if status, _ := send(100+i, 1000+i); status == 503 {
			refused++ // GitHub delivers it again later
		}
	}
	assert.LessOrEqual(t, w.looked(), 20)
	assert.GreaterOrEqual(t, refused, 40)
	assert.Equal(t, []string{"api"}, w.repos("platform"))
}

// GitHub delivers no comments before the App is installed. Those from afterwards that it could
// not deliver are answered when the server is there.
func TestCommentsAroundAnInstallation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	require.NoError(t, w.hub.Uninstall("acme"))
	before, err := w.hub.Comment("acme", "runner-admin", 1, "ada", "/runner-group repos-add web")
	require.NoError(t, err)
	require.NoError(t, w.stop())
	w.hub.PauseDeliveries(true)
	_, err = w.hub.Install("arm", "acme")
	require.NoError(t, err)
	missed, err := w.hub.Comment("acme", "runner-admin", 1, "ada", "/runner-group repos-add api")
	require.NoError(t, err)
	w.hub.PauseDeliveries(false)
	w.start()
	require.Eventually(t, func() bool { return w.reaction(1, missed) == "rocket" }, eventually, tick)
	assert.Equal(t, []string{"api"}, w.repos("platform"))
	assert.Empty(t, w.reaction(1, before), "nobody heard of it")
}
