package github_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

// What GitHub answers to a comment that it does not take now, or not at all. The messages are
// GitHub's own, as the pages behind them quote them.
func TestRefusedComments(t *testing.T) {
	const minute = time.Minute
	tests := []struct {
		name    string // where the answer is quoted
		status  int
		body    string
		headers []string
		want    github.Kind
		wait    time.Duration
	}{
		{"integrations/terraform-provider-github#2329", 403, `{"message":"You have exceeded a secondary rate limit. Please wait a few minutes before you try again. If you reach out to GitHub Support for help, please include the request ID ABCD."}`, nil, github.RateLimited, minute},
		{"gofri/go-github-ratelimit#38", 403, `{"message":"You have exceeded a secondary rate limit and have been temporarily blocked from content creation. Please retry your request again later.","status":"403"}`, []string{"X-RateLimit-Remaining", "4114"}, github.RateLimited, minute},
		{"jcabi/jcabi-github#1325", 403, `{"message":"You have triggered an abuse detection mechanism. Please wait a few minutes before you try again."}`, nil, github.RateLimited, minute},
		{"bradleyfalzon/gopherci#58", 403, `{"message":"You have triggered an abuse detection mechanism and have been temporarily blocked from content creation. Please retry your request again later."}`, nil, github.RateLimited, minute},
		{"petabridge/akka-bootcamp#133", 403, `{"message":"You have triggered an abuse detection mechanism and have been temporarily blocked from calling the API. Please retry your request again later."}`, []string{"Retry-After", "7"}, github.RateLimited, 7 * time.Second},
		{"intel/dffml#1408", 422, `{"message":"Validation Failed","errors":[{"resource":"IssueComment","code":"unprocessable","field":"data","message":"was submitted too quickly"}]}`, nil, github.RateLimited, minute},
		{"the body, as one sentence", 422, `{"message":"Validation Failed: body was submitted too quickly"}`, nil, github.RateLimited, minute},
		{"the body, as a text among the errors", 422, `{"message":"Validation Failed","errors":["body was submitted too quickly"]}`, nil, github.RateLimited, minute},
		{"octokit/plugin-throttling.js#775", 422, `{"message":"Validation Failed","errors":[{"resource":"PullRequestReview","code":"abuse","field":"base"}]}`, []string{"X-RateLimit-Remaining", "4456"}, github.RateLimited, minute},
		{"422 that says when", 422, `{"message":"Validation Failed"}`, []string{"Retry-After", "30"}, github.RateLimited, 30 * time.Second},
		{"429", 429, `{"message":"Too many requests"}`, nil, github.RateLimited, minute},

		{"too long", 422, `{"message":"Validation Failed","errors":[{"resource":"IssueComment","code":"unprocessable","field":"data","message":"Body is too long (maximum is 65536 characters)"}]}`, nil, github.Invalid, 0},
		{"too long, with the last request", 422, `{"message":"Validation Failed"}`, []string{"X-RateLimit-Remaining", "0", "X-RateLimit-Reset", "4102444800"}, github.Invalid, 0},
		{"no permission", 403, `{"message":"Resource not accessible by integration"}`, nil, github.Forbidden, 0},
		{"probot/stale#25", 403, `{"message":"Unable to create comment because issue is locked.","documentation_url":"https://help.github.com/articles/locking-conversations/"}`, nil, github.Closed, 0},
		{"cockpit-project/cockpit#8417", 403, `{"message":"Commenting is disabled on issues with more than 2500 comments","status":"403"}`, nil, github.Closed, 0},
		{"an archived repository", 403, `{"message":"Repository was archived so is read-only."}`, nil, github.Closed, 0},
		{"issues that are switched off", 410, `{"message":"Issues are disabled for this repo"}`, nil, github.NotFound, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFake(t)
			f.on("POST /repos/acme/runner-admin/issues/3/comments", tt.status, tt.body, tt.headers...)
			org := newApp(t, f.URL).Org("acme", 0, "runner-admin")
			_, err := org.CreateComment(t.Context(), 3, "Done.")
			var e *github.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, fmt.Sprint(tt.want, " ", tt.wait), fmt.Sprint(e.Kind, " ", e.RetryAfter), e)
			assert.False(t, e.Ambiguous, "GitHub took nothing")
			assert.Len(t, f.calls(), 1, "the caller waits, not this package")
		})
	}
}
