package comment

import (
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/costtest"
)

// TestMails reads the mails in testdata/mails: each is a comment by mail, with the commands
// that run and those that a mail program appended. Those named none-… are no mails.
func TestMails(t *testing.T) {
	files, err := filepath.Glob("testdata/mails/*.txtar")
	require.NoError(t, err)
	require.Greater(t, len(files), 25)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			require.NoError(t, err)
			text := fileOf(archive, "comment.md")
			for name, text := range map[string]string{"LF": text, "CRLF": strings.ReplaceAll(text, "\n", "\r\n")} {
				parsed := ParseComment(text, "")
				assert.Equal(t, fileOf(archive, "runs"), joined(parsed.Lines), "%s: what runs", name)
				assert.Equal(t, fileOf(archive, "appended"), joined(parsed.Appended), "%s: what was appended", name)
			}
		})
	}
}

func joined(lines []Line) string {
	var b strings.Builder
	for _, line := range lines {
		b.WriteString(line.Text + "\n")
	}
	return b.String()
}

// headerBlocks are what mail programs put above the mail that is replied to.
var headerBlocks = []string{
	"From: Mona Lisa <notifications@github.com>",
	"-----Original Message-----\nFrom: Mona Lisa",
	"________________________________\nVon: Mona Lisa\nGesendet: Montag, 5. Januar 2026 10:00",
	"**De\u00a0:** Mona Lisa\n**Envoyé\u00a0:** lundi 5 janvier 2026 10:00\n**À\u00a0:** acme/runner-admin",
	"差出人: Mona Lisa\n送信日時: 2026年1月5日 10:00\n件名: Re: Runners",
	"To: acme/runner-admin <reply+AAAB7YD2EXAMPLE@reply.github.com>",
}

// FuzzMails never runs a line beneath a header block, whatever is around it.
func FuzzMails(f *testing.F) {
	for i := range headerBlocks {
		f.Add(uint(i), "Please do not.", "/runner-group help")
		f.Add(uint(i), "/runner-group repos-add a,", "> quote\n\n/runner-group help")
		f.Add(uint(i), "On Monday X wrote:\n> a", "x\n```\n/runner-group help\n```\n/runner-group status")
		f.Add(uint(i), "```\nx\n<!--", "-->\n```\n\n/runner-group help\r/runner-group status")
	}
	f.Fuzz(func(t *testing.T, block uint, above, below string) {
		above = strings.TrimPrefix(above, "\ufeff") + "\n\n"
		text := above + headerBlocks[block%uint(len(headerBlocks))] + "\n\n" + below
		var parsed Parsed
		costtest.Bounded(t, len(text), func() { parsed = ParseComment(text, "") })
		header := 1 + strings.Count(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(above), "\n")
		for _, line := range parsed.Lines {
			assert.Less(t, line.Number, header, "%q runs beneath the header block in line %d", line.Text, header)
		}
	})
}

func TestMailsAreBounded(t *testing.T) {
	const size = 60_000
	for name, unit := range map[string]string{
		"headers":      "From: a\n",
		"dates":        "Date: 1\nx\n",
		"attributions": "On 1 January a wrote\n",
		"colons":       "a 10:00 <a@b.c>:\n",
		"addresses":    "a@b.c <",
		"long line":    "On wrote schrieb 1 ",
		"quotes":       "On 1 a wrote:\n> a\n\n",
		"originals":    "-----Original Message-----\n> a\n\n",
		"blank lines":  "-----Original Message-----\n\n\n\n\n\n\n\n\n",
		"invisible":    "\u200b",
		"joiners":      "é\u200d",
		"column":       "a,\n",
		"tags":         "<b>From:</b> a<br>",
		"open tags":    "<b <br <p ",
		"selectors":    "\ufe0f",
		"hyphens":      "\u2011group",
		"backslashes":  "\\",
	} {
		t.Run(name, func(t *testing.T) {
			text := "/runner-group help\n" + "/runner-group repos-add a,\n" + strings.Repeat(unit, size/len(unit))
			costtest.Bounded(t, len(text), func() { ParseComment(text, "") })
		})
	}
}

func TestExplainMail(t *testing.T) {
	got := Explain(slashCommands{}, "acme", "", "/runner-group group-list --team x\n\nOn Monday Mona wrote:\n/runner-group help")
	require.Len(t, got, 2)
	assert.Empty(t, got[0].Error)
	assert.True(t, got[1].Appended)
	assert.Equal(t, "line 4: help\n  policy: This line is in the mail that a mail program appended to a reply, so it does not run.", got[1].String())
}

// A reply by mail without a command of its own is accepted, so that it is answered.
func TestWebhookAcceptsMails(t *testing.T) {
	h := newHook()
	h.handler().ServeHTTP(httptest.NewRecorder(), delivery("issue_comment", commentEvent(func(event map[string]any) {
		in(event, "comment.body", "No.\r\n\r\n-----Original Message-----\r\n"+strings.Repeat("/runner-group help "+strings.Repeat("x", 1_000)+"\r\n", 50))
	})))
	require.Equal(t, []string{OutcomeAccepted}, h.outcomes)
	assert.Empty(t, h.accepted[0].Lines)
	assert.Len(t, h.accepted[0].Appended, maxAppended)
	assert.Less(t, len(h.accepted[0].Appended[0].Text), 100)
}
