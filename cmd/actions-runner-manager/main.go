// Command actions-runner-manager lets the teams of a GitHub organization manage
// their own runner groups, by comments and over REST.
package main

import "os"

// Where the binary comes from; the build stamps them with -ldflags "-X main.version=…".
var version, commit string

//go:generate go run . reference --output ../../docs/reference.md

func main() {
	ctx, abort := onSignals()
	os.Exit(run(ctx, os.Args[1:], &program{
		build: buildOf(version, commit), name: os.Args[0], environ: os.Environ(), abort: abort,
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr,
	}))
}
