package dispatch

import (
	"cmp"
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
	case reflect.TypeFor[time.Duration]():
		return KindFor, nil
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

// decodeInto fills the struct value from the call's arguments: its fields are the first
// parameters of spec. It returns the slugs of
// the teams among them, the call's own first. Its error says all that is wrong with one
// argument.
func decodeInto(value reflect.Value, spec Spec, fields int, call *Call) (teams [2]string, err error) {
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
	for i, p := range spec.Params[:fields] {
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
			if p.Required && (p.Name != "team" || !call.anyTeam) {
				return teams, missingArgument(spec, p, channel)
			}
			continue
		}
		if err := setScalar(value.Field(i), p, p.NameIn(channel), text); err != nil {
			return teams, err
		}
	}
	for i, p := range spec.Params[:fields] { // last, so that an argument that is missing is named first
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
	if teams[0] != "" && teams[0] == teams[1] {
		return teams, sameTeamTwice(teams[0])
	}
	return teams, nil
}

func sameTeamTwice(slug string) *Error {
	return Refuse(ReasonInvalidArgument, "Both teams are %s; name two different ones.", Quote(slug))
}

// enterprisePrefix begins the slugs of an enterprise's teams, which the APIs of its
// organizations show among theirs.
const enterprisePrefix = "ent:"

var slugShape = regexp.MustCompile(`^(` + enterprisePrefix + `)?[a-z0-9_][a-z0-9_-]{0,254}$`)

// slugOf brings the text of argument p to a team's slug. "@org/team" and "org/team" mean
// the same if the organization is the call's.
func slugOf(call *Call, p Param, text string) (string, error) {
	slug := strings.ToLower(strings.TrimPrefix(text, "@"))
	if org, rest, ok := strings.Cut(slug, "/"); ok && call.Org != nil && call.Org.Is(org) {
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
		since, err := ParseSince(text)
		if err != nil {
			return Refuse(ReasonInvalidArgument, "%s is a date (2026-01-31), a time (2026-01-31T12:00:00Z) or how long ago (24h, 7d), not %s.", name, Quote(text))
		}
		field.Set(reflect.ValueOf(since))
	case KindFor:
		length, ok := ParseFor(text)
		if !ok {
			return Refuse(ReasonInvalidArgument, "%s is how long (90m, 24h, 7d), not %s.", name, Quote(text))
		}
		field.SetInt(int64(length))
	default:
		if len(p.Values) > 0 {
			if text = strings.ToLower(text); !slices.Contains(p.Values, text) {
				return Refuse(ReasonInvalidArgument, "%s is `%s`, not %s.", name, strings.Join(p.Values, "` or `"), Quote(text))
			}
		}
		field.SetString(text)
	}
	return nil
}

// ParseFor reads how long, as an argument has it: a duration of Go's (90m), or whole days (7d).
// It must be above 0.
func ParseFor(text string) (length time.Duration, ok bool) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.Atoi(days)
		return time.Duration(n) * 24 * time.Hour, err == nil && n > 0 && n < 100_000
	}
	length, err := time.ParseDuration(text)
	return length, err == nil && length > 0
}

// ParseSince reads a moment or a duration back from now, as an argument of type [Since] has it.
func ParseSince(text string) (Since, error) {
	if ago, ok := ParseFor(text); ok {
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
	if name == "team" {
		hint = " It needs no team."
	} else if nearest := Nearest(name, names); nearest != "" {
		hint = fmt.Sprintf(" Did you mean %s?", channel.Argument(nearest))
	}
	given := name
	if channel != REST && channel != Console {
		given = "--" + name
	}
	return Refuse(ReasonUnknownArgument, "`%s` knows no argument %s.%s", spec.Name, Quote(given), hint)
}

// withUsage adds to a refusal of arguments how the command is written at the call's
// channel, for its team if it names one. A form shows it by itself.
func (c *Call) withUsage(err error) error {
	var refusal *Error
	if c.Channel == Console || !errors.As(err, &refusal) || refusal.Reason != ReasonMissingArgument && refusal.Reason != ReasonUnknownArgument {
		return err
	}
	spec := c.Spec.For(cmp.Or(c.Spec.TeamIn(c.Args), c.TeamHint))
	usage := spec.Usage()
	if c.Channel == REST {
		usage = spec.RESTUsage()
	}
	out := *refusal
	out.Message += fmt.Sprintf(" Usage: `%s`.", usage)
	return &out
}
