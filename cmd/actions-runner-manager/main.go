// Command actions-runner-manager lets the teams of a GitHub organization manage
// their own runner groups, by comments and over REST.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// If the binary comes from; the build stamps them with -ldflags "-X main.version=…".
var version, commit string

//go:generate go run . reference --output ../../docs/reference.md

func main() {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as nohup asks for
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	// The first signal asks for a graceful end; from then on the next one kills.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], &program{
		build: buildOf(version, commit), name: os.Args[0], environ: os.Environ(),
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr,
	}))
}
