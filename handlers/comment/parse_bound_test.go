package comment

import (
	"strings"
	"testing"

	"github.com/actions-runner-manager/actions-runner-manager/internal/costtest"
)

// Hostile comments cost no more for each byte than others: a table of 200 columns and
// 5,000 rows, which has 16 kB, once took 212 MiB.
func TestParseCommentIsBounded(t *testing.T) {
	const size = 64_000
	fill := func(unit string) string { return strings.Repeat(unit, size/len(unit)+1)[:size] }
	table := strings.Repeat("|a", 200) + "\n" + strings.Repeat("|-", 200) + "\n" + strings.Repeat("|\n", size/2)
	var ticks strings.Builder
	for n := 1; ticks.Len() < size; n++ {
		ticks.WriteString(strings.Repeat("`", n) + " ")
	}
	for name, text := range map[string]string{
		"table":               table,
		"rows of a table":     "|a|b|\n|-|-|\n" + fill("|x|y|\n"),
		"quotes":              fill(strings.Repeat("> ", 99) + "x\n"),
		"lists":               fill(strings.Repeat("- ", 99) + "x\n"),
		"deeper and deeper":   fill("  - x\n    - y\n      - z\n"),
		"opening code":        ticks.String(),
		"single ticks":        fill("` `` "),
		"comments":            fill("<!-- "),
		"declarations":        fill("<!A "),
		"instructions":        fill("<? "),
		"tags":                fill("<a b='"),
		"less-thans":          fill("<"),
		"links":               fill("[a]: "),
		"definitions":         fill("[a]: b\n"),
		"brackets":            fill("["),
		"closing brackets":    fill("]"),
		"emphasis":            fill("*a_"),
		"entities":            fill("&#"),
		"headings":            fill("# x\n"),
		"underlines":          fill("x\n===\n"),
		"fences":              fill("```\n~~~\n"),
		"blank lines":         fill("\n"),
		"blanks":              fill(" "),
		"tabs":                fill("\t"),
		"lines of one letter": fill("x\n"),
		"commands":            fill("/runner-group help\n"),
		"addresses":           fill("<http://a"),
	} {
		t.Run(name, func(t *testing.T) {
			text := "/runner-group" + " help\n\n" + text
			costtest.Bounded(t, len(text), func() { ParseComment(text, "") })
		})
	}
}
