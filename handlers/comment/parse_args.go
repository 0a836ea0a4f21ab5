package comment

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/handlers"
)

// A slashCommand is a command line of a comment, read.
type slashCommand struct {
	Line
	name      string // as it was written
	team      string // for examples; may be empty
	spec      dispatch.Spec
	args      dispatch.Args
	yes       bool // --yes: run what policy.confirm wants confirmed
	encrypted bool // --encrypted: answer with the secret encrypted
}

// namedArgument is a word like team=platform.
var namedArgument = regexp.MustCompile(`^[A-Za-z][A-Za-z-]*=`)

// readLine reads a command line: its words, its command, its arguments. If it
// is refused, what is known of it is returned all the same. The team is the one that
// the comment's place names, for examples, as is the trigger; both may be empty.
func readLine(d handlers.Dispatcher, line Line, trigger, team string) (slashCommand, *dispatch.Error) {
	c := slashCommand{Line: line, name: firstWord(line.Text), team: team, spec: dispatch.Spec{Trigger: trigger}}
	words, refusal := splitWords(behindTrigger(line.Text))
	if refusal != nil {
		return c, refusal
	}
	if len(words) == 0 || isHelp(words[0]) {
		words = []string{"help"}
	}
	c.name = words[0]
	words = words[1:]
	if slices.ContainsFunc(words, isHelp) {
		words, c.name = []string{c.name}, "help"
	}
	spec, known := d.Lookup(strings.ToLower(c.name))
	if !known {
		return c, d.Unknown(c.name, behindName(line.Text, c.name)...)
	}
	c.name, c.spec = strings.ToLower(c.name), spec
	c.spec.Trigger = trigger
	refusal = c.readArguments(words)
	return c, refusal
}

// behindTrigger returns a command's line without the slash and the trigger, whatever the
// trigger was when the comment was accepted.
func behindTrigger(line string) string {
	i := strings.IndexFunc(line, blankOrTab)
	if i < 0 {
		return ""
	}
	return line[i:]
}

// behindName returns the words behind a command's name as they were written, with their
// quotes; none if the name itself was written with quotes.
func behindName(line, name string) []string {
	words := strings.Fields(plainTypography(behindTrigger(line)))
	if len(words) == 0 || words[0] != name {
		return nil
	}
	return words[1:]
}

// firstWord names a line that cannot be split properly.
func firstWord(line string) string {
	fields := strings.Fields(plainTypography(behindTrigger(line)))
	if len(fields) == 0 {
		return "help"
	}
	return handlers.Clip(fields[0])
}

func isHelp(word string) bool {
	flag, ok := flagOf(word)
	return ok && strings.EqualFold(flag, "help") || word == "-h"
}

func (c *slashCommand) readArguments(words []string) *dispatch.Error {
	for i := 0; i < len(words); {
		word := words[i]
		i++
		flag, isFlag := flagOf(word)
		switch {
		case isFlag && flag == "": // from here on no flags
			c.args.Positional = append(c.args.Positional, words[i:]...)
			return nil
		case !isFlag && namedArgument.MatchString(word):
			flag = word
		case !isFlag && len(word) > 1 && word[0] == '-':
			return c.oneDash(word)
		case !isFlag:
			c.args.Positional = append(c.args.Positional, word)
			continue
		}
		name, value, given := strings.Cut(flag, "=")
		name = strings.ToLower(name)
		param, known := c.spec.Param(name)
		if onOff := known && param.Kind == dispatch.KindBool || !known && c.isChannelFlag(name); onOff && !given && i < len(words) && isOnOff(words[i]) {
			value, given = words[i], true
			i++
		}
		switch {
		case !known && c.isChannelFlag(name):
			if refusal := c.setChannelFlag(name, value, given); refusal != nil {
				return refusal
			}
			continue
		case given:
		case known && param.Kind == dispatch.KindBool:
			value = "true"
		case i < len(words) && !isFlagWord(words[i]):
			value = words[i]
			i++
		case known:
			return dispatch.Refuse(dispatch.ReasonMissingArgument, "%s needs a value. Usage: %s.",
				dispatch.Comment.Argument(name), codeSpan(c.spec.For(c.team).Usage()))
		default:
			value = "true" // unknown: the dispatcher says so
		}
		// "a, b" arrives as the words "a," and "b"
		for known && param.Kind == dispatch.KindList && i < len(words) &&
			(strings.HasSuffix(value, ",") || strings.HasPrefix(words[i], ",")) && !isFlagWord(words[i]) {
			value += words[i]
			i++
		}
		c.args.Add(name, value)
	}
	return nil
}

// oneDash refuses a word like -team or -t, and says which flags there are.
func (c *slashCommand) oneDash(word string) *dispatch.Error {
	bare, _, _ := strings.Cut(word[1:], "=")
	var flags []string
	for _, p := range c.spec.Params {
		if strings.EqualFold(p.Name, bare) {
			return dispatch.Refuse(dispatch.ReasonUnknownArgument, "A flag begins with two dashes: %s.", dispatch.Comment.Argument(p.Name))
		}
		flags = append(flags, dispatch.Comment.Argument(p.Name))
	}
	for _, name := range c.spec.ChannelFlags() {
		flags = append(flags, dispatch.Comment.Argument(name))
	}
	return dispatch.Refuse(dispatch.ReasonUnknownArgument, "A flag begins with two dashes, which %s does not. %s has %s.",
		dispatch.Quote(word), codeSpan(c.spec.Name), strings.Join(flags, ", "))
}

// isChannelFlag reports whether the flag is for this channel rather than for the
// command: --yes, and --encrypted of commands that hand out a secret.
func (c *slashCommand) isChannelFlag(name string) bool {
	return slices.Contains(c.spec.ChannelFlags(), name)
}

// isOnOff reports whether a word behind a flag is its value. No repository, team or runner of
// that name is meant.
func isOnOff(word string) bool {
	return strings.EqualFold(word, "true") || strings.EqualFold(word, "false")
}

func (c *slashCommand) setChannelFlag(name, value string, given bool) *dispatch.Error {
	on := true
	if given {
		var err error
		if on, err = strconv.ParseBool(strings.ToLower(value)); err != nil {
			return dispatch.Refuse(dispatch.ReasonInvalidArgument, "%s is true or false, not %s.", dispatch.Comment.Argument(name), dispatch.Quote(value))
		}
	}
	if name == "yes" {
		c.yes = on
	} else {
		c.encrypted = on
	}
	return nil
}

// flagOf returns a flag without its dashes. The dashes that phones and word
// processors make of "--" count as it.
func flagOf(word string) (flag string, ok bool) {
	bare := strings.TrimLeft(word, "-–—―−")
	dashes := word[:len(word)-len(bare)]
	if dashes == "" || dashes == "-" {
		return "", false
	}
	return bare, true
}

func isFlagWord(word string) bool {
	_, ok := flagOf(word)
	return ok
}
