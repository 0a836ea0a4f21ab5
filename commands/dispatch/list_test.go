package dispatch

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The elements of a JSON array are items as they are. What is written with commas is split,
// in every value, however many there are.
func TestListItems(t *testing.T) {
	for _, test := range []struct {
		name   string
		values []string
		want   []string
		fails  bool
	}{
		{"commas", []string{"a,b, c ,,A"}, []string{"a", "b", "c"}, false},
		{"repeated", []string{"a,b", "c"}, []string{"a", "b", "c"}, false},
		{"an array", []string{`["com,ma"," b ","B",""]`}, []string{"com,ma", "b"}, false},
		{"an array beside a list", []string{`["com,ma"]`, "a,b"}, []string{"com,ma", "a", "b"}, false},
		{"a whole item", []string{WholeItem("com,ma"), WholeItem("com,ma"), WholeItem("a")}, []string{"com,ma", "a"}, false},
		{"a whole item like an array", []string{WholeItem(` ["x"]`)}, []string{`["x"]`}, false},
		{"an array that is not closed", []string{"[a,b"}, nil, true},
		{"brackets without quotes", []string{"[a, b]"}, []string{"a", "b"}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := listOf("items", test.values)
			assert.Equal(t, test.fails, err != nil)
			assert.Equal(t, test.want, got)
		})
	}
}

// Words of a comment are lists of their own, but for an array that blanks have torn apart.
func TestListWords(t *testing.T) {
	for line, want := range map[string][]string{
		"a, b":               {"a", "b"},
		"a ,b":               {"a", "b"},
		"a b":                {"a", "b"},
		"[a, b] c":           {"a", "b", "c"},
		`["com,ma"] c,d`:     {"com,ma", "c", "d"},
		`c ["com,ma", "d" ]`: {"c", "com,ma", "d"},
	} {
		got, err := decodeArgs(sample(), Args{Positional: strings.Fields(line), Named: named("team", "a").Named})
		require.NoError(t, err, line)
		assert.Equal(t, want, got.(sampleArgs).Items, line)
	}
}

type teamFlagArgs struct {
	Team  Team   `arg:"team,required" doc:"the team"`
	Other Team   `arg:"other" doc:"another team"`
	Name  string `arg:"name" doc:"a name"`
}

type namedArgs struct {
	Team Team   `arg:"team,required" doc:"the team"`
	Name string `arg:"name,positional" doc:"a name"`
}

// A command without a list takes its team as the positional argument.
func TestPositionalTeam(t *testing.T) {
	command := Define(Spec{Name: "show", Method: "GET", Summary: "Show"}, noRun[teamFlagArgs])
	for _, test := range []struct {
		name   string
		args   Args
		want   Team
		reason Reason
	}{
		{"a word", Args{Positional: []string{"Platform"}}, "platform", ""},
		{"a full name", Args{Positional: []string{"@acme/platform"}}, "platform", ""},
		{"with another flag", Args{Positional: []string{"platform"}, Named: named("other", "web").Named}, "platform", ""},
		{"a blank", Args{Positional: []string{" "}}, "", ReasonMissingArgument},
		{"two words", Args{Positional: []string{"platform", "web"}}, "", ReasonUnknownArgument},
		{"two teams", Args{Positional: []string{"platform,web"}}, "", ReasonInvalidArgument},
		{"with the flag too", Args{Positional: []string{"platform"}, Named: named("team", "web").Named}, "", ReasonInvalidArgument},
		{"with the flag too, the same", Args{Positional: []string{"platform"}, Named: named("team", "platform").Named}, "", ReasonInvalidArgument},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := decodeArgs(command, test.args)
			assert.Equal(t, test.reason, ReasonOf(err))
			if test.reason == "" {
				assert.Equal(t, test.want, got.(teamFlagArgs).Team)
				assert.Equal(t, string(test.want), strings.ToLower(strings.TrimPrefix(command.TeamIn(test.args), "@acme/")))
			}
		})
	}
	got, err := decodeArgs(Define(Spec{Name: "name", Method: "GET", Summary: "Name"}, noRun[namedArgs]), Args{Positional: []string{"x"}, Named: named("team", "a").Named})
	require.NoError(t, err)
	assert.Equal(t, namedArgs{Team: "a", Name: "x"}, got, "what is declared comes first")
}
