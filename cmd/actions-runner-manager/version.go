package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// A build says if the binary comes from.
type build struct{ Version, Commit string }

// buildOf takes what the linker stamped; without that, what Go itself put into the
// binary, as for `go install` and `go build` in a checkout.
func buildOf(version, commit string) build {
	b := build{Version: version, Commit: commit}
	if info, ok := debug.ReadBuildInfo(); ok {
		if main := info.Main.Version; b.Version == "" && main != "(devel)" {
			b.Version = main
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && b.Commit == "" {
				b.Commit = s.Value
			}
		}
	}
	if b.Version == "" {
		b.Version = "dev"
	}
	if b.Commit == "" {
		b.Commit = "unknown"
	}
	return b
}

// serveOrVersion is what the program does without a subcommand.
func (p *program) serveOrVersion(c *cobra.Command, args []string) error {
	if asked, err := c.Flags().GetBool("version"); err == nil && asked {
		return p.printVersion(c, args)
	}
	return p.serve(c, args)
}

func (p *program) printVersion(*cobra.Command, []string) error {
	_, err := fmt.Fprintf(p.stdout, "actions-runner-manager %s, commit %s, %s %s/%s\n",
		p.build.Version, p.build.Commit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

func (p *program) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print version, commit and Go version", Args: noArgs, RunE: p.printVersion,
	}
}
