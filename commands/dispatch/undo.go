package dispatch

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// maxUndo is how long the lines that reverse a command may be together, in bytes.
const maxUndo = 8 << 10

// Replan changes what [Call.Begin] said that the call changes: some of it is known only
// afterwards, such as the id of what was made.
func (c *Call) Replan(change func(*store.Diff)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.plan)
}

// diff returns what the call changed: if it succeeded all that it was to change, otherwise
// what it did change, or may have.
func (c *Call) diff(err error) store.Diff {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.plan
	if err != nil {
		untouched := func(p store.Part) bool { return !c.touched(p) }
		d.Before = slices.DeleteFunc(slices.Clone(d.Before), untouched)
		d.After = slices.DeleteFunc(slices.Clone(d.After), untouched)
	}
	if c.Group.GroupID != 0 {
		d.Group = &store.Named{ID: c.Group.GroupID, Name: c.Group.GroupName}
	}
	return d
}

// touched reports whether the call noted a change of the part. The caller holds c.mu.
func (c *Call) touched(p store.Part) bool {
	of := []Thing{c.TheGroup()}
	switch p.Kind {
	case store.PartRepo:
		of = append(of, c.ARepo(p.ID))
	case store.PartRunner:
		of = append(of, ARunner(p.ID), RunnerLabels(p.ID))
	case store.PartWorkflow:
		of = append(of, c.TheWorkflows())
	case store.PartOfTrust:
		of = append(of, c.TheTrusts())
	case store.PartRequest:
		of = append(of, ARequest(c.OrgID, p.ID))
	case store.PartTeam, store.PartGroup:
	}
	return slices.ContainsFunc(of, func(thing Thing) bool {
		return slices.ContainsFunc(c.changed, func(changed Thing) bool { return thing == changed || thing != of[0] && thing.overlaps(changed) })
	})
}

// ARequest is a request of the organization.
func ARequest(orgID, number int64) Thing {
	return Thing(fmt.Sprintf("request/%d/%d", orgID, number))
}

// recordChange adds to the entry what the call changed and the lines that reverse it, and to
// the answer those lines.
func (c *Call) recordChange(entry *store.Entry, result Result, err error) (Result, error) {
	if !entry.Changed || c.Spec.Effect == Reads {
		return result, err
	}
	entry.Diff = c.diff(err)
	entry.Undo = result.Undo
	switch {
	case entry.Undo != "" || entry.Diff.IsZero():
	case result.Request != 0:
		entry.Undo = joinLines([]string{c.Line("request-withdraw", []string{strconv.FormatInt(result.Request, 10)})})
	case c.Spec.Undo != nil:
		entry.Undo = joinLines(c.Spec.Undo(c, entry.Diff))
	}
	if entry.Undo == "" {
		return result, err
	}
	if err != nil {
		refusal := *AsError(err)
		refusal.Undo = entry.Undo
		return result, &refusal
	}
	return result.WithUndo(entry.Undo), nil
}

// joinLines returns the lines as one text; empty if one of them cannot be written, or if they
// are too long.
func joinLines(lines []string) string {
	text := strings.Join(lines, "\n")
	if slices.Contains(lines, "") || len(text) > maxUndo {
		return ""
	}
	return text
}

// WithUndo returns the result with the lines that reverse what was done, also in the field
// Undo of its response if that has one.
func (r Result) WithUndo(lines string) Result {
	r.Undo = lines
	value := reflect.ValueOf(r.Response)
	if value.Kind() != reflect.Struct || !value.FieldByName("Undo").IsValid() {
		return r
	}
	response := reflect.New(value.Type()).Elem()
	response.Set(value)
	response.FieldByName("Undo").SetString(lines)
	r.Response = response.Interface()
	return r
}

// Line returns the line of a comment that runs the command: with these items as its list, and
// flags as names and values in turns. It is empty if no line can have one of the values.
func (c *Call) Line(command string, items []string, flags ...string) string {
	words := []string{c.Spec.Slash(), command}
	if len(items) > 0 {
		words = append(words, quoteWord(strings.Join(items, ",")))
	}
	for i := 0; i < len(flags); i += 2 {
		words = append(words, "--"+flags[i]+" "+quoteWord(flags[i+1]))
		if strings.IndexFunc(flags[i+1], isDash) == 0 { // it would be the next flag
			words[len(words)-1] = "--" + flags[i] + "=" + quoteWord(flags[i+1])
		}
	}
	line := strings.Join(words, " ")
	if strings.ContainsFunc(line, func(r rune) bool {
		return unicode.IsControl(r) || r == unicode.ReplacementChar || r == '\u2028' || r == '\u2029'
	}) {
		return ""
	}
	return line
}

func isDash(r rune) bool { return unicode.Is(unicode.Pd, r) || r == '−' }

// quoteWord writes a word so that a comment's line can have it.
func quoteWord(word string) string {
	if word == "" || strings.ContainsAny(word, " \t'\"\\=“”‘’„‚«»") {
		return strconv.Quote(word)
	}
	return word
}

// Remaining returns how long it is until then as an argument has it, in whole minutes; empty
// if that is less than one.
func (c *Call) Remaining(until time.Time) string {
	left := until.Sub(c.Env.Now()).Round(time.Minute)
	if left < time.Minute {
		return ""
	}
	return ShortDuration(left)
}

// ShortDuration writes a duration as an argument has it: "7d", "2h", "1h30m".
func ShortDuration(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= day && d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = strings.TrimSuffix(text, zero[1:])
		}
	}
	return text
}
