package comment

import (
	"context"
	"net/http/httptest"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

func TestParseCommentWithAnotherTrigger(t *testing.T) {
	for _, trigger := range []string{"runners", "Runners", "arm", "runner-group-2", "x2"} {
		text := "/runner-group help\n/" + trigger + " status\n/" + trigger + "x help\n"
		lines := ParseComment(text, trigger).Lines
		require.Len(t, lines, 1, trigger)
		assert.Equal(t, 2, lines[0].Number)
		call, refusal := readLine(slashCommands{}, Line{Text: lines[0].Text[:len(trigger)+1] + " repos-add --team"}, trigger, "")
		require.NotNil(t, refusal)
		assert.Equal(t, "repos-add", call.name)
		assert.Contains(t, refusal.Message, "/"+trigger+" repos-add")
	}
}

// A command that was accepted before the trigger was changed is still read.
func TestReadLineOfAnEarlierTrigger(t *testing.T) {
	call, refusal := readLine(slashCommands{}, Line{Text: "/runner-group Repos-Add a --TEAM x"}, "runners", "")
	require.Nil(t, refusal)
	assert.Equal(t, "repos-add", call.name)
	assert.Equal(t, []string{"a"}, call.args.Positional)
}

// Two servers that share an admin repository answer their own commands only.
func TestWebhookAnswersItsOwnTrigger(t *testing.T) {
	for trigger, want := range map[string]string{"": OutcomeAccepted, "runners": OutcomeIgnored} {
		h := newHook()
		handler := NewWebhook(WebhookOptions{
			Secrets: func() []string { return h.secrets },
			Accept:  func(context.Context, string, Comment) (bool, error) { return true, nil },
			Orgs:    []WebhookOrg{{Org: "acme", AdminRepo: "runner-admin", Trigger: trigger, InstallationID: func() int64 { return 77 }}},
			Observe: func(outcome string) { h.outcomes = append(h.outcomes, outcome) },
		})
		handler.ServeHTTP(httptest.NewRecorder(), delivery("issue_comment", commentEvent(nil)))
		handler.ServeHTTP(httptest.NewRecorder(), delivery("issue_comment", commentEvent(func(event map[string]any) {
			in(event, "comment.body", "/\u2060RUNNERS help")
		})))
		other := map[string]string{OutcomeAccepted: OutcomeIgnored, OutcomeIgnored: OutcomeAccepted}[want]
		assert.Equal(t, []string{want, other}, h.outcomes, "%q", trigger)
	}
}

// The check that decides whether a body is decoded agrees with the parser.
func FuzzTriggerInJSON(f *testing.F) {
	f.Add("/runner-group help", "runner-group")
	f.Add("/\u2060Runner\u00ad-Group\u200b help", "runner-group")
	f.Add("x\n\ufeff/ARM", "arm")
	f.Add("/runner\u2011\ufe0fgroup help", "runner-group")
	f.Add("/x\ufe0fy", "xy")
	f.Fuzz(func(t *testing.T, text, word string) {
		if !regexp.MustCompile(`^[a-z0-9][a-z0-9-]*$`).MatchString(word) || len(ParseComment(text, word).Lines) == 0 {
			return
		}
		body := commentEvent(func(event map[string]any) { in(event, "comment.body", text) })
		assert.True(t, triggerOf(word).mayBeInJSON(body))
	})
}

func TestUsageHasTheTrigger(t *testing.T) {
	spec := dispatch.Spec{Name: "help"}
	assert.Equal(t, "/runner-group help", spec.Usage())
	spec.Trigger = "runners"
	assert.Equal(t, "/runners help", spec.Usage())
}
