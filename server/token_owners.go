package server

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/handlers/rest"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

// tokenOwners finds the owner of a token on GitHub. It implements [rest.Users].
type tokenOwners struct {
	app       *github.App
	githubURL string // of GitHub's pages
}

// User implements [rest.Users].
func (u tokenOwners) User(ctx context.Context, token string) (rest.User, error) {
	user, err := u.app.User(ctx, token)
	var failure *github.Error
	if err == nil || !errors.As(err, &failure) {
		return rest.User{ID: user.ID, Login: user.Login, Type: user.Type, OAuthClientID: user.OAuthClientID}, err
	}
	switch failure.Kind {
	case github.Unauthorized, github.Invalid:
		return rest.User{}, &rest.RefusedTokenError{Message: failure.Message, Cause: err}
	case github.Forbidden, github.Suspended:
		return rest.User{}, &rest.RefusedTokenError{Message: failure.Message, Forbidden: true, Link: u.page(failure.SSO), Cause: err}
	case github.RateLimited:
		return rest.User{}, tokenLimited(failure)
	}
	return rest.User{}, dispatch.GitHubError(err, "find out who a token belongs to")
}

// tokenLimited says whose limit is used up: requests with a user's token count to the user's.
func tokenLimited(failure *github.Error) *dispatch.Error {
	text := "The GitHub rate limit of your own token is used up, not this server's."
	if strings.Contains(strings.ToLower(failure.Message), "secondary") {
		text = "GitHub limits requests with your own token for a while; this server's limit is another."
	}
	if failure.Message != "" {
		text += " GitHub says: " + dispatch.QuoteSentence(failure.Message)
	}
	refusal := dispatch.Refuse(dispatch.ReasonGitHubRateLimited, "%s Try again when Retry-After is over.", text)
	refusal.RetryAfter, refusal.Cause = failure.RetryAfter, failure
	return refusal
}

// page returns the address if it is that of one of GitHub's pages, else nothing: the
// answer of a proxy must not send people anywhere.
func (u tokenOwners) page(address string) string {
	const most = 1_000
	link, err := url.Parse(address)
	own, errOwn := url.Parse(u.githubURL)
	if err != nil || errOwn != nil || len(address) > most || link.Scheme != "https" || link.User != nil {
		return ""
	}
	if !strings.EqualFold(link.Host, own.Host) && !strings.EqualFold(link.Host, "github.com") {
		return ""
	}
	return link.String()
}
