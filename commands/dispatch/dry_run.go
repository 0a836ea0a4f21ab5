package dispatch

import (
	"slices"
	"strconv"
	"strings"
)

// DryRun is the argument of every command that changes something and reveals no secret: with
// it, all is checked and nothing is changed. The answer says what would be.
const DryRun = "dry-run"

// DryRuns reports whether the command has the argument [DryRun].
func (s Spec) DryRuns() bool { return s.Effect == Changes || s.Effect == Destroys }

// WantsDryRun reports whether args of a call of the command ask for a dry run.
func (s Spec) WantsDryRun(args Args) bool {
	values, _ := args.Get(DryRun)
	return s.DryRuns() && slices.ContainsFunc(values, func(value string) bool {
		on, err := strconv.ParseBool(strings.ToLower(strings.TrimSpace(value)))
		return on && err == nil
	})
}

// decodeDryRun makes the call a preview if its arguments ask for a dry run.
func (c *Call) decodeDryRun() error {
	values, _ := c.Args.Get(DryRun)
	name := c.ArgumentName(DryRun)
	text, err := single(name, values)
	if err != nil {
		return err
	}
	if _, err := strconv.ParseBool(strings.ToLower(text)); text != "" && err != nil {
		return Refuse(ReasonInvalidArgument, "%s is true or false, not %s.", name, Quote(text))
	}
	if c.Spec.WantsDryRun(c.Args) {
		c.Preview = true
	}
	return nil
}
