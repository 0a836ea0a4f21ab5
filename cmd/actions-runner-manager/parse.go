package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/actions-runner-manager/actions-runner-manager/config"
	"github.com/actions-runner-manager/actions-runner-manager/handlers/comment"
	"github.com/actions-runner-manager/actions-runner-manager/server"
)

func (p *program) parseCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "parse TEXT", Short: "Show which commands a comment holds", Args: oneArg("TEXT"),
		Long: `Reads TEXT as the Markdown of a comment, and shows which commands it holds, how
their words are understood, and what is wrong with them and their arguments.
Nothing is run, and nobody is asked: whether GitHub and the policy would permit
them stays open. Exits with 1 where a line is wrong.`,
		Example: `  actions-runner-manager parse '/runner-group repos-add api,web --team platform'`,
		RunE: func(_ *cobra.Command, args []string) error {
			return p.parse(args[0], asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func (p *program) parse(text string, asJSON bool) error {
	c, err := p.load()
	if err != nil { // a comment can be looked at without
		defaults := config.Defaults()
		c = &defaults
	}
	found := server.Explain(c, text)
	if asJSON {
		if err := p.printJSON(found); err != nil {
			return err
		}
		return verdict(found)
	}
	if len(found) == 0 {
		fmt.Fprintf(p.stdout, "The comment holds no command. One is a line that starts with /%s, outside code, quotes and HTML comments.\n", c.Chatops.Trigger)
	}
	for _, one := range found {
		fmt.Fprintln(p.stdout, one)
	}
	return verdict(found)
}

// verdict fails if a line is wrong; what is wrong was printed.
func verdict(found []comment.Explanation) error {
	if slices.ContainsFunc(found, func(e comment.Explanation) bool { return e.Error != "" }) {
		return failedError{}
	}
	return nil
}

// printJSON prints v for programs.
func (p *program) printJSON(v any) error {
	var text bytes.Buffer
	out := json.NewEncoder(&text)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	if err := out.Encode(v); err != nil {
		return err
	}
	_, err := p.stdout.Write(printableJSON(text.Bytes()))
	return err
}

// textIsNoFlag puts "--" before the text of parse if it begins with a dash, as a comment with
// a list does. No flag has a blank or a line break before its value.
func textIsNoFlag(args []string) []string {
	if len(args) < 2 || args[0] != "parse" || slices.Contains(args, "--") {
		return args
	}
	rest, text := args[:len(args)-1], args[len(args)-1]
	flag, _, _ := strings.Cut(text, "=")
	if !strings.HasPrefix(text, "-") || !strings.ContainsAny(flag, " \n") {
		return args
	}
	return append(slices.Clone(rest), "--", text)
}
