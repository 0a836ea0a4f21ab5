package dispatch

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Positional returns the parameter that the words without a flag are for: the one that is
// declared so, or else the team.
func (s Spec) Positional() (Param, bool) {
	if p, ok := s.declaredPositional(); ok {
		return p, true
	}
	team, _ := s.Param("team")
	return team, team.Team
}

func (s Spec) declaredPositional() (Param, bool) {
	i := slices.IndexFunc(s.Params, func(p Param) bool { return p.Positional })
	if i < 0 {
		return Param{}, false
	}
	return s.Params[i], true
}

// TeamIn returns the team that the arguments name, "" if they name none.
func (s Spec) TeamIn(args Args) string {
	given, _ := args.Get("team")
	if p, ok := s.Positional(); ok && p.Name == "team" && len(given) == 0 {
		given = args.Positional
	}
	for _, team := range given {
		if team = strings.TrimSpace(team); team != "" {
			return team
		}
	}
	return ""
}

// placePositional moves the words that belong to no flag to the argument that they are for.
func placePositional(spec Spec, args Args, channel Channel) (Args, error) {
	if len(args.Positional) == 0 {
		return args, nil
	}
	p, ok := spec.Positional()
	if !ok {
		return args, Refuse(ReasonUnknownArgument, "`%s` takes no argument without a flag; it got %s.",
			spec.Name, Quote(args.Positional[0]))
	}
	words := args.Positional
	_, twice := args.Get(p.Name)
	switch {
	case p.Kind == KindList:
		words = joinArrays(words)
	case len(words) > 1:
		return args, Refuse(ReasonUnknownArgument, "`%s` takes one word for %s; %s is one too many.",
			spec.Name, p.NameIn(channel), Quote(words[1]))
	case p.Name == "team" && twice:
		return args, Refuse(ReasonInvalidArgument, "`%s` got the team twice: %s and %s. Leave one out.%s",
			spec.Name, Quote(words[0]), channel.Argument("team"), spec.nameLine(args))
	}
	placed := Args{Named: slices.Clone(args.Named)}
	for i := range placed.Named {
		placed.Named[i].Values = slices.Clone(placed.Named[i].Values)
	}
	placed.Add(p.Name, words...)
	return placed, nil
}

// joinArrays puts together the words of an array that was written with blanks in it, such
// as "[a," and "b]". Every other word is a list of its own: "a, b" arrives as "a," and "b".
func joinArrays(words []string) []string {
	var joined []string
	for i := 0; i < len(words); i++ {
		from := i
		if strings.HasPrefix(words[i], "[") {
			for i+1 < len(words) && !strings.HasSuffix(words[i], "]") {
				i++
			}
		}
		joined = append(joined, strings.Join(words[from:i+1], " "))
	}
	return joined
}

// listOf splits the values of a list argument: comma-separated, repeated, or a
// JSON array; surrounding blanks, empty items and doubles are dropped.
func listOf(name string, values []string) ([]string, error) {
	var items []string
	seen := map[string]bool{}
	raw := 0
	for _, value := range values {
		if raw += strings.Count(value, ",") + 1; raw > maxParts {
			return nil, tooManyItems(name)
		}
		parts, err := splitList(value)
		if err != nil {
			return nil, Refuse(ReasonInvalidArgument, "%s is not a list: write `a,b,c` or a JSON array of strings.", name)
		}
		for _, part := range parts {
			part = strings.TrimSpace(part)
			key := strings.ToLower(part)
			if part == "" || seen[key] {
				continue
			}
			seen[key] = true
			if len(items) == maxItems {
				return nil, tooManyItems(name)
			}
			if err := checkText(name, part, maxValueLength); err != nil {
				return nil, err
			}
			items = append(items, part)
		}
	}
	return items, nil
}

func tooManyItems(name string) *Error {
	return Refuse(ReasonInvalidArgument, "%s names more than %d items; send them in several commands.", name, maxItems)
}

// WholeItem returns a value of a list argument that means exactly this one item, whatever
// is in it.
func WholeItem(item string) string {
	if !strings.Contains(item, ",") && !strings.HasPrefix(strings.TrimSpace(item), "[") {
		return item
	}
	array, _ := json.Marshal([]string{item}) //nolint:errchkjson // strings always marshal
	return string(array)
}

// splitList returns the items of a value: the elements of a JSON array, each taken whole,
// or else what is between the commas.
func splitList(value string) ([]string, error) {
	trimmed := strings.TrimSpace(value)
	if !strings.HasPrefix(trimmed, "[") {
		return strings.Split(value, ","), nil
	}
	var items []string
	if err := json.Unmarshal([]byte(trimmed), &items); err == nil {
		return items, nil
	}
	// A shell takes the quotes out of ["a","b"]; what is left is still plain.
	inner, ok := strings.CutSuffix(strings.TrimPrefix(trimmed, "["), "]")
	if !ok || strings.ContainsAny(inner, "[]{}\"") {
		return nil, fmt.Errorf("not a JSON array of strings")
	}
	return strings.Split(inner, ","), nil
}
