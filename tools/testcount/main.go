// Command testcount reads what `go test -json` writes and shows what people
// want to see of it: a line for each package, the whole output of what failed,
// why each skipped test was skipped, and one closing line with the counts.
//
//	go test -json ./... | testcount
//
// It exits 1 where a test or a build failed, or where no test ran at all.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

func main() {
	tally, err := read(os.Stdin, os.Stdout)
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

// key names a test, or with an empty test a package or a build.
type key struct{ pkg, test string }

// reader keeps the output of whatever has not ended yet.
type reader struct {
	out     io.Writer
	tally   tally
	pending map[key][]string
	failed  map[string]bool // packages in which a test failed
	skips   []string
}

func read(in io.Reader, out io.Writer) (tally, error) {
	r := reader{out: out, pending: map[key][]string{}, failed: map[string]bool{}}
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
			r.tally.failed++
		}
	}
	if len(r.skips) > 0 {
		slices.Sort(r.skips)
		fmt.Fprintf(out, "\nSkipped:\n%s\n", strings.Join(r.skips, "\n"))
	}
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
		fmt.Fprint(r.out, strings.Join(output, ""))
	case k.test == "":
		r.endPackage(k, e, output)
	case e.Action == "pass":
		r.tally.passed++
	case e.Action == "skip":
		r.tally.skipped++
		r.skips = append(r.skips, fmt.Sprintf("  %s %s: %s", e.Package, e.Test, reason(output)))
	default:
		r.tally.failed++
		r.failed[k.pkg] = true
		fmt.Fprint(r.out, strings.Join(output, ""))
	}
}

// endPackage prints the package's line. A package that failed without a failed
// test (it did not build, it called os.Exit) counts as one failure.
func (r *reader) endPackage(k key, e event, output []string) {
	if e.Action == "fail" && !r.failed[k.pkg] {
		r.tally.failed++
		r.failed[k.pkg] = true
		fmt.Fprint(r.out, strings.Join(output, ""))
		for other, rest := range r.pending {
			if other.pkg == k.pkg && other.test != "" {
				fmt.Fprint(r.out, strings.Join(rest, ""))
			}
		}
	}
	word := map[string]string{"pass": "ok  ", "fail": "FAIL", "skip": "-   "}[e.Action]
	note := ""
	if e.Action == "skip" {
		note = " [no test files]"
	}
	fmt.Fprintf(r.out, "%s %s %.1fs%s\n", word, k.pkg, e.Elapsed, note)
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
