package github

import (
	"context"
	"fmt"

	"github.com/google/go-github/v41/github"

	"github.com/actions-runner-manager/actions-runner-manager/internal/secret"
)

type userTokenKey struct{}

func userToken(ctx context.Context) (string, error) {
	token, _ := ctx.Value(userTokenKey{}).(secret.Text)
	return token.Reveal(), nil
}

// A User is an account on GitHub.
type User struct {
	ID    int64
	Login string
	Type  string // "User", "Bot" or "Organization"
	// OAuthClientID is the client ID of the OAuth app that the token was issued to, from the
	// header X-OAuth-Client-Id. It is empty for other kinds of tokens. Only [App.User] sets it.
	OAuthClientID string
}

func userOf(u *github.User) User {
	return User{ID: u.GetID(), Login: u.GetLogin(), Type: u.GetType()}
}

// User returns the user whose token this is. It fails with Unauthorized if GitHub refuses
// the token. If the text cannot be a token, it is not sent.
func (a *App) User(ctx context.Context, token string) (User, error) {
	const op = "get the user of a token"
	if len(token) > maxToken || !tokenPattern.MatchString(token) {
		return User{}, &Error{Kind: Unauthorized, Op: op, Message: "it is not a valid token"}
	}
	user, resp, err := a.user.Users.Get(context.WithValue(ctx, userTokenKey{}, secret.New(token)), "")
	if err != nil {
		return User{}, a.failed(op, err)
	}
	if user.GetID() == 0 || user.GetLogin() == "" {
		return User{}, &Error{Kind: Other, Op: op, Message: "GitHub's answer contains no user"}
	}
	u := userOf(user)
	u.OAuthClientID = resp.Header.Get("X-OAuth-Client-Id")
	return u, nil
}

// UserKeys lists a user's SSH keys, which are public. Each has the format of an
// authorized_keys line without a comment.
func (o *Org) UserKeys(ctx context.Context, user string) ([]string, error) {
	op := fmt.Sprintf("list the SSH keys of %.100q", user)
	user, err := login(user)
	if err != nil {
		return nil, o.app.failed(op, err)
	}
	s, _, err := o.adminSession(ctx, op)
	if err != nil {
		return nil, err
	}
	found, err := listAll(ctx, func(ctx context.Context, page github.ListOptions) ([]*github.Key, *github.Response, error) {
		return s.comments.Users.ListKeys(ctx, user, &page)
	})
	if err != nil {
		return nil, o.app.failed(op, err)
	}
	keys := make([]string, len(found))
	for i, k := range found {
		keys[i] = k.GetKey()
	}
	return keys, nil
}
