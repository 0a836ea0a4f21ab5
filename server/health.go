package server

import (
	"context"
	"encoding/json"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"

	checks "github.com/alexliesenfeld/health"
	"github.com/rs/zerolog"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
	"github.com/actions-runner-manager/actions-runner-manager/server/doctor"
)

const (
	checkTimeout = 5 * time.Second
	// readyFor is how long one check of the database answers all probes.
	readyFor = time.Second
	// githubEvery is how late the command status may report an outage of GitHub.
	githubEvery = 20 * time.Second
)

// health checks if the server can accept work. An outage of GitHub does not make it
// unready, because it can still store webhooks; the command status reports the outage.
type health struct {
	local    checks.Checker // the database, on which readiness depends
	database doctor.Condition
	remote   checks.Checker // GitHub, checked periodically
	draining *atomic.Bool
	version  string
}

func newHealth(st *store.Store, gh *github.App, draining *atomic.Bool, version string, log zerolog.Logger) *health {
	logChange := func(name string) func(context.Context, checks.CheckState) {
		return func(_ context.Context, state checks.CheckState) {
			switch {
			case state.Status == checks.StatusUp:
				log.Info().Str("check", name).Msg("check passes")
			case state.Result != nil:
				log.Error().Str("check", name).AnErr("cause", state.Result).Msg("check fails")
			}
		}
	}
	database := doctor.DatabaseReady()
	return &health{
		database: database,
		local: checks.NewChecker(
			checks.WithDisabledAutostart(), checks.WithCacheDuration(readyFor), checks.WithTimeout(checkTimeout),
			checks.WithCheck(checks.Check{
				Name: database.Name, StatusListener: listener(logChange(database.Name)),
				Check: func(ctx context.Context) error { return database.Try(ctx, st) },
			}),
		),
		remote: checks.NewChecker(
			checks.WithDisabledAutostart(), checks.WithDisabledDetails(), checks.WithTimeout(checkTimeout),
			checks.WithPeriodicCheck(githubEvery, 0, checks.Check{Name: "github", Check: gh.Ping, StatusListener: listener(logChange("github"))}),
		),
		draining: draining, version: version,
	}
}

func listener(changed func(context.Context, checks.CheckState)) func(context.Context, string, checks.CheckState) {
	return func(ctx context.Context, _ string, state checks.CheckState) { changed(ctx, state) }
}

func (h *health) start(context.Context) {
	h.local.Start()
	h.remote.Start()
}

func (h *health) stop() {
	h.local.Stop()
	h.remote.Stop()
}

// notReady returns the reasons why the server cannot accept work, or none if it can.
func (h *health) notReady(ctx context.Context) []string {
	var reasons []string
	if h.draining.Load() {
		reasons = append(reasons, "the server is stopping; try again after its next start, or try another replica")
	}
	if h.local.Check(ctx).Status != checks.StatusUp {
		reasons = append(reasons, h.database.Reason())
	}
	return reasons
}

// status returns what the command status reports.
func (h *health) status(ctx context.Context) dispatch.Status {
	s := dispatch.Status{Version: h.version, GitHub: "ok", Reasons: h.notReady(ctx)}
	s.Ready = len(s.Reasons) == 0
	if h.remote.Check(ctx).Status == checks.StatusDown {
		s.GitHub = "GitHub does not answer as expected"
	}
	return s
}

// readyz returns 200 if the server can accept work, else 503 with the reasons.
func (h *health) readyz(w http.ResponseWriter, r *http.Request) {
	reasons := h.notReady(r.Context())
	answerProbe(w, len(reasons) == 0, reasons)
}

// livez returns 200 while the process is up.
func livez(w http.ResponseWriter, _ *http.Request) { answerProbe(w, true, nil) }

type probe struct {
	Status  string   `json:"status"` // "ok" or "unavailable"
	Reasons []string `json:"reasons,omitempty"`
}

func answerProbe(w http.ResponseWriter, ok bool, reasons []string) {
	answer, status := probe{Status: "ok"}, http.StatusOK
	if !ok {
		answer, status = probe{Status: "unavailable", Reasons: reasons}, http.StatusServiceUnavailable
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer)
}
