package comment

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

// The notices that answer a comment of which no command runs.
const (
	NoticeEdited     = "edited"     // an edit added or changed the commands of Comment.Lines
	NoticeUnreadable = "unreadable" // the comment nests too deep, or the server crashed when it read it the first time
)

// MaxEditNotices is how many edits of a comment are answered.
const MaxEditNotices = 3

// An editedError is behind the refusal of a command whose comment was edited.
type editedError struct{ digest string } // of the text as it is now

func (*editedError) Error() string { return "the comment was edited" }

// addedLines returns the commands in after that before does not have.
func addedLines(before, after []Line) (added []Line) {
	had := map[string]int{}
	for _, line := range before {
		had[line.Text]++
	}
	for _, line := range after {
		if had[line.Text]--; had[line.Text] < 0 {
			added = append(added, line)
		}
	}
	return added
}

// notice is what becomes of a job that is a notice, as the outcome of a command.
func notice(comment Comment) outcome {
	text := "❌ **This comment could not be read**, so nothing of it was run. Write each command in a short comment of its own."
	if comment.Notice == NoticeEdited {
		text = renderPasteable("❌ **Edits are not run.** To run what you added or changed, write it in a new comment:", comment.Lines)
	}
	return outcome{
		Reason: dispatch.ReasonPolicy, Edited: comment.Notice == NoticeEdited, Digest: comment.Digest,
		Markdown: text, Foot: codeSpan(string(dispatch.ReasonPolicy)),
	}
}

// answeredElsewhere reports whether another delivery says, or said, that this edit is not
// run, and this one has nothing to add. The comment's own delivery finds it edited if its
// command runs late; the delivery of the edit says so too.
func answeredElsewhere(ctx context.Context, job Job, outcomes []outcome) (bool, error) {
	edited := func(o outcome) bool { return o.Edited }
	i := slices.IndexFunc(outcomes, edited)
	if i < 0 {
		return false, nil
	}
	first, err := job.Once(ctx, "edited/"+strconv.FormatInt(job.Comment().CommentID, 10)+"/"+outcomes[i].Digest)
	if err != nil {
		return false, fmt.Errorf("record that the edit is answered: %w", err)
	}
	return !first && !slices.ContainsFunc(outcomes, func(o outcome) bool { return !o.Edited }), nil
}
