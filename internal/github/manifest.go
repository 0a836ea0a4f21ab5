package github

import (
	"context"
	"net/http"

	"github.com/google/go-github/v41/github"

	"github.com/actions-runner-manager/actions-runner-manager/internal/secret"
)

// A Manifest holds the identity and the credentials of a newly registered GitHub App.
type Manifest struct {
	ID            int64
	Slug          string
	HTMLURL       string
	PEM           secret.Text
	WebhookSecret secret.Text
	ClientID      string
	ClientSecret  secret.Text
}

// ConvertManifest exchanges the code of the manifest flow for the new App's credentials.
// A code works once and expires after an hour. AppID and Key of the options are ignored,
// because there is no App yet.
func ConvertManifest(ctx context.Context, o Options, code string) (Manifest, error) {
	const op = "get the new GitHub App's credentials"
	code, err := segment("code", codePattern, code)
	a, errApp := newApp(o)
	if errApp != nil {
		return Manifest{}, errApp
	}
	if err != nil {
		return Manifest{}, a.failed(op, err)
	}
	defer a.pool.CloseIdleConnections()
	client := github.NewClient(&http.Client{Transport: &transport{app: a, next: &baseTransport{app: a, next: a.pool}}})
	client.BaseURL, client.UserAgent = a.base, a.userAgent
	c, _, err := client.Apps.CompleteAppManifest(ctx, code)
	if err != nil {
		return Manifest{}, a.failedWrite(op, err)
	}
	return Manifest{
		ID: c.GetID(), Slug: c.GetSlug(), HTMLURL: c.GetHTMLURL(), ClientID: c.GetClientID(),
		PEM: secret.New(c.GetPEM()), WebhookSecret: secret.New(c.GetWebhookSecret()), ClientSecret: secret.New(c.GetClientSecret()),
	}, nil
}
