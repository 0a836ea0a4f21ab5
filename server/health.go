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
	details  []func() string
}

// addDetail adds what /readyz says beside its verdict: something that needs the operator,
// although the server works. It is empty if there is nothing; anybody may read it. It must
// be called before the server answers.
func (h *health) addDetail(describe func() string) { h.details = append(h.details, describe) }

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
	var details []string
	for _, describe := range h.details {
		if detail := describe(); detail != "" {
			details = append(details, detail)
		}
	}
	answerProbe(w, h.notReady(r.Context()), details)
}

// livez returns 200 while the process is up.
func livez(w http.ResponseWriter, _ *http.Request) { answerProbe(w, nil, nil) }

type probe struct {
	Status  string   `json:"status"`            // "ok" or "unavailable"
	Reasons []string `json:"reasons,omitempty"` // why it is unavailable
	Details []string `json:"details,omitempty"` // what does not keep the server from working, but needs the operator
}

// answerProbe answers that the server is unavailable if there are reasons.
func answerProbe(w http.ResponseWriter, reasons, details []string) {
	answer, status := probe{Status: "ok", Reasons: reasons, Details: details}, http.StatusOK
	if len(reasons) > 0 {
		answer.Status, status = "unavailable", http.StatusServiceUnavailable
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer)
}
