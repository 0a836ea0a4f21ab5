package dispatch

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// What an argument may hold at most: far above what people need, and low enough
// that a hostile request stays cheap.
const (
	maxValueLength = 10_000 // bytes of a single value that is not a list
	maxItems       = 1_000  // items of a list
	maxParts       = 5_000  // of a list as it is written: empty ones and duplicates included
)

func kindOf(t reflect.Type) (Kind, error) {
	switch t {
	case reflect.TypeFor[string](), reflect.TypeFor[Team]():
		return KindString, nil
	case reflect.TypeFor[[]string](), reflect.TypeFor[*[]string]():
		return KindList, nil
	case reflect.TypeFor[bool]():
		return KindBool, nil
	case reflect.TypeFor[int]():
		return KindInt, nil
	case reflect.TypeFor[Since]():
		return KindTime, nil
	}
	return "", fmt.Errorf("arguments of type %s are not supported", t)
}

// Since is a moment (RFC 3339, or a date) or a duration back from now (24h, 7d).
type Since struct {
	At  time.Time
	Ago time.Duration
}

// Time returns the moment that s means, seen from now; the zero time if s is empty.
func (s Since) Time(now time.Time) time.Time {
	if s.Ago > 0 {
		return now.Add(-s.Ago)
	}
	return s.At
}

// A Team is an argument that names a team by its slug. It is decoded from "team",
// "org/team" or "@org/team" in any case to the slug in lower case.
type Team string

// decodeInto fills the struct value from the call's arguments. It returns the slugs of
// the teams among them, the call's own first. Its error says all that is wrong with one
// argument.
func decodeInto(value reflect.Value, spec Spec, call *Call) (teams [2]string, err error) {
	channel := call.Channel
	args, err := placePositional(spec, call.Args, channel)
	if err != nil {
		return teams, err
	}
	for _, named := range args.Named {
		if _, ok := spec.Param(named.Name); !ok {
			return teams, unknownArgument(spec, named.Name, channel)
		}
	}
	for i, p := range spec.Params {
		values, given := args.Get(p.Name)
		if p.Kind == KindList {
			items, err := listOf(p.NameIn(channel), values)
			if err != nil {
				return teams, err
			}
			if len(items) == 0 && p.Required {
				return teams, missingArgument(spec, p, channel)
			}
			if given {
				setList(value.Field(i), items)
			}
			continue
		}
		text, err := single(p.NameIn(channel), values)
		if err != nil {
			return teams, err
		}
		if text == "" {
			if p.Required {
				return teams, missingArgument(spec, p, channel)
			}
			continue
		}
		if err := setScalar(value.Field(i), p, p.NameIn(channel), text); err != nil {
			return teams, err
		}
	}
	for i, p := range spec.Params { // last, so that an argument that is missing is named first
		text := value.Field(i)
		if !p.Team || text.String() == "" {
			continue
		}
		slug, err := slugOf(call, p, text.String())
		if err != nil {
			return teams, err
		}
		text.SetString(slug)
		if p.Name == "team" {
			teams[0] = slug
		} else {
			teams[1] = slug
		}
	}
	return teams, nil
}

var slugShape = regexp.MustCompile(`^[a-z0-9_][a-z0-9_-]{0,254}$`)

// slugOf brings the text of argument p to a team's slug. "@org/team" and "org/team" mean
// the same if the organization is the call's.
func slugOf(call *Call, p Param, text string) (string, error) {
	slug := strings.ToLower(strings.TrimPrefix(text, "@"))
	if org, rest, ok := strings.Cut(slug, "/"); ok && call.Org != nil && strings.EqualFold(org, call.Org.Login) {
		slug = rest
	}
	if !slugShape.MatchString(slug) {
		return "", Refuse(ReasonInvalidArgument,
			"%s is not a team's slug: %s. A slug is the last part of the team's address on GitHub: lower-case letters, digits and dashes.",
			p.NameIn(call.Channel), Quote(text))
	}
	return slug, nil
}

// Slug brings one of the values of the list argument to a team's slug, as a [Team]
// argument is decoded.
func (c *Call) Slug(argument, text string) (string, error) {
	p, _ := c.Spec.Param(argument)
	return slugOf(c, p, text)
}

// placePositional moves the words that belong to no flag to the argument that is
// declared as positional.
func placePositional(spec Spec, args Args, channel Channel) (Args, error) {
	if len(args.Positional) == 0 {
		return args, nil
	}
	i := slices.IndexFunc(spec.Params, func(p Param) bool { return p.Positional })
	if i < 0 {
		return args, Refuse(ReasonUnknownArgument, "`%s` takes no argument without a flag; it got %s.",
			spec.Name, Quote(args.Positional[0]))
	}
	p := spec.Params[i]
	words := args.Positional
	if p.Kind != KindList && len(words) > 1 {
		return args, Refuse(ReasonUnknownArgument, "`%s` takes one word for %s; %s is one too many.",
			spec.Name, p.NameIn(channel), Quote(words[1]))
	}
	placed := Args{Named: slices.Clone(args.Named)}
	if p.Kind == KindList {
		// "a, b" arrives as the words "a," and "b"
		words = []string{strings.Join(words, ",")}
	}
	for i := range placed.Named {
		placed.Named[i].Values = slices.Clone(placed.Named[i].Values)
	}
	placed.Add(p.Name, words...)
	return placed, nil
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

func single(name string, values []string) (string, error) {
	switch {
	case len(values) == 0:
		return "", nil
	case len(values) > 1 && slices.ContainsFunc(values, func(v string) bool { return v != values[0] }):
		return "", Refuse(ReasonInvalidArgument, "%s is given more than once, with different values.", name)
	}
	text := strings.TrimSpace(values[0])
	return text, checkText(name, text, maxValueLength)
}

// checkText refuses what no name holds: control characters, invalid UTF-8, and
// invisible characters that make two names look alike.
func checkText(name, text string, limit int) error {
	switch {
	case len(text) > limit:
		return Refuse(ReasonInvalidArgument, "%s is longer than %d bytes.", name, limit)
	case !utf8.ValidString(text):
		return Refuse(ReasonInvalidArgument, "%s is not valid UTF-8.", name)
	}
	for _, r := range text {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return Refuse(ReasonInvalidArgument, "%s holds a control or invisible character (U+%04X).", name, r)
		}
	}
	return nil
}

func setList(field reflect.Value, items []string) {
	if field.Kind() == reflect.Pointer {
		// a pointer distinguishes an empty list from none
		if items == nil {
			items = []string{}
		}
		field.Set(reflect.ValueOf(&items))
		return
	}
	field.Set(reflect.ValueOf(items))
}

func setScalar(field reflect.Value, p Param, name, text string) error {
	switch p.Kind {
	case KindBool:
		b, err := strconv.ParseBool(strings.ToLower(text))
		if err != nil {
			return Refuse(ReasonInvalidArgument, "%s is true or false, not %s.", name, Quote(text))
		}
		field.SetBool(b)
	case KindInt:
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return Refuse(ReasonInvalidArgument, "%s is a whole number, not %s.", name, Quote(text))
		}
		field.SetInt(int64(n))
	case KindTime:
		since, err := parseSince(text)
		if err != nil {
			return Refuse(ReasonInvalidArgument, "%s is a date (2026-01-31), a time (2026-01-31T12:00:00Z) or how long ago (24h, 7d), not %s.", name, Quote(text))
		}
		field.Set(reflect.ValueOf(since))
	default:
		field.SetString(text)
	}
	return nil
}

func parseSince(text string) (Since, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n > 0 && n < 100_000 {
			return Since{Ago: time.Duration(n) * 24 * time.Hour}, nil
		}
	}
	if ago, err := time.ParseDuration(text); err == nil && ago > 0 {
		return Since{Ago: ago}, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return Since{At: at}, nil
		}
	}
	return Since{}, fmt.Errorf("not a time")
}

func missingArgument(spec Spec, p Param, channel Channel) *Error {
	return Refuse(ReasonMissingArgument, "`%s` needs the argument %s: %s.", spec.Name, p.NameIn(channel), p.Doc)
}

func unknownArgument(spec Spec, name string, channel Channel) *Error {
	names := make([]string, 0, len(spec.Params)+2)
	for _, p := range spec.Params {
		names = append(names, p.Name)
	}
	if channel == Comment {
		names = append(names, spec.ChannelFlags()...)
	}
	hint := ""
	if nearest := Nearest(name, names); nearest != "" {
		hint = fmt.Sprintf(" Did you mean %s?", channel.Argument(nearest))
	}
	given := name
	if channel != REST {
		given = "--" + name
	}
	return Refuse(ReasonUnknownArgument, "`%s` knows no argument %s.%s", spec.Name, Quote(given), hint)
}

// withUsage adds to a refusal of arguments how the command is written at the call's
// channel, for its team if it names one.
func (c *Call) withUsage(err error) error {
	var refusal *Error
	if !errors.As(err, &refusal) || refusal.Reason != ReasonMissingArgument && refusal.Reason != ReasonUnknownArgument {
		return err
	}
	team := c.TeamHint
	if given, _ := c.Args.Get("team"); len(given) > 0 {
		team = given[0]
	}
	spec := c.Spec.For(team)
	usage := spec.Usage()
	if c.Channel == REST {
		usage = spec.RESTUsage()
	}
	out := *refusal
	out.Message += fmt.Sprintf(" Usage: `%s`.", usage)
	return &out
}
