package comment

import (
	"fmt"
	"strings"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

// maxReply is how long a comment gets: GitHub takes 65,536 characters. It is
// counted in bytes, which are never fewer.
const maxReply = 60_000

// done shows a command that succeeded.
func (c *Worker) done(job Job, call slashCommand, result dispatch.Result) outcome {
	s := newSection(job, call, "✅")
	s.result(result)
	return outcome{Name: call.name, OK: true, Markdown: s.String()}
}

// asks shows what a command would change, and the line that makes it do so.
func (c *Worker) asks(job Job, call slashCommand, result dispatch.Result) outcome {
	s := newSection(job, call, "⚠️")
	s.paragraph("**Preview.** Nothing has changed yet.")
	s.result(result)
	s.teamNote(job, call)
	s.paragraph("To do it, write a new comment with this line: " + codeSpan(call.Text+" --yes"))
	return outcome{Name: call.name, Asks: true, Markdown: s.String()}
}

// refused shows a command that was refused or failed.
func (c *Worker) refused(job Job, i int, call slashCommand, e *dispatch.Error) outcome {
	s := newSection(job, call, "❌")
	s.paragraph(escapeMessage(e.Message))
	if e.RetryAfter > 0 && !strings.Contains(e.Message, "Try again in ") {
		s.paragraph("Try again in " + humanDuration(e.RetryAfter) + ".")
	}
	s.items(e.Items, e.Message)
	if e.Result != nil {
		s.result(*e.Result)
	}
	switch e.Reason {
	case dispatch.ReasonNotMaintainer, dispatch.ReasonGroupNotFound, dispatch.ReasonGroupNotOwned, dispatch.ReasonPolicy:
		s.teamNote(job, call)
	}
	reason := "reason: " + codeSpan(string(e.Reason))
	if e.Reason == dispatch.ReasonInternal {
		reason += ", request id: " + codeSpan(requestID(job, i))
	}
	s.paragraph("<sub>" + reason + "</sub>")
	return outcome{Name: call.name, Reason: e.Reason, Markdown: s.String()}
}

// renderReply puts the outcomes of a comment's commands into one comment.
func renderReply(comment Comment, outcomes []outcome, marker string) string {
	var b strings.Builder
	b.WriteString(mention(comment.Author.Login) + "\n")
	for _, o := range outcomes {
		b.WriteString("\n" + strings.TrimSpace(o.Markdown) + "\n")
	}
	if rest := comment.Lines[commandsOf(comment):]; comment.Notice == "" && len(rest) > 0 {
		fmt.Fprintf(&b, "\n❌ Only the first %d commands of a comment run. Send these in another comment:\n\n", MaxCommands)
		for i, line := range rest {
			if i == 50 {
				fmt.Fprintf(&b, "- … and %d more\n", len(rest)-i)
				break
			}
			fmt.Fprintf(&b, "- %s\n", codeSpan(shorten(line.Text, 80)))
		}
		b.WriteString("\n<sub>reason: `policy`</sub>\n")
	}
	renderAppended(&b, comment.Appended)
	return b.String() + "\n" + marker
}

// maxAppended is how many commands of a mail are kept, of which a reply shows all but the last.
const maxAppended = 6

// clipAppended bounds what is kept of a mail that was replied to.
func clipAppended(lines []Line) []Line {
	lines = lines[:min(len(lines), maxAppended)]
	for i := range lines {
		lines[i].Text = shorten(lines[i].Text, 80)
	}
	return lines
}

// renderAppended says which commands did not run since a mail program appended them.
func renderAppended(b *strings.Builder, lines []Line) {
	if len(lines) == 0 {
		return
	}
	b.WriteString("\n**Not run:** commands in the mail that your mail program appended to your reply:\n\n")
	for _, line := range lines[:min(len(lines), maxAppended-1)] {
		b.WriteString("- " + codeSpan(line.Text) + "\n")
	}
	if len(lines) == maxAppended {
		b.WriteString("- … and more\n")
	}
	b.WriteString("\nTo run one of them, write it in a new comment on GitHub.\n")
}

// replyMarker is how a reply is known again after a crash.
func replyMarker(job Job) string { return "<!-- arm:reply " + job.GUID() + " -->" }

// renderPlain shows a secret to whoever reads the repository.
func renderPlain(comment Comment, call slashCommand, secret *dispatch.Secret, deleteAt time.Time, ttl time.Duration) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, here is the %s for %s.\n\n%s\n\n", mention(comment.Author.Login), escapeMessage(secret.Kind),
		codeSpan(shorten(call.Text, 200)), codeBlock("sh", secret.Text.Reveal()))
	if !secret.Expires.IsZero() {
		fmt.Fprintf(&b, "It expires at %s. ", humanTime(secret.Expires))
	}
	fmt.Fprintf(&b, "This comment is deleted after %s, at %s. **Everybody who reads this repository has it already**, "+
		"as do the mail and the other webhooks that GitHub sent about it: deleting the comment does not take it back from them. "+
		"With `--encrypted` only you can read it.\n", humanDuration(ttl), humanTime(deleteAt))
	return b.String()
}

// renderEncrypted shows a secret to the one who holds the key.
func renderEncrypted(comment Comment, call slashCommand, secret *dispatch.Secret, armored, identity string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, here is the %s for %s, encrypted with [age](https://age-encryption.org) to your SSH keys.\n\n%s\n\n",
		mention(comment.Author.Login), escapeMessage(secret.Kind), codeSpan(shorten(call.Text, 200)), codeBlock("", armored))
	fmt.Fprintf(&b, "Save the block as `answer.age`, then decrypt it (with the file of your own key, if that is another one):\n\n%s\n",
		codeBlock("sh", "age -d -i "+identity+" answer.age"))
	if !secret.Expires.IsZero() {
		fmt.Fprintf(&b, "\nIt expires at %s.\n", humanTime(secret.Expires))
	}
	return b.String()
}
