package config

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// A Mistake is one thing that is wrong with the configuration. Its message says what
// would be right and never repeats a value: that could be a secret in the wrong place.
type Mistake struct {
	File         string // empty if no file is to blame
	Line, Column int    // from 1; 0 if the file as a whole is to blame
	Variable     string // the environment variable that is to blame, if one is
	Key          string // such as server.port or orgs[1].policy.groups
	Message      string
}

// Error returns the mistake in one line: config.yml:12:3: server.port: must be …
func (m Mistake) Error() string {
	var b strings.Builder
	switch {
	case m.Variable != "":
		b.WriteString(m.Variable + ": ")
	case m.File != "" && m.Line > 0:
		fmt.Fprintf(&b, "%s:%d:%d: ", m.File, m.Line, m.Column)
	case m.File != "":
		b.WriteString(m.File + ": ")
	}
	if m.Key != "" {
		b.WriteString(m.Key + ": ")
	}
	return b.String() + m.Message
}

// Errors are all mistakes of a configuration: those of the file in its order, then
// those of the environment.
type Errors []Mistake

// Error returns one line for each mistake.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, m := range e {
		lines[i] = m.Error()
	}
	return strings.Join(lines, "\n")
}

func (e Errors) sort() {
	slices.SortStableFunc(e, func(a, b Mistake) int {
		return cmp.Or(
			cmp.Compare(a.Variable, b.Variable),
			cmp.Compare(lineOrLast(a.Line), lineOrLast(b.Line)),
			cmp.Compare(a.Column, b.Column),
		)
	})
}

func lineOrLast(line int) int {
	if line == 0 {
		return int(^uint(0) >> 1)
	}
	return line
}

var plainName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,40}$`)

// shown returns a name from the file as it may be printed. What does not look like a
// name is not shown: a line of a private key that slipped out of its place is "a key", too.
func shown(name string) string {
	if plainName.MatchString(name) {
		return name
	}
	return "(not a plain name)"
}

// nearest returns the candidate that was probably meant, or "".
func nearest(name string, candidates []string) string {
	best, least := "", max(2, len(name)/3)+1
	for _, candidate := range candidates {
		if d := distance(strings.ToLower(name), strings.ToLower(candidate)); d < least && d < len(candidate) {
			best, least = candidate, d
		}
	}
	return best
}

// distance counts the letters to insert, delete or replace to get from a to b.
func distance(a, b string) int {
	if len(a) > 64 {
		return len(a) // no key is that long; do not spend time on it
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
