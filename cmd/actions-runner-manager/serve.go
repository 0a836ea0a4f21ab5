package main

import (
	"github.com/spf13/cobra"

	"github.com/actions-runner-manager/actions-runner-manager/server"
)

func (p *program) serveCommand() *cobra.Command {
	return &cobra.Command{
		Use: "serve", Short: "Run the server (the default)", Args: noArgs, RunE: p.serve,
		Long: `Runs the server until SIGTERM or SIGINT; what runs then is finished first, for at
most server.shutdownTimeout. Without a GitHub App in the configuration it starts
in set-up mode, and logs the link that leads through it.`,
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
