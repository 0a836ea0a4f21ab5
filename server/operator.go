package server

import (
	"context"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/config"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
	"github.com/actions-runner-manager/actions-runner-manager/server/connect"
)

// An Operator runs commands and manages the ownership records beside a running server, for
// the subcommands of the command line.
type Operator struct {
	*dispatch.Env
	*dispatch.Dispatcher
	Config *config.Config
	GitHub *github.App
}

// OpenOperator opens the database and GitHub that c names. The returned function closes
// them.
func OpenOperator(ctx context.Context, c *config.Config, o Options) (*Operator, func() error, error) {
	log, closeLog, err := newLogger(config.Logging{Ephemeral: true, Level: "warn"}, o.Log)
	if err != nil {
		return nil, nil, err
	}
	st, err := store.Open(ctx, store.Options{URL: c.Database.URL.Reveal(), Logger: log, Clock: o.Clock})
	if err != nil {
		return nil, nil, err
	}
	gh, err := connect.GitHub(c, nil, pacingBudget{st}, holder(), o.Version, log)
	if err != nil {
		_ = st.Close()
		return nil, nil, err
	}
	env, err := newEnv(ctx, c, st, gh)
	if err != nil {
		_ = st.Close()
		return nil, nil, err
	}
	env.Version, env.Clock = o.Version, o.Clock
	d := dispatch.NewDispatcher(env, commands.All(), dispatch.Standard(env)...)
	return &Operator{Env: env, Dispatcher: d, Config: c, GitHub: gh}, func() error { _ = closeLog(); return st.Close() }, nil
}
