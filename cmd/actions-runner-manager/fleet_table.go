package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/internal/fleet"
)

// A column of the table of groups.
type column struct {
	title string
	right bool // aligned
	name  bool // it is shortened on a narrow terminal
	drop  int  // on a narrow terminal the columns with the highest numbers are left out first; 0: never
	text  func(fleet.Status) string
	color func(fleet.Status) string // nil: none
}

// fleetColumns are all columns. The organization has one if there are several.
func fleetColumns(several bool, now time.Time) []column {
	number := func(title string, drop int, color string, of func(fleet.Status) int) column {
		return column{title: title, right: true, drop: drop, text: func(s fleet.Status) string {
			if s.PolledAt.IsZero() {
				return "-"
			}
			return strconv.Itoa(of(s))
		}, color: func(s fleet.Status) string {
			if of(s) > 0 {
				return color
			}
			return ""
		}}
	}
	findings := func(severity string) func(fleet.Status) int {
		return func(s fleet.Status) int { return s.Findings[severity] }
	}
	all := []column{
		{title: "ORG", name: true, drop: 5, text: func(s fleet.Status) string { return s.Org }},
		{title: "TEAM", name: true, text: func(s fleet.Status) string { return s.Team }},
		{title: "GROUP", name: true, drop: 7, text: func(s fleet.Status) string { return s.Group }},
		number("REPOS", 8, "", func(s fleet.Status) int { return s.Repos }),
		number("IDLE", 2, "", func(s fleet.Status) int { return s.Idle }),
		number("BUSY", 1, "", func(s fleet.Status) int { return s.Busy }),
		number("OFFLINE", 0, yellow, func(s fleet.Status) int { return s.Offline }),
		number("OUTDATED", 6, yellow, func(s fleet.Status) int { return s.Outdated }),
		number("CRIT", 0, red, findings(fleet.Critical)),
		number("WARN", 3, yellow, findings(fleet.Warning)),
		number("INFO", 9, cyan, findings(fleet.Info)),
		{title: "POLLED", right: true, drop: 4, text: func(s fleet.Status) string { return ago(s.PolledAt, now) }},
	}
	if !several {
		all = all[1:]
	}
	return all
}

// ago is how long ago that was: "12s", "5m", "3h", "9d", or "never" for the zero time.
func ago(at, now time.Time) string {
	since := max(now.Sub(at), 0)
	switch {
	case at.IsZero():
		return "never"
	case since < time.Minute:
		return fmt.Sprintf("%ds", since/time.Second)
	case since < time.Hour:
		return fmt.Sprintf("%dm", since/time.Minute)
	case since < 48*time.Hour:
		return fmt.Sprintf("%dh", since/time.Hour)
	}
	return fmt.Sprintf("%dd", since/(24*time.Hour))
}

const (
	columnGap = 2
	// enoughName is the width up to which columns are left out rather than names shortened.
	enoughName = 12
)

// fleetTable returns the lines of the table, those with the worst findings first.
func fleetTable(groups []fleet.Status, t terminal, now time.Time) []string {
	groups = slices.Clone(groups)
	slices.SortStableFunc(groups, worstFirst)
	all := fleetColumns(slices.ContainsFunc(groups, func(s fleet.Status) bool { return s.Org != groups[0].Org }), now)
	cells := make([][]string, len(all))
	for i, c := range all {
		cells[i] = append(cells[i], c.title)
		for _, g := range groups {
			cells[i] = append(cells[i], printable(c.text(g)))
		}
	}
	widths := fit(all, cells, t.width)
	lines := make([]string, len(groups)+1)
	for row := range lines {
		var b strings.Builder
		for i, c := range all {
			if widths[i] == 0 {
				continue
			}
			if b.Len() > 0 {
				b.WriteString(strings.Repeat(" ", columnGap))
			}
			color := bold
			if row > 0 {
				color = ""
				if c.color != nil {
					color = c.color(groups[row-1])
				}
			}
			b.WriteString(t.paint(color, pad(shorten(cells[i][row], widths[i]), widths[i], c.right)))
		}
		lines[row] = strings.TrimRight(b.String(), " ")
	}
	return lines
}

// worstFirst compares by the findings: critical ones, then warnings.
func worstFirst(a, b fleet.Status) int {
	for _, severity := range []string{fleet.Critical, fleet.Warning} {
		if d := b.Findings[severity] - a.Findings[severity]; d != 0 {
			return d
		}
	}
	return 0
}

// fit returns the widths of the columns so that they fit into a line; 0 leaves one out.
func fit(all []column, cells [][]string, line int) []int {
	widths := make([]int, len(all))
	for i := range all {
		for _, cell := range cells[i] {
			widths[i] = max(widths[i], columns(cell))
		}
	}
	total := func(least bool) int {
		sum := -columnGap
		for i, c := range all {
			switch {
			case widths[i] == 0:
			case least && c.name:
				sum += min(widths[i], enoughName) + columnGap
			default:
				sum += widths[i] + columnGap
			}
		}
		return sum
	}
	if line == 0 {
		return widths
	}
	for total(true) > line {
		drop := -1
		for i, c := range all {
			if widths[i] > 0 && c.drop > 0 && (drop < 0 || c.drop > all[drop].drop) {
				drop = i
			}
		}
		if drop < 0 {
			break
		}
		widths[drop] = 0
	}
	for total(false) > line { // the longest name gives way
		longest := -1
		for i, c := range all {
			if c.name && widths[i] > 1 && (longest < 0 || widths[i] > widths[longest]) {
				longest = i
			}
		}
		if longest < 0 {
			break
		}
		widths[longest]--
	}
	return widths
}

// summary is one line about all groups.
func summary(groups []fleet.Status) string {
	var idle, busy, offline, outdated int
	found := map[string]int{}
	for _, g := range groups {
		idle, busy, offline, outdated = idle+g.Idle, busy+g.Busy, offline+g.Offline, outdated+g.Outdated
		for severity, n := range g.Findings {
			found[severity] += n
		}
	}
	text := fmt.Sprintf("%d groups", len(groups))
	if len(groups) == 1 {
		text = "1 group"
	}
	text += fmt.Sprintf("; runners: %d idle, %d busy, %d offline, %d outdated; findings:", idle, busy, offline, outdated)
	for i, severity := range fleet.Severities() {
		if i > 0 {
			text += ","
		}
		text += fmt.Sprintf(" %d %s", found[severity], severity)
	}
	return text
}
