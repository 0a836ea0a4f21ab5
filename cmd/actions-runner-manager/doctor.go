package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/actions-runner-manager/actions-runner-manager/server/doctor"
)

func (p *program) doctorCommand() *cobra.Command {
	var asJSON bool
	var at string
	c := &cobra.Command{
		Use: "doctor", Short: "Ask GitHub whether App, webhook and admin repository are as needed", Args: noArgs,
		Long: `Compares the configuration with GitHub: the App's key, permissions, events and
webhook, its installation in each organization, the admin repository, the clock,
the database and the ownership records. Each check has a line: ok; info if it is
worth knowing; warn if it works and could be better; FAIL; skip if another check
has to pass first. Below it are the remedy and its page on GitHub. doctor changes
nothing on GitHub, and works beside a running server.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := p.load()
			if err == nil {
				_, err = p.locate(&c.Server, c.Database.URL, at)
			}
			var usage usageError
			if errors.As(err, &usage) {
				return err
			}
			found := doctor.Run(cmd.Context(), c, err, p.build.Version)
			if asJSON {
				if err := p.printJSON(found); err != nil {
					return fmt.Errorf("print the checks: %w", err)
				}
			} else {
				fmt.Fprint(p.stdout, found.Text())
			}
			if !found.OK {
				return failedError{}
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print the checks as JSON")
	c.Flags().StringVar(&at, "url", "", "the server's `URL`; by default the configured one, or that of the running server")
	return c
}
