package main

import (
	"io"
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	tests := []struct {
		name  string
		in    string
		want  string
		shows []string
	}{
		{
			name: "each result counts, and the output of what failed is shown",
			in: `{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestA","Output":"boring\n"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"run","Package":"p","Test":"TestB"}
{"Action":"output","Package":"p","Test":"TestB","Output":"    b_test.go:7: want 1, have 2\n"}
{"Action":"fail","Package":"p","Test":"TestB"}
{"Action":"fail","Package":"p","Elapsed":1.25}
`,
			want: "1 passed, 1 failed, 0 skipped",
			shows: []string{
				"want 1, have 2", "FAIL p 1.2s",
				"\nFailed: p TestB\n        b_test.go:7: want 1, have 2\nRepeat: go test -count=1 -run '^TestB$' p\n",
			},
		},
		{
			name: "a skipped test says why",
			in: `{"Action":"run","Package":"p","Test":"TestPG"}
{"Action":"output","Package":"p","Test":"TestPG","Output":"=== RUN   TestPG\n"}
{"Action":"output","Package":"p","Test":"TestPG","Output":"    pg_test.go:9: no PostgreSQL here\n"}
{"Action":"output","Package":"p","Test":"TestPG","Output":"--- SKIP: TestPG (0.00s)\n"}
{"Action":"skip","Package":"p","Test":"TestPG"}
{"Action":"pass","Package":"p"}
`,
			want:  "0 passed, 0 failed, 1 skipped",
			shows: []string{"p TestPG: pg_test.go:9: no PostgreSQL here"},
		},
		{
			name: "a package that does not build is one failure",
			in: `{"ImportPath":"p","Action":"build-output","Output":"p/x.go:3: undefined: y\n"}
{"ImportPath":"p","Action":"build-fail"}
{"Action":"start","Package":"p"}
{"Action":"output","Package":"p","Output":"FAIL\tp [build failed]\n"}
{"Action":"fail","Package":"p","FailedBuild":"p"}
`,
			want:  "0 passed, 1 failed, 0 skipped",
			shows: []string{"undefined: y", "[build failed]", "p/x.go:3: undefined: y\nRepeat: go test -count=1 p\n"},
		},
		{
			name: "a panic is one failure, with what the test had said",
			in: `{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestA","Output":"panic: oh\n"}
{"Action":"fail","Package":"p"}
`,
			want:  "0 passed, 1 failed, 0 skipped",
			shows: []string{"panic: oh", "Failed: p \n    panic: oh\nRepeat: go test -count=1 p\n"},
		},
		{
			name: "a run that breaks off is a failure",
			in: `{"Action":"run","Package":"p","Test":"TestA"}
`,
			want:  "0 passed, 1 failed, 0 skipped",
			shows: []string{"CUT OFF: p TestA"},
		},
		{
			name: "of a failed subtest, only the essential is repeated",
			in: `{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"run","Package":"p","Test":"TestA/it's_a_(sub)"}
{"Action":"output","Package":"p","Test":"TestA/it's_a_(sub)","Output":"=== RUN   TestA/it's_a_(sub)\n"}
{"Action":"output","Package":"p","Test":"TestA/it's_a_(sub)","Output":"{\"level\":\"info\"}\n"}
{"Action":"output","Package":"p","Test":"TestA/it's_a_(sub)","Output":"    a_test.go:1: oh\n"}
{"Action":"fail","Package":"p","Test":"TestA/it's_a_(sub)"}
{"Action":"fail","Package":"p","Test":"TestA"}
{"Action":"fail","Package":"p"}
`,
			want: "0 passed, 2 failed, 0 skipped",
			shows: []string{
				"FAIL p 0.0s\n\nFailed: p TestA/it's_a_(sub)\n        a_test.go:1: oh\n" +
					`Repeat: go test -count=1 -run '^TestA$/^it'\''s_a_\(sub\)$' p` + "\n",
			},
		},
		{
			name:  "what go itself says is passed on",
			in:    "go: updates to go.mod needed\n",
			want:  "0 passed, 0 failed, 0 skipped",
			shows: []string{"updates to go.mod needed"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			got, err := read(strings.NewReader(tt.in), &out, "go test")
			if err != nil {
				t.Fatal(err)
			}
			if got.String() != tt.want {
				t.Errorf("counted %q, want %q", got, tt.want)
			}
			for _, s := range tt.shows {
				if !strings.Contains(out.String(), s) {
					t.Errorf("does not show %q:\n%s", s, &out)
				}
			}
		})
	}
}

func TestEssential(t *testing.T) {
	var output []string
	for range 100 {
		output = append(output, strings.Repeat("x", 1000)+"\n")
	}
	got := essential(output)
	if len(got) != lastLines {
		t.Errorf("%d lines, want %d", len(got), lastLines)
	}
	if want := strings.Repeat("x", lineWidth) + "…"; got[0] != want {
		t.Errorf("the line is %q", got[0])
	}
}

// What failed is repeated if it is little, and neither raced nor panicked.
func TestRepeat(t *testing.T) {
	failed := func(test, output string) string {
		return `{"Action":"run","Package":"p","Test":"` + test + `"}` + "\n" +
			`{"Action":"output","Package":"p","Test":"` + test + `","Output":"` + output + `"}` + "\n" +
			`{"Action":"fail","Package":"p","Test":"` + test + `"}` + "\n"
	}
	for _, tt := range []struct {
		name, in string
		err      error
		runs     int
		want     string
	}{
		{"late", failed("TestA/b", "late") + failed("TestA", ""), nil, 1, "2 passed, 0 failed, 0 skipped"},
		{"wrong", failed("TestA", "wrong"), io.EOF, 1, "0 passed, 1 failed, 0 skipped"},
		{"raced", failed("TestA", "WARNING: DATA RACE"), nil, 0, "0 passed, 1 failed, 0 skipped"},
		{"too many", failed("TestA", "") + failed("TestB", "") + failed("TestC", "") + failed("TestD", ""), nil, 0, "0 passed, 4 failed, 0 skipped"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := scan(strings.NewReader(tt.in), io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			runs := 0
			r.repeat(func(key) error { runs++; return tt.err })
			if runs != tt.runs || r.tally.String() != tt.want {
				t.Errorf("%d runs, %s", runs, r.tally)
			}
		})
	}
}
