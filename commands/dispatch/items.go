package dispatch

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"
)

// writesAtOnce is how many changes of one command are under way at a time: GitHub's
// secondary limits frown upon more.
const writesAtOnce = 4

// ApplyEach does one change for each name, a few at a time, the rest even if one fails,
// notes which things changed, and returns what became of each.
func (c *Call) ApplyEach(ctx context.Context, names []string, things func(int) []Thing, change func(context.Context, int) error, doing string) []Item {
	items := make([]Item, len(names))
	var g errgroup.Group
	g.SetLimit(writesAtOnce)
	for i, name := range names {
		g.Go(func() error {
			items[i] = Item{Item: name, Done: true}
			if err := c.Change(ctx, func(ctx context.Context) error { return change(ctx, i) }, things(i)...); err != nil {
				failure := AsError(GitHubError(err, doing))
				items[i] = Item{Item: name, Error: failure.Message, Reason: failure.Reason, Failure: failure}
			}
			return nil
		})
	}
	_ = g.Wait()
	return items
}

// PartialFailure returns the error of a command some of whose items were not done, nil
// if all were. The reason is that of the first that failed.
func PartialFailure(items []Item, done Result) *Error {
	failed := 0
	var first *Error
	for _, item := range items {
		if item.Done {
			continue
		}
		failed++
		if first == nil {
			first = item.Failure
			if first == nil {
				first = Refuse(item.Reason, "%s", item.Error)
			}
		}
	}
	if failed == 0 {
		return nil
	}
	summary := fmt.Sprintf("%d of %d are done; the others failed.", len(items)-failed, len(items))
	return &Error{
		Reason: first.Reason, RetryAfter: first.RetryAfter, Cause: first.Cause, Items: items, Result: &done,
		Summary: summary, Message: summary + " " + sentences(items),
	}
}

// RefuseItems returns the refusal of a command some of whose items may not be, naming
// each; nil if all may.
func RefuseItems(items []Item) error {
	var first *Item
	n := 0
	for i, item := range items {
		if item.Error != "" {
			n++
			if first == nil {
				first = &items[i]
			}
		}
	}
	if first == nil {
		return nil
	}
	if len(items) == 1 {
		return &Error{Reason: first.Reason, Message: first.Error, Items: items}
	}
	summary := fmt.Sprintf("Nothing was changed: %d of %d refused.", n, len(items))
	return &Error{Reason: first.Reason, Summary: summary, Message: summary + " " + sentences(items), Items: items}
}

// Alike is the item's error but for the item's name in it: many items may have it in
// common, and then people need to read it once.
func (i Item) Alike() string { return strings.Replace(i.Error, Quote(i.Item), "", 1) }

// sentences says what is wrong with items: each sentence once, of the first that it
// is true of, with the names of the others. It stays short; the items have the rest.
func sentences(items []Item) string {
	const mostSentences, mostNames = 5, 10
	var kinds []string
	of := map[string][]Item{}
	for _, item := range items {
		if item.Error == "" {
			continue
		}
		kind := item.Alike()
		if of[kind] == nil {
			kinds = append(kinds, kind)
		}
		of[kind] = append(of[kind], item)
	}
	var lines []string
	for _, kind := range kinds[:min(len(kinds), mostSentences)] {
		lines = append(lines, of[kind][0].Error)
		others, likewise := of[kind][1:], "Likewise "
		if kind == of[kind][0].Error { // it names none
			others, likewise = of[kind], "That goes for "
		}
		if len(others) == 0 {
			continue
		}
		var names []string
		for _, other := range others[:min(len(others), mostNames)] {
			names = append(names, Quote(other.Item))
		}
		likewise += strings.Join(names, ", ")
		if more := len(others) - len(names); more > 0 {
			likewise += fmt.Sprintf(" and %d more", more)
		}
		lines = append(lines, likewise+".")
	}
	return strings.Join(lines, " ")
}

// ReasonOf returns the reason of err, "" if err is nil.
func ReasonOf(err error) Reason {
	var e *Error
	if errors.As(err, &e) {
		return e.Reason
	}
	if err != nil {
		return ReasonInternal
	}
	return ""
}
