package main

import (
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
			want:  "1 passed, 1 failed, 0 skipped",
			shows: []string{"want 1, have 2", "FAIL p 1.2s"},
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
			shows: []string{"undefined: y", "[build failed]"},
		},
		{
			name: "a panic is one failure, with what the test had said",
			in: `{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestA","Output":"panic: oh\n"}
{"Action":"fail","Package":"p"}
`,
			want:  "0 passed, 1 failed, 0 skipped",
			shows: []string{"panic: oh"},
		},
		{
			name: "a run that breaks off is a failure",
			in: `{"Action":"run","Package":"p","Test":"TestA"}
`,
			want:  "0 passed, 1 failed, 0 skipped",
			shows: []string{"CUT OFF: p TestA"},
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
			got, err := read(strings.NewReader(tt.in), &out)
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
