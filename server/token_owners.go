package server

import (
	"context"
	"fmt"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/handlers/rest"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

// tokenOwners finds the owner of a token on GitHub. It implements [rest.Users].
type tokenOwners struct{ app *github.App }

// User implements [rest.Users].
func (u tokenOwners) User(ctx context.Context, token string) (rest.User, error) {
	user, err := u.app.User(ctx, token)
	switch github.KindOf(err) {
	case "":
		return rest.User{ID: user.ID, Login: user.Login, Type: user.Type, OAuthClientID: user.OAuthClientID}, nil
	case github.Unauthorized, github.Forbidden, github.Invalid:
		return rest.User{}, fmt.Errorf("%w: %w", rest.ErrBadToken, err)
	}
	return rest.User{}, dispatch.GitHubError(err, "find out who a token belongs to")
}
