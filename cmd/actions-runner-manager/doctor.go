package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/actions-runner-manager/actions-runner-manager/server/doctor"
)

func (p *program) doctorCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "doctor", Short: "Ask GitHub whether App, webhook and admin repository are as needed", Args: noArgs,
		Long: `Compares the configuration with GitHub: the App's key, permissions, events and
webhook, its installation in each organization, the admin repository, the clock,
the database and the ownership records. There is a line for each check: ok; warn
where it passes and could be better; FAIL; skip where another has to be mended
first. Below it stand what to do and the page where to do it. It changes nothing
on GitHub, and works beside a running server.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := p.load()
			found := doctor.Run(cmd.Context(), c, err, p.build.Version)
			if asJSON {
				enc := json.NewEncoder(p.stdout)
				enc.SetEscapeHTML(false)
				enc.SetIndent("", "  ")
				if err := enc.Encode(found); err != nil {
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
	return c
}
