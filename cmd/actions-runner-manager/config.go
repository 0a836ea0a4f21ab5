package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/actions-runner-manager/actions-runner-manager/config"
)

func (p *program) configCommand() *cobra.Command {
	return family("config", "Look at the configuration", &cobra.Command{
		Use: "check", Short: "Check the configuration and print it, secrets masked", Args: noArgs, RunE: p.checkConfig,
		Long: `Reads the configuration as the server would, names every mistake, and prints the
whole of it with its defaults; secrets are masked. The last lines, comments in YAML,
say that it is valid, and what is missing if the server would start in set-up mode.
Nothing is asked of GitHub: "actions-runner-manager doctor" does that.`,
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
	if _, err = p.stdout.Write(text); err == nil {
		_, err = io.WriteString(p.stdout, p.verdictOn(c))
	}
	return err
}

// verdictOn says, as comments in YAML, that the configuration is valid, and what a server
// without set-up would need besides.
func (p *program) verdictOn(c *config.Config) string {
	path := config.Path(p.configFlag, p.environ)
	text := "# " + path + " is valid.\n"
	if _, err := os.Stat(path); err != nil {
		text = "# There is no " + path + ", so these are the defaults and what the environment sets. They are valid.\n"
	}
	if !c.SetupMode() {
		return text
	}
	missing := []string{"appID (or clientID)", "privateKey"}
	if c.Org == "" && len(c.Orgs) == 0 {
		missing = append([]string{"org"}, missing...)
	}
	return text + "# There is no GitHub App yet, so the server would start in set-up mode.\n" +
		"# To start without set-up, set: " + strings.Join(missing, ", ") + ".\n"
}
