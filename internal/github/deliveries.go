package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/google/go-github/v41/github"
)

// An AppInfo is what GitHub knows of the App itself.
type AppInfo struct {
	ID          int64             `json:"id"`
	Slug        string            `json:"slug"`
	Name        string            `json:"name"`
	HTMLURL     string            `json:"html_url"`
	Permissions map[string]string `json:"permissions"` // asked for; an installation may not have granted them yet
	Events      []string          `json:"events"`
}

// App asks for the App itself.
func (a *App) App(ctx context.Context) (AppInfo, error) {
	info, _, err := send[AppInfo](ctx, a.self, http.MethodGet, "app", nil)
	return info, a.failed("ask about the GitHub App", err)
}

// Ping asks for something small, to see whether GitHub answers and still knows
// the App's key. It does not ask where GitHub has just asked the App to wait: then
// GitHub answers.
func (a *App) Ping(ctx context.Context) error {
	if a.pace.heard(a.now()) {
		return nil
	}
	_, _, err := send[struct{}](ctx, a.self, http.MethodGet, "app", nil)
	return a.failed("reach GitHub", err)
}

// A HookConfig says where GitHub sends the App's webhooks.
type HookConfig struct {
	URL         string
	InsecureSSL bool // certificates are not checked
	HasSecret   bool // deliveries are signed
}

// HookConfig asks for the App's webhook.
func (a *App) HookConfig(ctx context.Context) (HookConfig, error) {
	c, _, err := a.self.Apps.GetHookConfig(ctx)
	if err != nil {
		return HookConfig{}, a.failed("ask about the App's webhook", err)
	}
	return HookConfig{
		URL:         c.GetURL(),
		InsecureSSL: c.GetInsecureSSL() == "1",
		HasSecret:   c.GetSecret() != "",
	}, nil
}

// A Delivery is one try of GitHub's to deliver a webhook.
type Delivery struct {
	ID             int64     `json:"id"`
	GUID           string    `json:"guid"` // the same for all tries
	DeliveredAt    time.Time `json:"delivered_at"`
	Redelivery     bool      `json:"redelivery"`
	Status         string    `json:"status"`
	StatusCode     int       `json:"status_code"` // what we answered
	Event          string    `json:"event"`
	Action         string    `json:"action"`
	InstallationID int64     `json:"installation_id"`
	RepositoryID   int64     `json:"repository_id"`
}

// Failed says whether GitHub counts the delivery as failed.
func (d Delivery) Failed() bool {
	return d.StatusCode < http.StatusOK || d.StatusCode >= http.StatusBadRequest
}

// Deliveries asks for one page of the App's deliveries, the newest first. The
// first page has the empty cursor; next is empty on the last. With failedOnly
// the failed ones alone are asked for; a server that does not know that
// answers with all, which are then sorted out here.
func (a *App) Deliveries(ctx context.Context, cursor string, failedOnly bool) (page []Delivery, next string, err error) {
	query := url.Values{"per_page": {"100"}}
	if cursor != "" {
		query.Set("cursor", cursor)
	}
	if failedOnly {
		query.Set("status", "failure")
	}
	all, resp, err := send[[]Delivery](ctx, a.self, http.MethodGet, "app/hook/deliveries?"+query.Encode(), nil)
	if err != nil {
		return nil, "", a.failed("list the App's deliveries", err)
	}
	if resp.Cursor != cursor {
		next = resp.Cursor
	}
	if !failedOnly {
		return all, next, nil
	}
	for _, d := range all {
		if d.Failed() {
			page = append(page, d)
		}
	}
	return page, next, nil
}

// Redeliver asks GitHub to deliver once more.
func (a *App) Redeliver(ctx context.Context, id int64) error {
	_, _, err := send[struct{}](ctx, a.self, http.MethodPost, "app/hook/deliveries/"+strconv.FormatInt(id, 10)+"/attempts", nil)
	return a.failedWrite(fmt.Sprintf("redeliver delivery %d", id), err)
}

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

// send asks for what go-github v41 has no method for, or leaves something out
// of the answer. What it returns may be shared: see decode.
func send[T any](ctx context.Context, c *github.Client, method, path string, body any, headers ...string) (T, *github.Response, error) {
	var answer T
	req, err := c.NewRequest(method, path, body)
	if err != nil {
		return answer, nil, err
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := c.BareDo(ctx, req)
	var accepted *github.AcceptedError
	if errors.As(err, &accepted) { // 202 is an error to go-github
		return answer, resp, nil
	}
	if err != nil {
		return answer, resp, err
	}
	defer resp.Body.Close()
	answer, err = decode[T](resp.Response)
	return answer, resp, err
}
