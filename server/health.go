package server

import (
	"context"
	"encoding/json"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
	"github.com/actions-runner-manager/actions-runner-manager/server/doctor"
	checks "github.com/alexliesenfeld/health"
	"github.com/rs/zerolog"
)

const (
	checkTimeout = 5 * time.Second
	// readyFor is how long one look at the database serves all who ask for it.
	readyFor = time.Second
	// githubEvery bounds how late the command status tells of GitHub's outage.
	githubEvery = 20 * time.Second
)

// health knows whether the server can take work. GitHub's outage does not stop it
// from that, since webhooks can still be stored; the command status tells of it.
type health struct {
	local    checks.Checker // database: what readiness depends on
	database doctor.Condition
	remote   checks.Checker // GitHub, asked from time to time
	draining *atomic.Bool
	version  string
}

func newHealth(st *store.Store, gh *github.App, draining *atomic.Bool, version string, log zerolog.Logger) *health {
	told := func(name string) func(context.Context, checks.CheckState) {
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
				Name: database.Name, StatusListener: listener(told(database.Name)),
				Check: func(ctx context.Context) error { return database.Try(ctx, st) },
			}),
		),
		remote: checks.NewChecker(
			checks.WithDisabledAutostart(), checks.WithDisabledDetails(), checks.WithTimeout(checkTimeout),
			checks.WithPeriodicCheck(githubEvery, 0, checks.Check{Name: "github", Check: gh.Ping, StatusListener: listener(told("github"))}),
		),
		draining: draining, version: version,
	}
}

func listener(told func(context.Context, checks.CheckState)) func(context.Context, string, checks.CheckState) {
	return func(ctx context.Context, _ string, state checks.CheckState) { told(ctx, state) }
}

func (h *health) start(context.Context) {
	h.local.Start()
	h.remote.Start()
}

func (h *health) stop() {
	h.local.Stop()
	h.remote.Stop()
}

// why returns the reasons for which the server cannot take work; none: it can.
func (h *health) why(ctx context.Context) []string {
	var why []string
	if h.draining.Load() {
		why = append(why, "the server is stopping; ask again when it has started anew, or another replica")
	}
	if h.local.Check(ctx).Status != checks.StatusUp {
		why = append(why, h.database.Reason())
	}
	return why
}

// status answers the command status.
func (h *health) status(ctx context.Context) dispatch.Status {
	s := dispatch.Status{Version: h.version, GitHub: "ok", Reasons: h.why(ctx)}
	s.Ready = len(s.Reasons) == 0
	if h.remote.Check(ctx).Status == checks.StatusDown {
		s.GitHub = "GitHub does not answer, or not as it should"
	}
	return s
}

// readyz answers whether the server can take work: 503 with the reasons where not.
func (h *health) readyz(w http.ResponseWriter, r *http.Request) {
	why := h.why(r.Context())
	answerProbe(w, len(why) == 0, why)
}

// livez answers that the process lives.
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
