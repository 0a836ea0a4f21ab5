package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/config"
	"github.com/actions-runner-manager/actions-runner-manager/handlers/pages"
)

func (p *program) referenceCommand() *cobra.Command {
	var output string
	c := &cobra.Command{
		Use: "reference", Short: "Print the reference of commands and configuration as Markdown", Args: noArgs, Hidden: true,
		RunE: func(*cobra.Command, []string) error {
			page := reference()
			if output == "" {
				_, err := p.stdout.Write(page)
				return err
			}
			return os.WriteFile(output, page, 0o644) //nolint:gosec // documentation is for all to read
		},
	}
	c.Flags().StringVar(&output, "output", "", "the `FILE` to write, instead of standard output")
	return c
}

// reference is the page docs/reference.md.
func reference() []byte {
	var b bytes.Buffer
	b.Write(pages.Reference(dispatch.NewDispatcher(&dispatch.Env{}, commands.All()).Specs()))
	b.WriteString(`
## Configuration

The file is YAML; an unknown key is an error. The environment wins over the file. Lists are comma-separated there, and
` + "`orgs`" + ` is JSON.

| key | in the environment | default | meaning |
|---|---|---|---|
`)
	for _, key := range config.Reference() {
		value := ""
		if key.Default != "" {
			value = "`" + cell(key.Default) + "`"
		}
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s |\n", key.Name, key.Env, value, cell(key.Doc))
	}
	return b.Bytes()
}

// cell makes text fit into a cell of a Markdown table.
func cell(text string) string { return strings.NewReplacer("|", `\|`, "\n", " ").Replace(text) }
