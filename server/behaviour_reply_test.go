package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// A reply that GitHub does not take now is posted later.
func TestReplyTooQuickly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.hub.Inject(ghsim.Fault{
		Method: http.MethodPost, Path: `/issues/1/comments$`, Times: 2, Status: 422, Header: http.Header{"Retry-After": {"1"}},
		Body: `{"message":"Validation Failed","errors":[{"resource":"IssueComment","code":"unprocessable","field":"data","message":"body was submitted too quickly"}]}`,
	})
	replies, reaction := w.say("ada", 1, "/runner-group repos-add api")
	assert.Equal(t, "rocket", reaction)
	assert.Len(t, replies, 1, "it was tried again")
	assert.Equal(t, []string{"api"}, w.repos("platform"))
}

// A command whose answer cannot be posted runs and gets 😕, and the log says why.
func TestReplyIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	tests := []struct {
		name, line, says string
		change           func(*ghsim.Issue)
	}{
		{"locked", "repos-add api", "issue is locked", func(i *ghsim.Issue) { i.Locked = true }},
		{"too many comments", "repos-add web", "more than 2500 comments", func(i *ghsim.Issue) {
			for len(i.Comments) < 2499 {
				i.Comments = append(i.Comments, &ghsim.Comment{ID: int64(1 + len(i.Comments)), Author: i.Author, Body: "+1"})
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			issue := func(change func(*ghsim.Issue)) {
				w.hub.Update(org(func(o *ghsim.Org) { change(o.Repo("runner-admin").Issue(1)) }))
			}
			issue(tt.change)
			replies, reaction := w.in(t).say("ada", 1, "/runner-group "+tt.line)
			assert.Equal(t, "confused", reaction)
			assert.Empty(t, replies)
			issue(func(i *ghsim.Issue) { i.Locked = false })
			var logged string
			for line := range strings.Lines(w.log.String()) {
				if strings.Contains(line, "cannot be posted") && strings.Contains(line, tt.says) {
					logged = line
				}
			}
			require.NotEmpty(t, logged)
			assert.NotContains(t, logged, "doctor")
		})
	}
	assert.ElementsMatch(t, []string{"api", "web"}, w.repos("platform"))
}
