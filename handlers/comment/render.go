package comment

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

const (
	// maxReply is how long a comment gets: GitHub takes 65,536 characters. It is
	// counted in bytes, which are never fewer.
	maxReply = 60_000
	// maxRest is how long the list of the commands that do not run gets, in bytes.
	maxRest = 3_000
)

// done shows a command that succeeded.
func (c *Worker) done(job Job, call slashCommand, result dispatch.Result) outcome {
	s := newSection(job)
	mark := "✅"
	if result.Attention {
		mark = "⚠️"
	}
	s.result(mark, result)
	if call.spec.Effect != dispatch.Reveals { // whose reply ends with what to do with the secret
		s.undo("To undo it, comment:", result.Undo)
	}
	s.below(call, true)
	return outcome{Name: call.name, OK: true, Markdown: s.String(), Foot: foot(call)}
}

// dryRunFlag is --dry-run as [flagOf] reads flags, with its value.
var dryRunFlag = regexp.MustCompile(`(?i)\s+([-–—―−]{2,}|[–—―])?dry-run(=\S+|\s+true\b)?`)

// asks shows what a command would change, and the line that makes it do so. A dry run does
// not wait for that line.
func (c *Worker) asks(job Job, call slashCommand, result dispatch.Result) outcome {
	s := newSection(job)
	s.paragraph("⚠️ **Preview: nothing has changed yet.**")
	s.result("", result)
	s.below(call, false)
	s.teamNote(job, call)
	line, confirm := call.Text, true
	if result.DryRun {
		line = dryRunFlag.ReplaceAllString(line, "")
		confirm = !call.yes && confirms(c.Policy(job.Comment().Org), call)
	}
	if confirm {
		line += " --yes"
	}
	s.paste("To do it, comment:", line)
	return outcome{Name: call.name, OK: result.DryRun, Asks: !result.DryRun, Markdown: s.String(), Foot: foot(call)}
}

// refused shows a command that was refused or failed.
func (c *Worker) refused(job Job, i int, call slashCommand, e *dispatch.Error) outcome {
	s := newSection(job)
	message, reasons := e.Message, []dispatch.Reason{e.Reason}
	if len(e.Items) > 1 && e.Summary != "" {
		message = e.Summary
		for _, item := range e.Items {
			if item.Reason != "" && !slices.Contains(reasons, item.Reason) {
				reasons = append(reasons, item.Reason)
			}
		}
	}
	if e.RetryAfter > 0 && !strings.Contains(e.Message, "Try again in ") {
		message += " Try again in " + humanDuration(e.RetryAfter) + "."
	}
	s.headline("❌", message)
	s.failures(e.Items, nounOf(call.spec))
	if e.Result != nil {
		s.tables(e.Result.Tables)
	}
	s.rest(call, e.Items)
	s.undo("To undo what was done, comment:", e.Undo)
	s.below(call, false)
	if e.Instead != "" {
		s.paste("Comment this line instead:", call.spec.Slash()+" "+e.Instead)
	}
	switch e.Reason {
	case dispatch.ReasonNotMaintainer, dispatch.ReasonGroupNotFound, dispatch.ReasonGroupNotOwned, dispatch.ReasonPolicy:
		s.teamNote(job, call)
	}
	out := outcome{Name: call.name, Reason: e.Reason, Markdown: s.String(), Foot: foot(call, reasons...)}
	if e.Reason == dispatch.ReasonInternal {
		out.Foot += " · request id " + codeSpan(requestID(job, i))
	}
	return out
}

// foot is what the small last line says about a command: its line and why it was refused.
func foot(call slashCommand, reasons ...dispatch.Reason) string {
	words := []string{codeSpan(shorten(lineOf(call), 80))}
	for _, reason := range reasons {
		words = append(words, codeSpan(string(reason)))
	}
	return strings.Join(words, " · ")
}

// lineOf is the command as it was written, without the trigger.
func lineOf(call slashCommand) string {
	if words := oneLine(behindTrigger(call.Text)); words != "" {
		return words
	}
	return oneLine(call.Text)
}

func small(markdown string) string { return "<sub>" + markdown + "</sub>" }

// renderReply puts the outcomes of a comment's commands into one comment. The mention is in
// the last line, and in no other.
func renderReply(comment Comment, outcomes []outcome, marker string) string {
	tooMany := fmt.Sprintf("❌ **Only the first %d commands of a comment run.** Send the others in another comment:", MaxCommands)
	var parts, feet []string
	for _, o := range outcomes {
		parts, feet = append(parts, strings.TrimSpace(o.Markdown)), append(feet, o.Foot)
	}
	if rest := comment.Lines[commandsOf(comment):]; comment.Notice == "" && len(rest) > 0 {
		parts, feet = append(parts, renderPasteable(tooMany, rest)), append(feet, codeSpan(string(dispatch.ReasonPolicy)))
	}
	if len(comment.Appended) > 0 {
		parts, feet = append(parts, renderAppended(comment.Appended)), append(feet, "")
	}
	last := len(parts) - 1
	for i := range parts {
		if i == last {
			feet[i] = strings.TrimSuffix(mention(comment.Author.Login)+" · "+feet[i], " · ")
		}
		if feet[i] != "" {
			parts[i] += "\n\n" + small(feet[i])
		}
	}
	return strings.Join(parts, "\n\n---\n\n") + "\n\n" + marker
}

// renderPasteable shows commands that did not run, to be sent again.
func renderPasteable(why string, commands []Line) string {
	var lines []string
	size := 0
	for _, line := range commands {
		text := oneLine(line.Text)
		if size += len(text) + 1; size > maxRest {
			break
		}
		lines = append(lines, text)
	}
	if len(lines) > 0 {
		why += "\n\n" + codeBlock("", strings.Join(lines, "\n"))
	}
	if more := len(commands) - len(lines); more > 0 {
		why += fmt.Sprintf("\n\n… and %d more", more)
	}
	return why
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
func renderAppended(lines []Line) string {
	var b strings.Builder
	b.WriteString("⚠️ **Not run:** commands in the mail that your mail program appended to your reply:\n\n")
	for _, line := range lines[:min(len(lines), maxAppended-1)] {
		b.WriteString("- " + codeSpan(line.Text) + "\n")
	}
	if len(lines) == maxAppended {
		b.WriteString("- … and more\n")
	}
	return b.String() + "\nTo run one of them, write it in a new comment on GitHub."
}

// replyMarker is how a reply is known again after a crash.
func replyMarker(job Job) string { return "<!-- arm:reply " + job.GUID() + " -->" }

// renderPlain shows a secret to whoever reads the repository.
func renderPlain(comment Comment, call slashCommand, secret *dispatch.Secret, deleteAt time.Time, ttl time.Duration) string {
	var b strings.Builder
	fmt.Fprintf(&b, "🔑 **Here is the %s.**", escapeMessage(secret.Kind))
	if !secret.Expires.IsZero() {
		fmt.Fprintf(&b, " It expires at %s.", humanTime(secret.Expires))
	}
	fmt.Fprintf(&b, "\n\n%s\n\n", codeBlock("sh", secret.Text.Reveal()))
	fmt.Fprintf(&b, "This comment is deleted after %s, at %s. **Everyone who can read this repository has it already**, "+
		"as do the mail and the other webhooks that GitHub sent about it. Deleting the comment does not take it back from them. "+
		"With `--encrypted` only you can read it.\n\n", humanDuration(ttl), deleteAt.UTC().Format("15:04 UTC"))
	return b.String() + small(mention(comment.Author.Login)+" · "+foot(call)) + "\n"
}

// renderEncrypted shows a command's outcome with its secret, to the holder of the key.
// The lines that decrypt it hold it, so that nothing has to be saved.
func renderEncrypted(comment Comment, o outcome, secret *dispatch.Secret, armored, identity string) string {
	var b strings.Builder
	b.WriteString(strings.TrimSpace(o.Markdown))
	if !secret.Expires.IsZero() && !strings.Contains(o.Markdown, "expires at") {
		fmt.Fprintf(&b, "\n\nThe %s expires at %s.", escapeMessage(secret.Kind), humanTime(secret.Expires))
	}
	b.WriteString("\n\nOnly you can decrypt it, with [age](https://age-encryption.org) and the SSH key of your GitHub account. " +
		"These lines print what to run on the runner's machine:\n\n")
	b.WriteString(codeBlock("sh", "age -d -i "+identity+" <<'EOF'\n"+strings.TrimSpace(armored)+"\nEOF"))
	b.WriteString("\n\nIf your key is in another file, change its name. If you are on that machine, in the runner's folder, " +
		"write `| sh` behind the first line to run it at once.\n\n")
	return b.String() + small(mention(comment.Author.Login)+" · "+o.Foot) + "\n"
}
