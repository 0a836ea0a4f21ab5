package comment

import (
	"bytes"
	"context"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
)

// What a signed delivery of the admin repository can be dropped for. None that holds a command
// is dropped silently: GitHub is asked, or the author gets an answer, or the log says so. What
// holds none is dropped without a call or a log line, and so is what is of another repository.
func TestNothingIsDroppedSilently(t *testing.T) {
	edit := func(before string) func(map[string]any) {
		return func(event map[string]any) {
			event["action"] = "edited"
			event["changes"] = map[string]any{"body": map[string]any{"from": before}}
		}
	}
	put := func(path string, value any) func(map[string]any) {
		return func(event map[string]any) { in(event, path, value) }
	}
	const asked, logged, answered, silent = "asked", "logged", "answered", ""
	tests := []struct {
		name   string
		body   []byte
		want   int
		detail string // of the answer to GitHub
		heard  string // how somebody hears of it
	}{
		{"a deleted comment", commentEvent(put("action", "deleted")), 200, string(dropAction), silent},
		{"an edit that adds a command", commentEvent(edit("Please")), 200, "", answered},
		{"an edit that adds none", commentEvent(edit("/runner-group repos-add a,b")), 200, string(dropNoneAdded), silent},
		{"an edit of something else", commentEvent(put("action", "edited")), 200, string(dropNoneAdded), silent},
		{"another repository", commentEvent(put("repository.full_name", "acme/web")), 200, string(dropRepository), silent},
		{"our own comment", commentEvent(put("comment.performed_via_github_app", map[string]any{"id": 4242})), 200, string(dropOwn), silent},
		{"no command", commentEvent(put("comment.body", "`/runner-group`")), 200, string(dropNoCommand), silent},
		{"a bot", commentEvent(put("comment.user.type", "Bot")), 200, string(dropBot), logged},
		{"a bot as the sender", commentEvent(put("sender.type", "Bot")), 200, string(dropBot), logged},
		{"a bot without a command", commentEvent(func(e map[string]any) { in(e, "comment.user.type", "Bot"); in(e, "comment.body", "`/runner-group`") }), 200, string(dropNoCommand), silent},
		{"another App", commentEvent(put("comment.performed_via_github_app", map[string]any{"id": 1})), 200, string(dropBot), logged},
		{"a bot's edit", commentEvent(func(e map[string]any) { edit("Please")(e); in(e, "sender.type", "Bot") }), 200, string(dropBot), logged},
		{"another installation", commentEvent(put("installation.id", 78)), 200, string(dropInstallation), asked + " " + logged},
		{"another installation, and GitHub is down", commentEvent(put("installation.id", 500)), 503, "the delivery could not be taken now", asked + " " + logged},
		{"another organization's name", commentEvent(func(e map[string]any) {
			in(e, "repository.owner", map[string]any{"id": 8, "login": "other"})
			in(e, "repository.full_name", "other/runner-admin")
		}), 200, string(dropOrganization), asked + " " + logged},
		{"no installation", commentEvent(put("installation", nil)), 200, string(dropInstallation), logged},
		{"an edit of another installation", commentEvent(func(e map[string]any) { edit("Please")(e); in(e, "installation.id", 78) }), 200, string(dropInstallation), asked + " " + logged},
		{"nested too deep to be read", commentEvent(put("comment.body", strings.Repeat("- ", 101)+"\n\n/runner-group help")), 200, "", answered},
		{"malformed", commentEvent(put("comment.id", 0)), 400, "the delivery cannot be read", logged},
		{"not JSON", []byte(`{"runner-group`), 400, "the delivery cannot be read", logged},
		{"cut off", bytes.TrimSuffix(commentEvent(nil), []byte("}")), 400, "the delivery cannot be read", logged},
		{"larger than a comment can be", bytes.Repeat([]byte(" "), maxKept+1), 200, "larger than a comment can be", logged},
		{"one that crashed the server", commentEvent(put("comment.body", "/runner-group help\n"+strings.Repeat("x", guardedText))), 200, "", logged + " " + answered},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var log strings.Builder
			var heard []string
			var accepted []Comment
			h := NewWebhook(WebhookOptions{
				Secrets: func() []string { return []string{hookSecret} }, AppID: func() int64 { return 4242 }, Logger: zerolog.New(&log),
				Orgs: []WebhookOrg{{
					Org: "acme", AdminRepo: "runner-admin", InstallationID: func() int64 { return 77 }, OrgID: func() int64 { return 8 }, Name: func() string { return "acme" },
					Refresh: func(context.Context) error { heard = append(heard, asked); return nil },
					IsInstallation: func(_ context.Context, id int64) (bool, error) {
						heard = append(heard, asked)
						if id == 500 {
							return false, context.DeadlineExceeded
						}
						return false, nil
					},
				}},
				Accept: func(_ context.Context, _ string, c Comment) (bool, error) {
					accepted = append(accepted, c)
					return true, nil
				},
				Parsing: func(context.Context, string, string) (func(), bool, error) { return nil, true, nil },
			})
			w := httptest.NewRecorder()
			h.ServeHTTP(w, delivery("issue_comment", tt.body))
			assert.Equal(t, tt.want, w.Code)
			assert.Contains(t, w.Body.String(), tt.detail)
			if strings.Contains(log.String(), `"level":"warn"`) || strings.Contains(log.String(), `"level":"error"`) {
				heard = append(heard, logged)
				assert.Contains(t, log.String(), "72d3162e-cc78-11e3-81ab-4c9367dc0958", "the log names the delivery")
			}
			for _, c := range accepted {
				assert.NotEmpty(t, c.Notice, "nothing is run")
				heard = append(heard, answered)
			}
			assert.Equal(t, tt.heard, strings.Join(heard, " "), log.String())
		})
	}
}

func TestAddedLines(t *testing.T) {
	line := func(texts ...string) (lines []Line) {
		for i, text := range texts {
			lines = append(lines, Line{Number: i + 1, Text: text})
		}
		return lines
	}
	tests := []struct {
		name          string
		before, after []Line
		want          int
	}{
		{"nothing", nil, nil, 0},
		{"added", nil, line("a"), 1},
		{"moved", line("a", "b"), line("b", "a"), 0},
		{"removed", line("a", "b"), line("b"), 0},
		{"changed", line("a", "b"), line("a", "c"), 1},
		{"repeated", line("a"), line("a", "a", "a"), 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { assert.Len(t, addedLines(tt.before, tt.after), tt.want) })
	}
}
