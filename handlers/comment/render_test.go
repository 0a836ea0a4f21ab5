package comment

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

func jobOf(text string) *memoryJob {
	return &memoryJob{attempt: 1, recorded: map[string][]byte{}, comment: Comment{
		Org: "acme", Issue: 3, CommentID: 9001, Author: Author{ID: 5, Login: "mona"}, Lines: ParseComment(text, "").Lines,
	}}
}

func longTable(rows int) dispatch.Table {
	table := dispatch.Table{Title: "Runners <of> @acme", Header: []string{"Runner", "Labels"}}
	for i := range rows {
		table.Rows = append(table.Rows, []string{fmt.Sprintf("runner-%04d", i), strings.Repeat("label,", 20)})
	}
	return table
}

func TestLongTables(t *testing.T) {
	tests := []struct {
		name     string
		commands int
		rows     int
		folded   bool
		cut      bool
	}{
		{"short", 1, 20, false, false},
		{"long", 1, 21, true, false},
		{"longer than a comment", 1, 5_000, true, true},
		{"ten of them", 10, 5_000, true, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			job := jobOf(strings.Repeat("/runner-group group-list\n", tt.commands))
			c := NewWorker(WorkerOptions{Dispatcher: slashCommands{}})
			var outcomes []outcome
			for _, line := range job.comment.Lines {
				call, refusal := readLine(slashCommands{}, line, "", "")
				require.Nil(t, refusal)
				outcomes = append(outcomes, c.done(job, call, dispatch.Result{
					Message: "Your runners.", Tables: []dispatch.Table{longTable(tt.rows), longTable(tt.rows)}, Notes: []string{"The end."},
				}))
			}
			reply := renderReply(job.comment, outcomes, replyMarker(job))
			assert.LessOrEqual(t, len(reply), 65_536)
			assert.Equal(t, 2*tt.commands, strings.Count(reply, "| runner-0000 |"))
			assert.Equal(t, tt.commands, strings.Count(reply, "The end."))
			assert.Equal(t, tt.folded, strings.Contains(reply, "<details><summary>Runners &lt;of&gt; @\u2060acme ("+fmt.Sprint(tt.rows)+")</summary>"))
			assert.Equal(t, strings.Count(reply, "<details>"), strings.Count(reply, "\n</details>\n"))
			assert.Equal(t, tt.cut, strings.Contains(reply, fmt.Sprintf("of %d are shown", tt.rows)))
			assert.True(t, strings.HasSuffix(reply, replyMarker(job)))
		})
	}
}

func TestRepliesAlwaysFit(t *testing.T) {
	job := jobOf(strings.Repeat("/runner-group group-list "+strings.Repeat("`x", 500)+"\n", 60))
	c := NewWorker(WorkerOptions{Dispatcher: slashCommands{}})
	call := slashCommand{Line: job.comment.Lines[0], name: "group-list"}
	items := make([]dispatch.Item, 2_000)
	for i := range items {
		items[i] = dispatch.Item{Item: strings.Repeat("💥|", 50), Error: strings.Repeat("\"<@a>`\" ", 20), Reason: "policy"}
	}
	monster := dispatch.Result{Message: strings.Repeat("`[*_#@<\"", 20_000), Notes: []string{strings.Repeat("✂", 50_000)}, Items: items}
	outcomes := []outcome{
		c.done(job, call, monster), c.asks(job, call, monster),
		c.refused(job, 2, call, &dispatch.Error{Message: monster.Message, Items: items, Result: &monster}),
	}
	for len(outcomes) < MaxCommands {
		outcomes = append(outcomes, outcomes[2])
	}
	reply := renderReply(job.comment, outcomes, replyMarker(job))
	assert.LessOrEqual(t, len(reply), 65_536)
	assert.True(t, strings.HasSuffix(reply, replyMarker(job)))
	assert.Empty(t, ParseComment(reply, ""), "the reply holds a command")
}

func TestCodeSpan(t *testing.T) {
	for text, want := range map[string]string{
		"a": "`a`", "": "–", "a`b": "`` a`b ``", "``": "``` `` ```", "a\nb\x00c": "`a b c`", "<b> @x": "`<b> @x`",
	} {
		assert.Equal(t, want, codeSpan(text), "%q", text)
	}
	assert.Equal(t, "````sh\na```b\n````", codeBlock("sh", "a```b\n"))
}

func TestTame(t *testing.T) {
	for text, want := range map[string]string{
		"plain":                           "plain",
		"**bold** and `code @x <b>`":      "**bold** and `code @x <b>`",
		"```\n/runner-group x @y\n```":    "```\n/runner-group x @y\n```",
		"mail @team now":                  "mail @\u2060team now",
		"<!-- x --><b>":                   "&lt;!-- x -->&lt;b>",
		`no "[a](b)" here`:                "no `[a](b)` here",
		`an "open quote`:                  `an "open quote`,
		`"a\"b"`:                          "`a\\\"b`",
		"an ` alone @x":                   "an ` alone @\u2060x",
		"  /runner-group x":               "  \\/runner-group x",
		"use /runner-group x":             "use /runner-group x",
		"see #12, # heading":              "see #\u206012, # heading",
		"[docs](https://example.com) ✅ ü": "[docs](https://example.com) ✅ ü",
	} {
		assert.Equal(t, want, escapeMessage(text), "%q", text)
	}
}

func TestCell(t *testing.T) {
	for text, want := range map[string]string{
		"web": "web", "Create a team's group": "Create a team's group", "acme/web": "acme/web", "2026-01-02T12:00:00Z": "2026-01-02T12:00:00Z", "Note: this": "Note: this",
		"@acme": "`@acme`", "a|b": "`a｜b`", "x_y": "`x_y`", "www.example.com": "`www.example.com`", "https://a": "`https://a`",
		":tada:": "`:tada:`", "see GH-12": "`see GH-12`", "---": "`---`", "a\nb": "a b",
	} {
		assert.Equal(t, want, cell(text), "%q", text)
	}
}

func TestHumanDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		5 * time.Minute: "5 minutes", time.Hour: "1 hour", 10 * time.Minute: "10 minutes", 90 * time.Second: "90 seconds",
		0: "1 second", 200 * time.Millisecond: "1 second", 36 * time.Hour: "36 hours", 1500 * time.Millisecond: "2s",
	} {
		assert.Equal(t, want, humanDuration(d))
	}
}

func TestTeamOfThePlace(t *testing.T) {
	tests := []struct {
		name, body string
		labels     []string
		want       string
	}{
		{"nothing", "", nil, ""},
		{"label", "", []string{"team:web"}, "web"},
		{"label before form", "### Team\n\nops", []string{"team:web"}, "web"},
		{"labels that agree", "", []string{"team:web", "Team: WEB"}, "web"},
		{"labels that disagree", "### Team\n\nops", []string{"team:web", "team:ops"}, ""},
		{"form", "### What\n\nx\n\n### Team\n\nops\n\n### Why\n\ny", nil, "ops"},
		{"form with CRLF", "### Team\r\n\r\nops\r\n", nil, "ops"},
		{"form with an organization, which the command checks", "### Team\n\n@acme/ops", nil, "@acme/ops"},
		{"form without an answer", "### Team\n\n_No response_\n\nops", nil, ""},
		{"form with the next heading", "### Team\n\n### Why\n\nops", nil, ""},
		{"a heading in a comment", "<!--\n### Team\n\nops\n-->", nil, ""},
		{"a heading in code", "```\n### Team\n\nops\n```", nil, ""},
		{"a heading in a quote", "> ### Team\n>\n> ops", nil, ""},
		{"a field in a quote beneath the heading", "### Team\n\n> ops", nil, ""},
		{"a second field without a team", "### Team\n\n_No response_\n\n### Team\n\nops", nil, ""},
		{"a field that is too deep to read", "### Team\n\nops\n\n" + strings.Repeat(">", 200), nil, ""},
		{"two fields", "### Why\n\nx\n\n### Team\n\nops\n\n### Team\n\nweb", nil, ""},
		{"form at its end", "### Team\n", nil, ""},
		{"another heading", "### Teams\n\nops", nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			hint := hintOf(Comment{Labels: tt.labels, TeamFields: teamFields(tt.body), IssueAuthor: Author{ID: 5, Login: "mona"}})
			assert.Equal(t, tt.want, hint.slug)
			refused := []string{"labels that disagree", "two fields", "a second field without a team", "a field in a quote beneath the heading", "a field that is too deep to read"}
			assert.Equal(t, slices.Contains(refused, tt.name), hint.problem != "")
		})
	}
}
