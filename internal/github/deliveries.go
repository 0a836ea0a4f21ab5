package github

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// A Delivery is one attempt by GitHub to deliver a webhook.
type Delivery struct {
	ID             int64     `json:"id"`
	GUID           string    `json:"guid"` // the same for all attempts
	DeliveredAt    time.Time `json:"delivered_at"`
	Redelivery     bool      `json:"redelivery"`
	Status         string    `json:"status"`
	StatusCode     int       `json:"status_code"` // our answer; 0 if there was none
	Event          string    `json:"event"`
	Action         string    `json:"action"`
	InstallationID int64     `json:"installation_id"`
	RepositoryID   int64     `json:"repository_id"`
}

// Failed reports whether GitHub counts the delivery as failed.
func (d Delivery) Failed() bool {
	return d.StatusCode < http.StatusOK || d.StatusCode >= http.StatusBadRequest
}

// Deliveries gets one page of the App's deliveries, newest first. The cursor of the first
// page is empty; next is empty after the last page. If failedOnly is set, the page has
// only failed ones. Enterprise Servers that ignore that filter return all deliveries, so
// they are filtered here too.
func (a *App) Deliveries(ctx context.Context, cursor string, failedOnly bool) (page []Delivery, next string, err error) {
	query := url.Values{"per_page": {strconv.Itoa(perPage)}}
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

// Redeliver makes GitHub deliver the webhook again.
func (a *App) Redeliver(ctx context.Context, id int64) error {
	_, _, err := send[struct{}](ctx, a.self, http.MethodPost, "app/hook/deliveries/"+strconv.FormatInt(id, 10)+"/attempts", nil)
	return a.failedWrite(fmt.Sprintf("redeliver delivery %d", id), err)
}
