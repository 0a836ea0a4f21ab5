package github_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

func TestMovedRepository(t *testing.T) {
	f := newFake(t)
	repo := `{"id":9,"name":"api","owner":{"login":"acme"}}`
	f.on("GET /repos/acme/api", 200, repo)
	f.on("GET /repos/acme/by-id", 301, "{}", "Location", "/repositories/9")
	f.on("GET /repos/acme/by-name", 301, "{}", "Location", "/repos/ACME/api")
	f.on("GET /repos/acme/abroad", 301, "{}", "Location", "/repos/other/api")
	f.on("GET /repos/acme/strange", 301, "{}", "Location", "https://example.com/repositories/9")
	f.on("GET /repos/acme/odd", 302, "{}", "Location", "/login")
	f.on("GET /repos/acme/broken", 500, "{}")
	f.on("GET /orgs/acme/teams/t/repos/acme/renamed", 301, "{}", "Location", "/repositories/9")
	org := newApp(t, f.URL).Org("acme", 0, "")
	for name, want := range map[string]github.Move{"by-id": {ID: 9}, "by-name": {Name: "api"}, "api": {}, "abroad": {}, "strange": {}, "odd": {}, "none": {}, "../x": {}} {
		move, ok := org.MovedRepository(t.Context(), name)
		assert.Equal(t, want, move, name)
		assert.Equal(t, want != github.Move{}, ok, name)
	}
	for _, c := range f.calls() {
		assert.NotContains(t, c.path, "/repositories/", "no redirect is followed")
	}
	_, err := org.TeamRepository(t.Context(), "t", "renamed")
	require.Error(t, err)
	move, ok := org.MoveIn(err)
	assert.Equal(t, github.Move{ID: 9}, move)
	assert.True(t, ok)
	assert.True(t, move.Is(github.Repository{ID: 9}))
	assert.False(t, github.Move{}.Is(github.Repository{}))
	assert.True(t, github.Move{Name: "API"}.Is(github.Repository{ID: 9, Name: "api"}))
}
