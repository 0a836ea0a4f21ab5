package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/config"
	"github.com/actions-runner-manager/actions-runner-manager/server"
)

// The exit statuses.
const (
	exitFine   = 0
	exitFailed = 1
	exitUsage  = 2
)

// A program is one run of the binary: if it comes from and what it is connected to.
type program struct {
	build   build
	name    string   // by which it was called
	environ []string // as os.Environ returns it
	stdin   io.Reader
	stdout  io.Writer
	stderr  io.Writer

	// abort, if set, is closed if the program must end without waiting for what runs.
	abort <-chan struct{}

	configFlag string
	// listening, if set, is called with the address of the server once it can be reached.
	listening func(url string)
}

// run does what the arguments ask for, until it is done or ctx ends, and returns
// the exit status.
func run(ctx context.Context, args []string, p *program) int {
	root := p.root() //nolint:contextcheck // the commands get it from ExecuteContext
	root.SetArgs(textIsNoFlag(args))
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitFine
	}
	var silent failedError
	if !errors.As(err, &silent) {
		fmt.Fprintln(p.stderr, sentence(err))
	}
	var usage usageError
	if errors.As(err, &usage) {
		return exitUsage
	}
	return exitFailed
}

// root declares the command line.
func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "actions-runner-manager",
		Short: "Teams manage their own GitHub Actions runner groups",
		Long: `Actions Runner Manager lets the teams of a GitHub organization manage their own
runner groups, by comments on issues and over REST.

Called without a subcommand it serves. "actions-runner-manager demo" shows what
it does, on a simulated GitHub, with nothing to configure.`,
		Args: noArgs, RunE: p.serveOrVersion,
		SilenceErrors: true, SilenceUsage: true,
		SuggestionsMinimumDistance: 2,
		CompletionOptions:          cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	root.PersistentFlags().StringVar(&p.configFlag, "config", "",
		"the configuration `FILE`; by default $CONFIG_PATH, else config.yml")
	// not cobra's own, whose template makes the linker keep 3 MB that nothing uses
	root.Flags().Bool("version", false, "print version, commit and Go version")
	root.SetIn(p.stdin)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(
		p.serveCommand(),
		p.demoCommand(),
		p.configCommand(),
		p.doctorCommand(),
		p.groupsCommand(),
		p.fleetCommand(),
		p.auditCommand(),
		p.parseCommand(),
		p.replayCommand(),
		p.healthcheckCommand(),
		p.versionCommand(),
		p.referenceCommand(),
	)
	return root
}

// load reads the configuration, and holds it to what this program can do.
func (p *program) load() (*config.Config, error) {
	c, err := config.Load(p.configFlag, p.environ)
	if err != nil {
		return nil, err
	}
	mistakes := p.commandMistakes(c, "policy.confirm", func(policy config.Policy) []string { return policy.Confirm }, func(dispatch.Spec) string { return "" })
	mistakes = append(mistakes, p.commandMistakes(c, "policy.approval", func(policy config.Policy) []string { return policy.Approval }, dispatch.Spec.WhyNotApproved)...)
	if len(mistakes) > 0 {
		return nil, mistakes
	}
	return c, nil
}

// commandMistakes names what a list of commands in the policy has that no command answers to,
// and what cannot be listed there, with the reason. Package config cannot: it knows no
// commands.
func (p *program) commandMistakes(c *config.Config, key string, list func(config.Policy) []string, whyNot func(dispatch.Spec) string) config.Errors {
	name := "ARM_" + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
	path := config.Path(p.configFlag, p.environ)
	variable := ""
	if slices.ContainsFunc(p.environ, func(e string) bool { return strings.HasPrefix(e, name+"=") }) {
		path, variable = "", name
	}
	d := dispatch.NewDispatcher(&dispatch.Env{}, commands.All())
	var mistakes config.Errors
	seen := map[string]bool{}
	for _, org := range c.Organizations() {
		for _, command := range list(org.Policy) {
			spec, ok := d.Lookup(command)
			message := ""
			switch why := whyNot(spec); {
			case seen[command]:
			case !ok:
				message = d.Unknown(command).Message
			case why != "":
				message = fmt.Sprintf("cannot list %s, which %s", command, why)
			}
			seen[command] = true
			if message != "" {
				mistakes = append(mistakes, config.Mistake{File: path, Variable: variable, Key: key, Message: message})
			}
		}
	}
	return mistakes
}

// options are what the server gets from this program.
func (p *program) options(c *config.Config) server.Options {
	return server.Options{
		Config: c, ConfigPath: config.Path(p.configFlag, p.environ), Reload: p.load,
		Version: p.build.Version, Commit: p.build.Commit, Log: p.stdout, Listening: p.listening, Abort: p.abort, Drain: drain,
	}
}

// drain is long enough for a load balancer that asks /readyz a few times a second, and short
// for those who wait for the end.
const drain = time.Second

// A usageError is a call that cannot be understood.
type usageError struct{ message string }

// Error returns what is wrong and if help is.
func (e usageError) Error() string { return e.message }

func usagef(c *cobra.Command, format string, args ...any) error {
	return usageError{fmt.Sprintf(format, args...) + fmt.Sprintf(" (see %q)", c.CommandPath()+" --help")}
}

// A failedError ends the program with status 1; what is wrong was said already.
type failedError struct{}

// Error says little: it is not shown.
func (failedError) Error() string { return "failed" }

// noArgs refuses arguments, and names the subcommand that may have been meant.
func noArgs(c *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return nil
	case !c.HasAvailableSubCommands():
		return usagef(c, "unexpected argument %q", args[0])
	}
	hint := ""
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		hint = fmt.Sprintf(": did you mean %q?", near[0])
	}
	return usagef(c, "unknown command %q%s", args[0], hint)
}

// oneArg wants exactly one argument, called name in messages.
func oneArg(name string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		switch len(args) {
		case 0:
			return usagef(c, "%s is missing", name)
		case 1:
			return nil
		}
		return usagef(c, "unexpected argument %q: give one %s, in quotes where it has blanks", args[1], name)
	}
}

// family is a command that only has subcommands.
func family(use, short string, sub ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: noArgs, SuggestionsMinimumDistance: 2}
	names := make([]string, 0, len(sub))
	for _, s := range sub {
		names = append(names, s.Name())
	}
	c.RunE = func(c *cobra.Command, _ []string) error {
		return usagef(c, "say what to do: %s", strings.Join(names, ", "))
	}
	c.AddCommand(sub...)
	return c
}

// sentence is what an operator sees of an error. Unlike a caller from outside, they
// also learns the cause.
func sentence(err error) string {
	var mistakes config.Errors
	if errors.As(err, &mistakes) {
		return err.Error() // a line for each
	}
	var e *dispatch.Error
	if !errors.As(err, &e) {
		return oneLine(err.Error())
	}
	text := e.Message
	if e.Cause != nil {
		text += " (" + oneLine(e.Cause.Error()) + ")"
	}
	return text
}

// oneLine joins the lines of an error, each once: a database that cannot be reached
// says so for each of its addresses.
func oneLine(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		line = strings.Join(strings.Fields(line), " ")
		if line != "" && !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	var b strings.Builder
	for i, line := range lines {
		if i > 0 && strings.HasSuffix(lines[i-1], ":") {
			b.WriteByte(' ')
		} else if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(line)
	}
	return b.String()
}
