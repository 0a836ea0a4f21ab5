package github_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

func TestUser(t *testing.T) {
	s := newSim(t)
	app := newApp(t, s.url)
	tests := []struct {
		name, token, login, client string
		kind                       github.Kind
	}{
		{name: "classic", token: "ghp_ada", login: "ada"},
		{name: "OAuth", token: "gho_ada", login: "ada", client: "178c6fc778ccc68e1d6a"},
		{name: "unknown", token: "ghp_nobody", kind: github.Unauthorized},
		{name: "empty", token: "", kind: github.Unauthorized},
		{name: "with a line break", token: "ghp_ada\r\nX-Evil: 1", kind: github.Unauthorized},
		{name: "not ASCII", token: "ghp_adä", kind: github.Unauthorized},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			user, err := app.User(t.Context(), tt.token)
			assert.Equal(t, tt.kind, github.KindOf(err))
			assert.Equal(t, tt.login, user.Login)
			assert.Equal(t, tt.client, user.OAuthClientID)
			if err == nil {
				assert.Equal(t, "User", user.Type)
				assert.NotZero(t, user.ID)
			}
		})
	}
}
