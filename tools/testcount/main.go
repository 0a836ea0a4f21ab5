// Command testcount reads what `go test -json` writes and shows what people
// want to see of it: a line for each package, the whole output of what failed,
// and why each skipped test was skipped. At the end it lists each failed test with
// its last lines and the command that repeats it, then the counts in one line.
//
//	go test -json -race ./... | testcount go test -race
//
// The arguments are the command that repeats a test; without any it is "go test".
// The exit status is 1 if a test or a build failed, or if no test ran at all.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
)

func main() {
	repeat := "go test"
	if len(os.Args) > 1 {
		repeat = strings.Join(os.Args[1:], " ")
	}
	tally, err := read(os.Stdin, os.Stdout, repeat)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testcount:", err)
		os.Exit(1)
	}
	fmt.Println(tally)
	if tally.failed > 0 || tally.passed == 0 {
		os.Exit(1)
	}
}

// An event is one line of the stream; see `go doc test2json`.
type event struct {
	Action      string
	Package     string
	ImportPath  string // of a build's output
	Test        string
	Output      string
	Elapsed     float64 // seconds
	FailedBuild string
}

// A tally counts results: tests and subtests alike, each line that `go test -v`
// would print a result on.
type tally struct{ passed, failed, skipped int }

// String is the closing line; other programs read it.
func (t tally) String() string {
	return fmt.Sprintf("%d passed, %d failed, %d skipped", t.passed, t.failed, t.skipped)
}

// A key identifies a test. If test is empty, it is a package or a build.
type key struct{ pkg, test string }

// A failure is a test that failed, or if test is empty a package without a failed test.
type failure struct {
	key
	output []string
}

// A reader keeps the output of whatever has not ended yet.
type reader struct {
	out      io.Writer
	tally    tally
	pending  map[key][]string
	failed   map[string]bool     // packages in which a test failed
	failures []failure           // in the order in which they ended
	builds   map[string][]string // output of the builds that failed, by import path
	skips    []string
}

// read copies what matters from in, the output of go test -json, to out. Repeat is
// the command that runs a test, without the package and the test's name.
func read(in io.Reader, out io.Writer, repeat string) (tally, error) {
	r := reader{out: out, pending: map[key][]string{}, failed: map[string]bool{}, builds: map[string][]string{}}
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadString('\n')
		var e event
		switch {
		case strings.HasPrefix(line, "{") && json.Unmarshal([]byte(line), &e) == nil:
			r.event(e)
		case line != "": // not ours: go itself complains
			fmt.Fprint(out, line)
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return r.tally, fmt.Errorf("read the test run: %w", err)
		}
	}
	// What never ended was cut off, by a panic or a time-out.
	for k := range r.pending {
		if k.test != "" && !r.failed[k.pkg] {
			fmt.Fprintf(out, "--- CUT OFF: %s %s\n", k.pkg, k.test)
			r.fail(k, r.pending[k])
		}
	}
	if len(r.skips) > 0 {
		slices.Sort(r.skips)
		fmt.Fprintf(out, "\nSkipped:\n%s\n", strings.Join(r.skips, "\n"))
	}
	r.summarize(repeat)
	return r.tally, nil
}

func (r *reader) event(e event) {
	k := key{e.Package, e.Test}
	if e.ImportPath != "" {
		k.pkg = e.ImportPath
	}
	switch e.Action {
	case "run":
		r.pending[k] = nil
	case "output", "build-output":
		r.pending[k] = append(r.pending[k], e.Output)
	case "pass", "fail", "skip", "build-fail":
		r.end(k, e)
		delete(r.pending, k)
	}
}

func (r *reader) end(k key, e event) {
	output := r.pending[k]
	switch {
	case e.Action == "build-fail":
		r.builds[k.pkg] = output
		fmt.Fprint(r.out, strings.Join(output, ""))
	case k.test == "":
		r.endPackage(k, e, output)
	case e.Action == "pass":
		r.tally.passed++
	case e.Action == "skip":
		r.tally.skipped++
		r.skips = append(r.skips, fmt.Sprintf("  %s %s: %s", e.Package, e.Test, reason(output)))
	default:
		r.fail(k, output)
		r.failed[k.pkg] = true
		fmt.Fprint(r.out, strings.Join(output, ""))
	}
}

// endPackage prints the package's line. A package that failed without a failed
// test (it did not build, it called os.Exit) counts as one failure.
func (r *reader) endPackage(k key, e event, output []string) {
	if e.Action == "fail" && !r.failed[k.pkg] {
		r.failed[k.pkg] = true
		fmt.Fprint(r.out, strings.Join(output, ""))
		for other, rest := range r.pending {
			if other.pkg == k.pkg && other.test != "" {
				fmt.Fprint(r.out, strings.Join(rest, ""))
				output = append(output, rest...)
			}
		}
		output = append(output, r.builds[e.FailedBuild]...)
		r.fail(k, output)
	}
	word := map[string]string{"pass": "ok  ", "fail": "FAIL", "skip": "-   "}[e.Action]
	note := ""
	if e.Action == "skip" {
		note = " [no test files]"
	}
	fmt.Fprintf(r.out, "%s %s %.1fs%s\n", word, k.pkg, e.Elapsed, note)
}

const (
	lastLines = 15  // shown of each failure at the end
	lineWidth = 300 // bytes of each of these lines
)

func (r *reader) fail(k key, output []string) {
	r.tally.failed++
	r.failures = append(r.failures, failure{k, output})
}

// summarize writes what failed and how to repeat it. A test whose subtests failed is
// left out, because they are listed.
func (r *reader) summarize(repeat string) {
	for _, f := range r.failures {
		if slices.ContainsFunc(r.failures, func(sub failure) bool {
			return sub.pkg == f.pkg && f.test != "" && strings.HasPrefix(sub.test, f.test+"/")
		}) {
			continue
		}
		fmt.Fprintf(r.out, "\nFailed: %s %s\n", f.pkg, f.test)
		for _, line := range essential(f.output) {
			fmt.Fprintf(r.out, "    %s\n", line)
		}
		fmt.Fprintf(r.out, "Repeat: %s\n", command(repeat, f.key))
	}
}

// command returns the shell command that runs only k.
func command(repeat string, k key) string {
	if k.test == "" {
		return repeat + " -count=1 " + k.pkg
	}
	parts := strings.Split(k.test, "/")
	for i, part := range parts {
		parts[i] = "^" + regexp.QuoteMeta(part) + "$"
	}
	pattern := strings.ReplaceAll(strings.Join(parts, "/"), "'", `'\''`)
	return repeat + " -count=1 -run '" + pattern + "' " + k.pkg
}

// essential returns the last lines of output, without what go test adds and without
// lines of a JSON log.
func essential(output []string) []string {
	var lines []string
	for line := range strings.Lines(strings.Join(output, "")) {
		line = strings.TrimRight(line, "\n\r\t ")
		start := strings.TrimSpace(line)
		if start == "" || strings.HasPrefix(start, "=== ") || strings.HasPrefix(start, "--- ") || strings.HasPrefix(start, `{"`) {
			continue
		}
		if len(line) > lineWidth {
			line = strings.ToValidUTF8(line[:lineWidth], "") + "…"
		}
		lines = append(lines, line)
	}
	return lines[max(0, len(lines)-lastLines):]
}

// reason is what the test said before it was skipped.
func reason(output []string) string {
	var said []string
	for _, line := range output {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "===") && !strings.HasPrefix(line, "---") {
			said = append(said, line)
		}
	}
	if len(said) == 0 {
		return "no reason given"
	}
	return strings.Join(said, " ")
}
