package doctor

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/handlers/comment"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/secret"
)

// checkWebhook checks where GitHub sends comments, and whether the last ones arrived.
func (d *doctor) checkWebhook(ctx context.Context) {
	if !d.usesComments() {
		d.pass("webhook", "not needed, because chatops.adminRepo is not set")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	page := d.appPage()
	base := d.config.Server.PublicURL
	known := base != ""
	if !known {
		base = "https://HOST"
	}
	want := base + comment.WebhookPath
	hook, err := d.gh.HookConfig(ctx)
	switch {
	case github.KindOf(err) == github.NotFound || err == nil && hook.URL == "":
		d.fail("webhook", "the App has no webhook, or it is not active",
			"Tick Active under Webhook in the App's settings, and set the URL "+want+" and the secret.", page)
	case err != nil:
		d.failGitHub("webhook", d.firstOrg(), "", err, "Try again. If it fails again, check Webhook in the App's settings.", page)
	case known && !sameURL(hook.URL, want):
		d.fail("webhook", "GitHub sends webhooks to "+hook.URL+", but this server expects them at "+want,
			"Set the Webhook URL in the App's settings to "+want+", or server.publicURL to the address that users open.", page)
	case !slices.ContainsFunc(d.config.GitHub.WebhookSecrets, func(s secret.Text) bool { return !s.Empty() }):
		d.fail("webhook", "github.webhookSecret is empty, so the server rejects every webhook",
			"Set a Webhook secret in the App's settings, and github.webhookSecret to the same value.", page)
	case !hook.HasSecret:
		d.fail("webhook", "the App's webhook has no secret, so its deliveries are not signed and the server rejects them",
			"Set the Webhook secret in the App's settings to the value of github.webhookSecret.", page)
	case hook.InsecureSSL && strings.HasPrefix(want, "https://"):
		d.fail("webhook", "GitHub does not verify the server's certificate when it delivers webhooks",
			"Enable SSL verification under Webhook in the App's settings.", page)
	case !known:
		d.advise("webhook", "GitHub sends signed webhooks to "+hook.URL+"; whether this server is there is not known, because server.port is 0, server.publicURL is not set, and no server runs",
			"Start the server, set server.publicURL, or run doctor with --url and the server's URL.", page)
	default:
		d.pass("webhook", "GitHub sends signed webhooks to "+hook.URL)
	}
	d.checkDeliveries(ctx)
}

func sameURL(a, b string) bool {
	x, errX := url.Parse(a)
	y, errY := url.Parse(b)
	return errX == nil && errY == nil && strings.EqualFold(x.Scheme, y.Scheme) && strings.EqualFold(x.Host, y.Host) &&
		x.EscapedPath() == y.EscapedPath() && x.RawQuery == y.RawQuery
}

// checkDeliveries checks the newest page of deliveries. It fails only if the newest one
// failed: the server has older ones redelivered by itself.
func (d *doctor) checkDeliveries(ctx context.Context) {
	const name, most = "deliveries", 5
	page := d.appPage("advanced")
	all, _, err := d.gh.Deliveries(ctx, "", false)
	if err != nil {
		d.failGitHub(name, d.firstOrg(), "", err, "Try again. The App's page Advanced shows its recent deliveries.", page)
		return
	}
	if len(all) == 0 {
		d.pass(name, "GitHub has sent nothing in the last days")
		return
	}
	arrived := map[string]bool{}
	var failed []string
	for _, one := range all { // newest first
		switch {
		case !one.Failed():
			arrived[one.GUID] = true
		case !arrived[one.GUID]:
			failed = append(failed, fmt.Sprintf("%s at %s: %d", one.Event, one.DeliveredAt.UTC().Format(time.RFC3339), one.StatusCode))
		}
	}
	listed := strings.Join(failed[:min(most, len(failed))], ", ")
	if len(failed) > most {
		listed += fmt.Sprintf(" and %d more", len(failed)-most)
	}
	code := all[0].StatusCode
	switch {
	case all[0].Failed():
		reason := failureReason(code)
		if status := all[0].Status; status != "" && !strings.EqualFold(status, http.StatusText(code)) {
			reason += "; GitHub says " + dispatch.QuoteSentence(status)
		}
		d.fail(name, "the last delivery failed with "+strconv.Itoa(code)+": "+reason+" ("+listed+")",
			failureRemedy(code)+" Then redeliver it on the App's page Advanced.", page)
	case len(failed) > 0:
		d.advise(name, fmt.Sprintf("the last one arrived, but %d of %d failed: %s", len(failed), len(all), listed),
			"The server has GitHub redeliver them. They are on the App's page Advanced.", page)
	default:
		d.pass(name, fmt.Sprintf("the last %d arrived", len(all)))
	}
}

// failureReason explains the status of a failed delivery; 0 means no answer.
func failureReason(code int) string {
	switch code {
	case http.StatusUnauthorized:
		return "the signature was rejected"
	case http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed:
		return "another program answered, or the path is wrong"
	case http.StatusServiceUnavailable:
		return "the server could not accept it"
	case 0, http.StatusBadGateway, http.StatusGatewayTimeout:
		return "GitHub could not reach the server, or got no answer in time"
	}
	return http.StatusText(code)
}

// failureRemedy says what to do about failureReason.
func failureRemedy(code int) string {
	switch code {
	case http.StatusUnauthorized:
		return "Set github.webhookSecret to the same value as the Webhook secret in the App's settings."
	case http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed:
		return "Check that the proxy in front of the server passes on POST " + comment.WebhookPath + "."
	case http.StatusServiceUnavailable:
		return "Check that /readyz returns 200 and that github.webhookSecret is set. The server's log has the cause."
	}
	return "Check that the server runs and that GitHub can reach it: DNS, firewall, certificate."
}
