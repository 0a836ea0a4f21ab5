package handlers

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
)

// A slashCommand is a command line of a comment, read.
type slashCommand struct {
	Line
	name      string // as it was written
	spec      commands.Spec
	args      commands.Args
	yes       bool // --yes: run what policy.confirm wants confirmed
	encrypted bool // --encrypted: answer with the secret encrypted
}

// namedArgument is a word like team=platform.
var namedArgument = regexp.MustCompile(`^[A-Za-z][A-Za-z-]*=`)

// readLine reads a command line: its words, its command, its arguments. Where it
// is refused, what is known of it is returned all the same.
func readLine(d Dispatcher, line Line) (slashCommand, *commands.Error) {
	c := slashCommand{Line: line, name: firstWord(line.Text)}
	words, refusal := splitWords(strings.TrimPrefix(line.Text, slashWord))
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
	spec, known := d.Lookup(c.name)
	if !known {
		return c, d.Unknown(c.name)
	}
	c.spec = spec
	refusal = c.readArguments(words)
	return c, refusal
}

// firstWord names a line that cannot be split properly.
func firstWord(line string) string {
	fields := strings.Fields(plainTypography(strings.TrimPrefix(line, slashWord)))
	if len(fields) == 0 {
		return "help"
	}
	return clip(fields[0])
}

func isHelp(word string) bool {
	flag, ok := flagOf(word)
	return ok && strings.EqualFold(flag, "help") || word == "-h"
}

func (c *slashCommand) readArguments(words []string) *commands.Error {
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
			return commands.Refuse(commands.ReasonUnknownArgument, "A flag begins with two dashes: %s.",
				codeSpan("-"+word))
		case !isFlag:
			c.args.Positional = append(c.args.Positional, word)
			continue
		}
		name, value, given := strings.Cut(flag, "=")
		name = strings.ToLower(name)
		param, known := c.spec.Param(name)
		switch {
		case !known && c.isDoorFlag(name):
			if refusal := c.setDoorFlag(name, value, given); refusal != nil {
				return refusal
			}
			continue
		case given:
		case known && param.Kind == commands.KindBool:
			value = "true"
		case i < len(words) && !isFlagWord(words[i]):
			value = words[i]
			i++
		case known:
			return commands.Refuse(commands.ReasonMissingArgument, "`--%s` needs a value. Usage: %s.", name, codeSpan(c.spec.Usage()))
		default:
			value = "true" // unknown: the dispatcher says so
		}
		// "a, b" arrives as the words "a," and "b"
		for known && param.Kind == commands.KindList && i < len(words) &&
			(strings.HasSuffix(value, ",") || strings.HasPrefix(words[i], ",")) && !isFlagWord(words[i]) {
			value += words[i]
			i++
		}
		c.args.Add(name, value)
	}
	return nil
}

// isDoorFlag reports whether the flag is for this door rather than for the
// command: --yes, and --encrypted of commands that hand out a secret.
func (c *slashCommand) isDoorFlag(name string) bool {
	return name == "yes" || name == "encrypted" && c.spec.Effect == commands.Reveals
}

func (c *slashCommand) setDoorFlag(name, value string, given bool) *commands.Error {
	on := true
	if given {
		var err error
		if on, err = strconv.ParseBool(strings.ToLower(value)); err != nil {
			return commands.Refuse(commands.ReasonInvalidArgument, "%s is true or false, not %s.", name, commands.Quote(value))
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
