package alerts

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/fleet"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

const (
	// mostListed bounds how many findings the body lists, and mostNew a comment: GitHub takes
	// 65,536 characters.
	mostListed = 60
	mostNew    = 20
	mostNotice = 1000 // characters
	// showRemovalsFor is how long the body lists runners that were removed, and mostRemovals how
	// many at most.
	showRemovalsFor = 30 * 24 * time.Hour
	mostRemovals    = 20
)

const markerPrefix = "<!-- arm:alert "

// marker is a hidden line by which a team's issue is found.
func (v *view) marker() string {
	return fmt.Sprintf("%s%d/%d -->", markerPrefix, v.orgID, v.alert.TeamID)
}

// commentMarker is a hidden line by which a comment is found.
func commentMarker(id string) string { return "<!-- arm:mention " + id + " -->" }

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:12])
}

func (v *view) title() string {
	return "Runner group " + dispatch.Quote(v.record.GroupName) + " needs attention"
}

// body is the description of the issue. It changes only with what it lists.
func (v *view) body() string {
	var b strings.Builder
	group := fmt.Sprintf("the runner group %s of the team %s", dispatch.Quote(v.record.GroupName), dispatch.Quote(v.record.TeamSlug))
	if len(v.findings) == 0 {
		fmt.Fprintf(&b, "✅ **Nothing is wrong** with %s.\n", group)
	} else {
		fmt.Fprintf(&b, "**%s needs attention.** This list is kept up to date.\n", strings.ToUpper(group[:1])+group[1:])
	}
	left := mostListed
	for _, severity := range []string{fleet.Critical, fleet.Warning} {
		left = v.list(&b, severity, left)
	}
	v.listRemovals(&b)
	fmt.Fprintf(&b, "\n<sub>Write the commands in a comment here. `%s` looks at the group now. This issue is closed once nothing has been wrong for an hour, "+
		"and reopened if something is.</sub>\n\n%s\n", v.line("group-check"), v.marker())
	return b.String()
}

// line is a command for the team, as a comment has it.
func (v *view) line(command string) string {
	return dispatch.Spec{Trigger: v.org.Trigger}.Slash() + " " + command + " --team " + v.record.TeamSlug
}

// list lists the findings of a severity, at most left. It returns how many more may be listed.
func (v *view) list(b *strings.Builder, severity string, left int) int {
	var of []store.Finding
	for _, f := range v.findings {
		if f.Severity == severity {
			of = append(of, f)
		}
	}
	if len(of) == 0 {
		return left
	}
	fmt.Fprintf(b, "\n### %s (%d)\n\n", strings.ToUpper(severity[:1])+severity[1:], len(of))
	for i, f := range of {
		if left == 0 {
			fmt.Fprintf(b, "- … and %d more: `%s` lists all.\n", len(of)-i, v.line("group-check"))
			return 0
		}
		left--
		fmt.Fprintf(b, "- %s %s Since %s.\n", icon(f), v.a.o.Escape(f.Message), humanTime(f.Since))
		if line := oneLine(f.Remedy); strings.HasPrefix(line, dispatch.Spec{Trigger: v.org.Trigger}.Slash()+" ") {
			b.WriteString(codeBlock(line))
		} else if line != "" {
			fmt.Fprintf(b, "  %s\n", v.a.o.Escape(line))
		}
	}
	return left
}

func (v *view) listRemovals(b *strings.Builder) {
	if len(v.removals) == 0 {
		return
	}
	fmt.Fprintf(b, "\n### Removed runners (%d)\n\nThey were offline for too long (`policy.removeOffline`).\n\n", len(v.removals))
	for i, r := range v.removals {
		if i == mostRemovals {
			fmt.Fprintf(b, "- … and %d more: `%s --command runners-remove` lists all.\n", len(v.removals)-i, v.line("audit-list"))
			return
		}
		fmt.Fprintf(b, "- %s, offline since %s, removed at %s.\n", dispatch.Quote(r.Name), humanTime(r.OfflineSince), humanTime(r.At))
	}
}

// comment mentions the team, with the findings that are new and the notices.
func (v *view) comment(news []store.Finding) string {
	var b strings.Builder
	fmt.Fprintf(&b, "@%s/%s: ", v.org.Name(), v.record.TeamSlug)
	if len(news) > 0 {
		fmt.Fprintf(&b, "something new is wrong with the runner group %s. The description of this issue says what to do.\n\n", dispatch.Quote(v.record.GroupName))
	} else {
		fmt.Fprintf(&b, "about the runner group %s:\n\n", dispatch.Quote(v.record.GroupName))
	}
	for i, f := range news {
		if i == mostNew {
			fmt.Fprintf(&b, "- … and %d more.\n", len(news)-i)
			break
		}
		fmt.Fprintf(&b, "- %s %s\n", icon(f), v.a.o.Escape(f.Message))
	}
	for i, n := range v.notices {
		if i == mostNew {
			fmt.Fprintf(&b, "- … and %d more notices.\n", len(v.notices)-i)
			break
		}
		fmt.Fprintf(&b, "- ℹ️ %s\n", v.a.o.Escape(shorten(oneLine(n.Text), mostNotice)))
	}
	return b.String() + "\n" + commentMarker(v.alert.State.Pending.ID) + "\n"
}

func icon(f store.Finding) string {
	if f.Severity == fleet.Critical {
		return "🔴"
	}
	return "🟠"
}

// codeBlock shows a line as code to copy, within an item of a list.
func codeBlock(line string) string {
	fence := "```"
	for strings.Contains(line, fence) {
		fence += "`"
	}
	return "  " + fence + "\n  " + line + "\n  " + fence + "\n"
}

// oneLine makes a line of text: control characters become blanks.
func oneLine(text string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, text))
}

// shorten cuts text after most characters.
func shorten(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

func humanTime(t time.Time) string { return t.UTC().Format("15:04 UTC on 2 January 2006") }
