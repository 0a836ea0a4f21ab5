package main

import (
	"github.com/spf13/cobra"

	"github.com/actions-runner-manager/actions-runner-manager/server"
)

func (p *program) serveCommand() *cobra.Command {
	return &cobra.Command{
		Use: "serve", Short: "Run the server (the default)", Args: noArgs, RunE: p.serve,
		Long: `Runs the server until SIGTERM, SIGINT or SIGHUP; what runs then is finished first,
for at most server.shutdownTimeout, and the exit status is 0. A second signal, a second
or more later, aborts what runs; the server closes its database and exits with 1. SIGQUIT
kills the server, and prints what it was doing.
Without a GitHub App in the configuration it starts in set-up mode, and logs the
link that leads through it.`,
	}
}

func (p *program) serve(cmd *cobra.Command, _ []string) error {
	c, err := p.load()
	if err != nil {
		return err
	}
	s, err := server.New(cmd.Context(), p.options(c))
	if err != nil {
		return err
	}
	return s.Run(cmd.Context())
}
