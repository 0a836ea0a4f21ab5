package server

import (
	"encoding/json"
	"net/http"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/handlers"
)

// serveSetup makes the handler of a server without an App.
func (s *Server) serveSetup(a *app) error {
	specs := commands.NewDispatcher(&commands.Env{}, commands.All())
	always := func() bool { return true }
	pages, err := handlers.NewPages(handlers.PagesOptions{
		Specs: specs.Specs(), Version: s.opts.Version, PublicURL: s.publicURL(a.config), SetupMode: always,
	})
	if err != nil {
		return err
	}
	rest := handlers.NewREST(handlers.RESTOptions{Dispatcher: specs, SetupMode: always, Logger: s.log, Proxies: a.config.Server.TrustedProxies})
	mux := http.NewServeMux()
	mux.HandleFunc("/livez", livez)
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) {
		answerProbe(w, false, []string{"no GitHub App is configured yet: open the /setup link that the log shows"})
	})
	mux.HandleFunc(handlers.WebhookPath, func(w http.ResponseWriter, _ *http.Request) {
		answerProbe(w, false, []string{"no GitHub App is configured yet"})
	})
	mux.Handle("/", pages)
	a.handler = handlers.Guard(rest, mux)
	a.metrics = http.NotFoundHandler()
	return nil
}

// setupClosed answers /setup once an App is configured.
func setupClosed(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusForbidden)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": "A GitHub App is configured already, so set-up is closed."})
}
