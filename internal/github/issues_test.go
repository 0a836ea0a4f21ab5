package github_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

func TestIssues(t *testing.T) {
	s := newSim(t)
	org := newApp(t, s.url).Org("acme", 0, "runner-admin")
	ctx := t.Context()

	health := github.Label{Name: "runner-health", Color: "d93f0b", Description: "of runner groups"}
	require.NoError(t, org.EnsureLabel(ctx, health))
	require.NoError(t, org.EnsureLabel(ctx, health), "it exists")
	issue, err := org.CreateIssue(ctx, github.NewIssue{Title: "Look", Body: "here", Labels: []string{"runner-health", "team:web"}})
	require.NoError(t, err)
	assert.Equal(t, []string{"runner-health", "team:web"}, issue.Labels)
	assert.EqualValues(t, 4242, issue.AppID)
	require.NoError(t, org.AddIssueLabels(ctx, issue.Number, []string{"more", "TEAM:web"}))
	issue, err = org.EditIssue(ctx, issue.Number, github.IssueChange{Body: "there", State: github.IssueClosed})
	require.NoError(t, err)
	assert.Equal(t, "Look there closed", issue.Title+" "+issue.Body+" "+issue.State)
	assert.True(t, issue.HasLabel("MORE"))
	assert.Len(t, issue.Labels, 3)

	find := func(f github.IssueFilter) (numbers []int) {
		t.Helper()
		found, err := org.FindIssues(ctx, f)
		require.NoError(t, err)
		for _, i := range found {
			numbers = append(numbers, i.Number)
		}
		return numbers
	}
	bot := issue.UserLogin
	assert.Equal(t, []int{2, 1}, find(github.IssueFilter{}))
	assert.Equal(t, []int{2}, find(github.IssueFilter{Creator: bot, Labels: []string{"runner-health", "team:web"}}))
	assert.Empty(t, find(github.IssueFilter{Creator: bot, State: github.IssueOpen}))
	_, err = org.EditIssue(ctx, issue.Number, github.IssueChange{State: github.IssueOpen, Title: "Look again"})
	require.NoError(t, err)
	again, err := org.Issue(ctx, issue.Number)
	require.NoError(t, err)
	assert.Equal(t, "Look again there open", again.Title+" "+again.Body+" "+again.State)

	s.Update(func(st *ghsim.State) { st.Org("acme").Repo("runner-admin").DeleteIssue(issue.Number) })
	_, err = org.Issue(ctx, issue.Number)
	assert.Equal(t, github.NotFound, github.KindOf(err))
	_, err = org.EditIssue(ctx, issue.Number, github.IssueChange{Body: "x"})
	assert.Equal(t, github.NotFound, github.KindOf(err))
	assert.Empty(t, s.Unknown())
}

// A name that could change the path or the query is not sent, and an issue is never created
// twice by itself.
func TestIssueRequests(t *testing.T) {
	f := newFake(t)
	f.on("POST /repos/acme/admin/issues", http.StatusBadGateway, `{}`)
	f.on("POST /repos/acme/admin/labels", http.StatusUnprocessableEntity, `{"message":"Validation Failed","errors":[{"code":"already_exists"}]}`)
	org := newApp(t, f.URL).Org("acme", 0, "admin")
	ctx := t.Context()
	for name, do := range map[string]func() error{
		"label with a comma":   func() error { _, err := org.FindIssues(ctx, github.IssueFilter{Labels: []string{"a,b"}}); return err },
		"creator":              func() error { _, err := org.FindIssues(ctx, github.IssueFilter{Creator: "a b"}); return err },
		"label of dots":        func() error { return org.EnsureLabel(ctx, github.Label{Name: ".."}) },
		"label of the runner":  func() error { _, err := org.RemoveRunnerLabel(ctx, 1, ".."); return err },
		"repository":           func() error { _, err := org.UserPermission(ctx, "a/b", "ada"); return err },
		"login":                func() error { _, err := org.UserPermission(ctx, "a", "../x"); return err },
		"repository of groups": func() error { _, err := org.GroupsVisibleTo(ctx, ".."); return err },
	} {
		assert.Equal(t, github.Invalid, github.KindOf(do()), name)
	}
	assert.Empty(t, f.calls())

	_, err := org.CreateIssue(ctx, github.NewIssue{Title: "x"})
	var failure *github.Error
	require.ErrorAs(t, err, &failure)
	assert.True(t, failure.Ambiguous)
	assert.Len(t, f.calls(), 1)
	assert.NoError(t, org.EnsureLabel(context.WithoutCancel(ctx), github.Label{Name: "a b/c"}), "another replica made it")
}
