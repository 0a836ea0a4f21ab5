package dispatch

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/costtest"
)

type sampleArgs struct {
	Team  string    `arg:"team,required" doc:"the team"`
	Items []string  `arg:"items,positional" doc:"some items"`
	Maybe *[]string `arg:"maybe" doc:"a list that may be empty"`
	Flag  bool      `arg:"flag" doc:"a flag"`
	Limit int       `arg:"limit" doc:"a number"`
	Since Since     `arg:"since" doc:"a time"`
}

func noRun[A any](context.Context, *Call, A) (Result, error) { return Result{}, nil }

func sample() Command {
	return Define(Spec{Name: "sample", Method: "POST", Summary: "Show what arguments become"}, noRun[sampleArgs])
}

func named(pairs ...string) (a Args) {
	for i := 0; i+1 < len(pairs); i += 2 {
		a.Add(pairs[i], pairs[i+1])
	}
	return a
}

func TestDecode(t *testing.T) {
	long := strings.Repeat("x", maxValueLength+1)
	for _, test := range []struct {
		name   string
		args   Args
		want   sampleArgs
		reason Reason
	}{
		{"the least", named("team", "a"), sampleArgs{Team: "a"}, ""},
		{"blanks around", named("team", " a "), sampleArgs{Team: "a"}, ""},
		{"the same twice", Args{Named: []NamedArg{{"team", []string{"a", "a"}}}}, sampleArgs{Team: "a"}, ""},
		{"two values of one", Args{Named: []NamedArg{{"team", []string{"a", "b"}}}}, sampleArgs{}, ReasonInvalidArgument},
		{"nothing", Args{}, sampleArgs{}, ReasonMissingArgument},
		{"only blanks", named("team", "  "), sampleArgs{}, ReasonMissingArgument},
		{"unknown", named("team", "a", "tem", "b"), sampleArgs{}, ReasonUnknownArgument},
		{"a list with commas", named("team", "a", "items", "x, y,,X"), sampleArgs{Team: "a", Items: []string{"x", "y"}}, ""},
		{"a list as JSON", named("team", "a", "items", `["x", "y z"]`), sampleArgs{Team: "a", Items: []string{"x", "y z"}}, ""},
		{"JSON without its quotes", named("team", "a", "items", `[x, y]`), sampleArgs{Team: "a", Items: []string{"x", "y"}}, ""},
		{"JSON of numbers", named("team", "a", "items", `[{"a":1}]`), sampleArgs{}, ReasonInvalidArgument},
		{"JSON cut off", named("team", "a", "items", `["x"`), sampleArgs{}, ReasonInvalidArgument},
		{"a list of words", Args{Positional: []string{"x,", "y"}, Named: named("team", "a").Named}, sampleArgs{Team: "a", Items: []string{"x", "y"}}, ""},
		{"words and a flag", Args{Positional: []string{"x"}, Named: named("team", "a", "items", "y").Named}, sampleArgs{Team: "a", Items: []string{"y", "x"}}, ""},
		{"a repeated list", Args{Named: []NamedArg{{"team", []string{"a"}}, {"items", []string{"x", "y"}}}}, sampleArgs{Team: "a", Items: []string{"x", "y"}}, ""},
		{"an empty list that is not none", named("team", "a", "maybe", ""), sampleArgs{Team: "a", Maybe: &[]string{}}, ""},
		{"too many items", named("team", "a", "items", manyItems(maxItems+1)), sampleArgs{}, ReasonInvalidArgument},
		{"a flag", named("team", "a", "flag", "TRUE"), sampleArgs{Team: "a", Flag: true}, ""},
		{"no flag", named("team", "a", "flag", "false"), sampleArgs{Team: "a"}, ""},
		{"a flag that is neither", named("team", "a", "flag", "perhaps"), sampleArgs{}, ReasonInvalidArgument},
		{"a number", named("team", "a", "limit", "7"), sampleArgs{Team: "a", Limit: 7}, ""},
		{"a number below zero", named("team", "a", "limit", "-7"), sampleArgs{}, ReasonInvalidArgument},
		{"a number that is too large", named("team", "a", "limit", "99999999999999999999"), sampleArgs{}, ReasonInvalidArgument},
		{"days ago", named("team", "a", "since", "7d"), sampleArgs{Team: "a", Since: Since{Ago: 7 * 24 * time.Hour}}, ""},
		{"hours ago", named("team", "a", "since", "24h"), sampleArgs{Team: "a", Since: Since{Ago: 24 * time.Hour}}, ""},
		{"a date", named("team", "a", "since", "2026-01-31"), sampleArgs{Team: "a", Since: Since{At: time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)}}, ""},
		{"no time", named("team", "a", "since", "yesterday"), sampleArgs{}, ReasonInvalidArgument},
		{"a time in the future", named("team", "a", "since", "-1h"), sampleArgs{}, ReasonInvalidArgument},
		{"too long", named("team", long), sampleArgs{}, ReasonInvalidArgument},
		{"a control character", named("team", "a\x00b"), sampleArgs{}, ReasonInvalidArgument},
		{"an invisible character", named("team", "a\u200bb"), sampleArgs{}, ReasonInvalidArgument},
		{"text that turns around", named("team", "a", "items", "x,\u202ey"), sampleArgs{}, ReasonInvalidArgument},
		{"no UTF-8", named("team", "a\xff"), sampleArgs{}, ReasonInvalidArgument},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := decodeArgs(sample(), test.args)
			assert.Equal(t, test.reason, ReasonOf(err))
			if test.reason == "" {
				require.NoError(t, err)
				assert.Equal(t, test.want, got)
			}
		})
	}
}

// decodeArgs decodes args as the command's over REST, in the organization acme.
func decodeArgs(c Command, args Args) (any, error) {
	d, err := c.decode(&Call{Request: Request{Channel: REST, Args: args}, Spec: c.Spec, Org: &Org{Login: "acme"}})
	return d.args, err
}

type teamArgs struct {
	Team string `arg:"team,required" doc:"the team"`
}

type wordArgs struct {
	Word string `arg:"word,positional" doc:"a word"`
}

func TestDecodeWithoutPositional(t *testing.T) {
	_, err := decodeArgs(Define(Spec{Name: "create", Method: "POST", Summary: "Create"}, noRun[teamArgs]), Args{Positional: []string{"platform"}})
	assert.Equal(t, ReasonUnknownArgument, ReasonOf(err))
	_, err = decodeArgs(Define(Spec{Name: "explain", Method: "GET", Summary: "Explain"}, noRun[wordArgs]), Args{Positional: []string{"repos-add", "repos-set"}})
	assert.Equal(t, ReasonUnknownArgument, ReasonOf(err))
	_, err = decodeArgs(sample(), named("team", "a", "itms", "x"))
	assert.ErrorContains(t, err, "Did you mean `items`?")
}

// Decoding does not change what the channel found: it may be decoded again.
func TestDecodeKeepsArguments(t *testing.T) {
	args := Args{Positional: []string{"x"}, Named: []NamedArg{{"team", []string{"a"}}, {"items", append(make([]string, 0, 9), "y")}}}
	for range 2 {
		got, err := decodeArgs(sample(), args)
		require.NoError(t, err)
		assert.Equal(t, []string{"y", "x"}, got.(sampleArgs).Items)
	}
	assert.Equal(t, []string{"y"}, args.Named[1].Values)
}

func manyItems(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("i" + strings.Repeat("x", i%7) + time.Duration(i).String() + ",")
	}
	return b.String()
}

func TestSince(t *testing.T) {
	now := time.Date(2026, 2, 1, 12, 0, 0, 0, time.UTC)
	assert.Equal(t, now.Add(-time.Hour), Since{Ago: time.Hour}.Time(now))
	assert.Equal(t, now, Since{At: now}.Time(now.Add(time.Hour)))
	assert.True(t, Since{}.Time(now).IsZero())
}

func FuzzDecode(f *testing.F) {
	f.Add("platform", "items", "a,b", "word")
	f.Add("", "maybe", `["x"]`, "")
	f.Add("a", "since", "7d", "[x")
	f.Add("a", "limit", "-1", "\x00")
	f.Add("a", "flag", "TRUE", "\u202e")
	f.Fuzz(func(t *testing.T, team, name, value, word string) {
		for _, command := range []Command{sample()} {
			args := Args{Positional: strings.Fields(word), Named: []NamedArg{{"team", []string{team}}}}
			args.Add(name, value)
			var got any
			var err error
			costtest.Bounded(t, len(team)+len(name)+len(value)+len(word), func() { got, err = decodeArgs(command, args) })
			var known *Error
			if err != nil && (!errors.As(err, &known) || known.Status() != 400) {
				t.Fatalf("%s: %v is no refusal of arguments", command.Name, err)
			}
			if err != nil {
				continue
			}
			decoded := reflect.ValueOf(got)
			for i := range decoded.NumField() {
				if items, ok := decoded.Field(i).Interface().([]string); ok && len(items) > maxItems {
					t.Fatalf("%d items", len(items))
				}
			}
		}
	})
}
