package main

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/config"
	"github.com/actions-runner-manager/actions-runner-manager/server"
)

// TestDocumentPrograms refuses an inline line that calls a program of which no test knows.
func TestDocumentPrograms(t *testing.T) {
	known := slices.Concat([]string{"make", "curl", "actions-runner-manager", "arm", "/runner-group"}, shellPrograms(), slices.Collect(maps.Keys(notRun())))
	for _, spec := range dispatch.NewDispatcher(&dispatch.Env{}, commands.All()).Specs() {
		known = append(append(known, spec.Name), spec.Aliases...)
	}
	for _, c := range (&program{}).root().Commands() {
		known = append(known, c.Name())
	}
	call := regexp.MustCompile(`^[a-z./][\w./-]*( \S+)* -{1,2}[a-z]`)
	for _, d := range documents(t) {
		for _, s := range d.sections {
			for _, span := range s.of(inline) {
				if call.MatchString(span) {
					assert.Contains(t, append(known, "config.sh"), programOf(span), "%s: %s", d.path, span)
				}
			}
		}
	}
}

// TestDocumentFragments reads what documents quote of commands: in comments, and of the program.
func TestDocumentFragments(t *testing.T) {
	defaults := config.Defaults()
	d := dispatch.NewDispatcher(&dispatch.Env{}, commands.All())
	root := (&program{}).root()
	for _, doc := range documents(t) {
		if doc.path == "CHANGELOG.md" { // it quotes what was valid once
			continue
		}
		for _, s := range doc.sections {
			for _, span := range s.of(inline) {
				name := programOf(span)
				if _, ok := d.Lookup(name); ok {
					for _, found := range server.Explain(&defaults, "/runner-group "+placed(span)) {
						if !strings.Contains(found.Error, "needs a value") { // it quotes the flag
							assert.Empty(t, found.Error, "%s: %s", doc.path, span)
						}
					}
				} else if sub, rest, err := root.Find(strings.Fields(placed(span))); err == nil && sub != root && name != "" && name != "actions-runner-manager" {
					assert.NoError(t, sub.ParseFlags(rest), "%s: %s", doc.path, span)
				}
			}
		}
	}
}

// placed puts a value where a document says that there may be several.
func placed(line string) string {
	return regexp.MustCompile(`(\w+)(\|\w+)+`).ReplaceAllString(line, "$1")
}
