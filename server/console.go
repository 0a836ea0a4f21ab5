package server

import (
	"context"
	"net/http"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/handlers/console"
	"github.com/actions-runner-manager/actions-runner-manager/handlers/signin"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/server/connect"
)

// console returns the web pages behind their sign-in, or the page that says that they are off.
func (s *Server) console(a *app, dispatcher *dispatch.Dispatcher) (http.Handler, error) {
	c := a.config
	if !c.HasConsole() {
		return http.HandlerFunc(signin.Off), nil
	}
	client, err := connect.Client(c)
	if err != nil {
		return nil, err
	}
	people := &people{app: a.github, env: a.env}
	in := signin.New(signin.Options{
		ClientID: c.ClientID, ClientSecret: c.ClientSecret, GitHubURL: c.GitHub.URL, PublicURL: a.env.PublicURL,
		GitHub: people, Store: a.store, Client: client, TTL: c.Console.SessionTTL, Rate: c.Server.UnknownTokenRate,
		Proxies: c.Server.TrustedProxies, Clock: a.env.Clock, Logger: s.log,
	})
	return in.Handler(console.New(console.Options{
		Dispatcher: dispatcher, SignIn: in, Member: people.Member, Store: a.store, Orgs: a.env.Logins(), PollInterval: c.Fleet.PollInterval,
		GitHubURL: c.GitHub.URL, Version: s.opts.Version, Clock: a.env.Clock, Logger: s.log,
		OwnersAct: func(org string) bool {
			served, ok := a.env.Org(org)
			return ok && served.Policy.OwnersActForAnyTeam
		},
	})), nil
}

// people are the persons who sign in to the console. They implement [signin.GitHub].
type people struct {
	app *github.App
	env *dispatch.Env
}

// User implements [signin.GitHub].
func (p *people) User(ctx context.Context, token string) (dispatch.Principal, error) {
	user, err := p.app.User(ctx, token)
	return dispatch.Principal{ID: user.ID, Login: user.Login}, dispatch.GitHubError(err, "find out who you are")
}

// Member implements [signin.GitHub].
func (p *people) Member(ctx context.Context, person dispatch.Principal) error {
	return p.env.ProveMember(ctx, person)
}
