// Command testcount reads what `go test -json` writes and shows what people
// want to see of it: a line for each package, the whole output of what failed,
// and why each skipped test was skipped. At the end it lists each failed test with
// its last lines and the command that repeats it, then the counts in one line.
//
//	go test -json -race ./... | testcount go test -race
//
// The arguments are the command that repeats a test; without any it is "go test". With -C, up
// to three tests that failed are repeated once, by themselves and in that folder: on a busy
// machine one of thousands may be late. What raced, panicked or did not build is not.
//
// The exit status is 1 if a test or a build failed, or if no test ran at all.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
)

func main() {
	folder := flag.String("C", "", "the folder in which to repeat what failed")
	flag.Parse()
	repeat := "go test"
	if flag.NArg() > 0 {
		repeat = strings.Join(flag.Args(), " ")
	}
	r, err := scan(os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testcount:", err)
		os.Exit(1)
	}
	r.summarize(repeat)
	if *folder != "" {
		r.repeat(func(k key) error {
			cmd := exec.CommandContext(context.Background(), "bash", "-c", command(repeat, k))
			cmd.Dir, cmd.Stdout, cmd.Stderr = *folder, os.Stdout, os.Stderr
			return cmd.Run()
		})
	}
	fmt.Println(r.tally)
	if r.tally.failed > 0 || r.tally.passed == 0 {
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
	r, err := scan(in, out)
	if err == nil {
		r.summarize(repeat)
	}
	return r.tally, err
}

func scan(in io.Reader, out io.Writer) (*reader, error) {
	r := &reader{out: out, pending: map[key][]string{}, failed: map[string]bool{}, builds: map[string][]string{}}
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
			return r, fmt.Errorf("read the test run: %w", err)
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
	return r, nil
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
	for _, f := range r.leaves() {
		fmt.Fprintf(r.out, "\nFailed: %s %s\n", f.pkg, f.test)
		for _, line := range essential(f.output) {
			fmt.Fprintf(r.out, "    %s\n", line)
		}
		fmt.Fprintf(r.out, "Repeat: %s\n", command(repeat, f.key))
	}
}

// leaves are the failures without those of whose subtests one failed.
func (r *reader) leaves() []failure {
	var leaves []failure
	for _, f := range r.failures {
		if !slices.ContainsFunc(r.failures, func(sub failure) bool {
			return sub.pkg == f.pkg && f.test != "" && strings.HasPrefix(sub.test, f.test+"/")
		}) {
			leaves = append(leaves, f)
		}
	}
	return leaves
}

// mostRepeated is how many failed tests are repeated.
const mostRepeated = 3

// repeat runs what failed once more, and counts it as passed if all of it passes.
func (r *reader) repeat(run func(key) error) {
	leaves := r.leaves()
	if len(leaves) == 0 || len(leaves) > mostRepeated || slices.ContainsFunc(leaves, never) {
		return
	}
	for _, f := range leaves {
		fmt.Fprintf(r.out, "\nOnce more, by itself: %s %s\n", f.pkg, f.test)
		if err := run(f.key); err != nil {
			return
		}
	}
	fmt.Fprintf(r.out, "\nLATE: %d of the tests above failed beside the others, and passed by themselves.\n", len(leaves))
	r.tally.passed += r.tally.failed
	r.tally.failed = 0
}

// never reports whether a failure says enough without a second run.
func never(f failure) bool {
	output := strings.Join(f.output, "")
	return f.test == "" || strings.Contains(output, "DATA RACE") || strings.Contains(output, "race detected") || strings.Contains(output, "panic:")
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
