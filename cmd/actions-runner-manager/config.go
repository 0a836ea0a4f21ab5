package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (p *program) configCommand() *cobra.Command {
	return family("config", "Look at the configuration", &cobra.Command{
		Use: "check", Short: "Check the configuration and print it, secrets masked", Args: noArgs, RunE: p.checkConfig,
		Long: `Reads the configuration as the server would, names every mistake, and prints the
whole of it with its defaults; secrets are masked. Nothing is asked of GitHub:
"actions-runner-manager doctor" does that.`,
	})
}

func (p *program) checkConfig(*cobra.Command, []string) error {
	c, err := p.load()
	if err != nil {
		return err
	}
	text, err := c.Masked()
	if err != nil {
		return fmt.Errorf("print the configuration: %w", err)
	}
	for _, warning := range c.Warnings() {
		fmt.Fprintln(p.stderr, "warning: "+warning)
	}
	_, err = p.stdout.Write(text)
	return err
}
