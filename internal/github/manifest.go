package github

import (
	"context"
	"net/http"

	"github.com/google/go-github/v41/github"
)

// A Manifest is what a new GitHub App was given when it was made.
type Manifest struct {
	ID            int64
	Slug          string
	HTMLURL       string
	PEM           Secret
	WebhookSecret Secret
	ClientID      string
	ClientSecret  Secret
}

// ConvertManifest exchanges the code of the manifest flow for the App. It can
// be done once for a code, within an hour. Of the options AppID and Key are
// not needed: there is no App yet.
func ConvertManifest(ctx context.Context, o Options, code string) (Manifest, error) {
	const op = "take over the new GitHub App"
	code, err := segment("code", codePattern, code)
	a, errApp := newApp(o)
	if errApp != nil {
		return Manifest{}, errApp
	}
	if err != nil {
		return Manifest{}, a.failed(op, err)
	}
	defer a.transport.CloseIdleConnections()
	client := github.NewClient(&http.Client{Transport: &gate{app: a, next: &wire{app: a, next: a.transport}}})
	client.BaseURL, client.UserAgent = a.base, a.userAgent
	c, _, err := client.Apps.CompleteAppManifest(ctx, code)
	if err != nil {
		return Manifest{}, a.failedWrite(op, err)
	}
	return Manifest{
		ID: c.GetID(), Slug: c.GetSlug(), HTMLURL: c.GetHTMLURL(), ClientID: c.GetClientID(),
		PEM: NewSecret(c.GetPEM()), WebhookSecret: NewSecret(c.GetWebhookSecret()), ClientSecret: NewSecret(c.GetClientSecret()),
	}, nil
}

