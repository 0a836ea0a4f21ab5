package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// flagError says in a sentence which flag is wrong, and what would be right.
func flagError(c *cobra.Command, err error) error {
	var value *pflag.InvalidValueError
	if errors.As(err, &value) {
		return usagef(c, "--%s: %s", value.GetFlag().Name, wantedValue(value))
	}
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return usagef(c, "%s", err.Error())
	}
	typed, message := unknown.GetSpecifiedName(), unknown.Error()
	if letters := unknown.GetSpecifiedShortnames(); letters != "" { // -port
		typed, _, _ = strings.Cut(letters, "=")
		message = "unknown flag: -" + typed
	}
	if near := nearestFlag(c, typed); near != "" {
		message += fmt.Sprintf(": did you mean %q?", "--"+near)
	}
	return usagef(c, "%s", message)
}

// wantedValue says what the flag takes instead of what it was given.
func wantedValue(e *pflag.InvalidValueError) string {
	if errors.Is(e, strconv.ErrRange) {
		return fmt.Sprintf("%q is out of range", e.GetValue())
	}
	var wanted string
	switch kind := e.GetFlag().Value.Type(); {
	case kind == "bool":
		wanted = "true or false"
	case kind == "duration":
		wanted = "a duration with its unit, such as 90s, 5m or 24h"
	case strings.HasPrefix(kind, "float"):
		wanted = "a number"
	case strings.HasPrefix(kind, "int"), strings.HasPrefix(kind, "uint"), kind == "count":
		wanted = "a whole number"
	default: // a type of ours, whose error is a sentence
		return errors.Unwrap(e).Error()
	}
	return fmt.Sprintf("%q is not %s", e.GetValue(), wanted)
}

// nearestFlag returns the flag of the command that was probably meant, or "".
func nearestFlag(c *cobra.Command, typed string) string {
	flags := &cobra.Command{SuggestionsMinimumDistance: 2} // cobra suggests commands only
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			flags.AddCommand(&cobra.Command{Use: f.Name, Run: func(*cobra.Command, []string) {}})
		}
	})
	if near := flags.SuggestionsFor(typed); typed != "" && len(near) > 0 {
		return near[0]
	}
	return ""
}

// A portFlag is a port to listen on; 0 is a free one, and -1 means that none was given.
type portFlag int

// String implements [pflag.Value].
func (p *portFlag) String() string { return strconv.Itoa(int(*p)) }

// Type implements [pflag.Value].
func (*portFlag) Type() string { return "port" }

// Set implements [pflag.Value].
func (p *portFlag) Set(text string) error {
	const highest = 65535
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || n < 0 || n > highest {
		return fmt.Errorf("%q is not a port: give a whole number from 0 to %d", text, highest)
	}
	*p = portFlag(n)
	return nil
}
