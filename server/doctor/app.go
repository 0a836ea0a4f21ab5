package doctor

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/config"
	"github.com/actions-runner-manager/actions-runner-manager/handlers/comment"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

// maxSkew is how far the clocks may be apart: GitHub refuses an App whose requests
// seem to come from the future.
const maxSkew = 30 * time.Second

// askedOfApp are the checks that need the App to be let in.
func askedOfApp() []string {
	return []string{"app-permissions", "app-events", "webhook", "deliveries", "installation"}
}

// asApp asks GitHub for the App, from which follow whether GitHub can be reached, the
// clocks and whether id and key belong together.
func (d *doctor) asApp(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, doctorTimeout)
	defer cancel()
	info, err := d.gh.App(ctx)
	api := d.config.APIBaseURL().String()
	switch github.KindOf(err) {
	case "", github.Unauthorized, github.NotFound, github.Forbidden:
	default:
		d.fail("github", api+" does not answer as it should: "+err.Error(),
			"See that the server may reach it (HTTPS_PROXY is obeyed), that github.url and github.caFile are right, and that GitHub has no incident.", d.statusPage())
		d.skip("GitHub does not answer", "", append([]string{"clock", "app"}, askedOfApp()...)...)
		return false
	}
	reached := api + " answers"
	if version := d.gh.ServerVersion(); version != "" {
		reached += "; it is Enterprise Server " + version
	}
	d.pass("github", reached)
	inTime := d.clock()
	switch {
	case err == nil && info.ID == d.config.AppID:
		d.app = info
		d.pass("app", fmt.Sprintf("GitHub knows it as %s, number %d, and takes its key", info.Slug, info.ID))
		return true
	case github.KindOf(err) == github.Unauthorized && !inTime:
		d.skip("a clock is wrong, for which GitHub refuses every App", "", "app")
	case github.KindOf(err) == github.NotFound, err != nil && strings.Contains(err.Error(), "Integration not found"):
		d.fail("app", fmt.Sprintf("GitHub knows no App number %d: %v", d.config.AppID, err),
			"Set appID to the App ID that its settings show.", d.appPage())
	default:
		d.fail("app", fmt.Sprintf("GitHub does not take the private key for App number %d: %v", d.config.AppID, err),
			"Set appID to the App ID that the App's settings show, or generate a private key there and set privateKey to it: they do not belong together.", d.appPage())
	}
	d.skip("GitHub does not let the App in", d.appPage(), askedOfApp()...)
	return false
}

func (d *doctor) statusPage() string {
	if d.config.GitHub.URL == "https://github.com" {
		return "https://www.githubstatus.com"
	}
	return d.config.GitHub.URL
}

func (d *doctor) clock() bool {
	skew, known := d.gh.ClockSkew()
	switch {
	case !known:
		d.pass("clock", "GitHub's answer tells no time")
		return true
	case skew.Abs() < maxSkew:
		d.pass("clock", "it agrees with GitHub's to "+max(skew.Abs().Round(time.Second), time.Second).String())
		return true
	}
	direction := "ahead of"
	if skew < 0 {
		direction = "behind"
	}
	d.fail("clock", fmt.Sprintf("the clock of this machine is %s %s GitHub's; GitHub refuses Apps whose time is wrong", skew.Abs().Round(time.Second), direction),
		"Set the clock: have it kept by NTP (timedatectl set-ntp true, or chrony).", "")
	return false
}

// needed are the permissions without which something does not work.
func (d *doctor) needed() map[string]string {
	needed := map[string]string{"metadata": "read", "members": "read", "organization_self_hosted_runners": "write"}
	if d.comments() {
		needed["issues"] = "write"
	}
	return needed
}

// compare tells which of the permissions are missing and which are not needed.
func (d *doctor) compare(have map[string]string) (missing, extra []string) {
	order := []string{"", "none", "read", "write", "admin"}
	needed := d.needed()
	for _, name := range slices.Sorted(maps.Keys(needed)) {
		if slices.Index(order, have[name]) < slices.Index(order, needed[name]) {
			missing = append(missing, name+" ("+needed[name]+")")
		}
	}
	needed["issues"] = "write" // set-up asks for it, since comments are likely to be wanted
	for _, name := range slices.Sorted(maps.Keys(have)) {
		if slices.Index(order, have[name]) > max(slices.Index(order, needed[name]), slices.Index(order, "none")) {
			extra = append(extra, name+" ("+have[name]+")")
		}
	}
	return missing, extra
}

// permissions looks at what the App asks for. What an organization granted is another
// matter, and looked at there.
func (d *doctor) permissions() {
	page := d.appPage("permissions")
	missing, extra := d.compare(d.app.Permissions)
	switch {
	case len(missing) > 0:
		d.fail("app-permissions", "the App does not ask for "+strings.Join(missing, ", "),
			"Add it on the App's page Permissions & events, save, and approve the change in each organization.", page)
	case len(extra) > 0:
		d.advise("app-permissions", "the App asks for all that is needed, and for more: "+strings.Join(extra, ", "),
			"Take what is not needed away, on the App's page Permissions & events.", page)
	default:
		d.pass("app-permissions", "the App asks for what is needed, and nothing else")
	}
	const event = "issue_comment"
	others := slices.DeleteFunc(slices.Clone(d.app.Events), func(e string) bool { return e == event })
	switch {
	case d.comments() && !slices.Contains(d.app.Events, event):
		d.fail("app-events", "the App does not subscribe to the event "+event+", so that no comment reaches the server",
			"Tick Issue comment under Subscribe to events, on the App's page Permissions & events.", page)
	case len(others) > 0:
		d.advise("app-events", "the App subscribes to what is not needed: "+strings.Join(others, ", ")+"; that is ignored",
			"Untick it, on the App's page Permissions & events.", page)
	default:
		d.pass("app-events", "as needed")
	}
}

// webhook looks at where GitHub sends comments, and what became of the last ones.
func (d *doctor) webhook(ctx context.Context) {
	if !d.comments() {
		d.pass("webhook", "not needed: no chatops.adminRepo is configured, so comments are no commands")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, doctorTimeout)
	defer cancel()
	page := d.appPage()
	want := d.config.Server.PublicURL + comment.WebhookPath
	hook, err := d.gh.HookConfig(ctx)
	switch {
	case github.KindOf(err) == github.NotFound || err == nil && hook.URL == "":
		d.fail("webhook", "the App has no webhook, or it is not active",
			"Tick Active under Webhook in the App's settings, and set the URL "+want+" and the secret.", page)
	case err != nil:
		d.fail("webhook", err.Error(), "Try again; if it stays, look at Webhook in the App's settings.", page)
	case !sameURL(hook.URL, want):
		d.fail("webhook", "GitHub sends webhooks to "+hook.URL+", but this server expects them at "+want,
			"Set the Webhook URL in the App's settings to "+want+", or server.publicURL to where users reach the server.", page)
	case !slices.ContainsFunc(d.config.GitHub.WebhookSecrets, func(s config.Secret) bool { return s != "" }):
		d.fail("webhook", "github.webhookSecret is empty, so that every webhook is refused",
			"Set a Webhook secret in the App's settings, and github.webhookSecret to the same.", page)
	case !hook.HasSecret:
		d.fail("webhook", "the App's webhook has no secret, so that its deliveries are not signed and are refused",
			"Set the Webhook secret in the App's settings to what github.webhookSecret says.", page)
	case hook.InsecureSSL && strings.HasPrefix(want, "https://"):
		d.fail("webhook", "GitHub does not verify the server's certificate when it delivers webhooks",
			"Enable SSL verification under Webhook in the App's settings.", page)
	default:
		d.pass("webhook", "GitHub sends webhooks, signed, to "+hook.URL)
	}
	d.deliveries(ctx)
}

func sameURL(a, b string) bool {
	x, errX := url.Parse(a)
	y, errY := url.Parse(b)
	return errX == nil && errY == nil && strings.EqualFold(x.Scheme, y.Scheme) && strings.EqualFold(x.Host, y.Host) &&
		x.EscapedPath() == y.EscapedPath() && x.RawQuery == y.RawQuery
}

// deliveries looks at the last page of them. The newest tells how it stands now; older
// failures are redelivered by the server itself.
func (d *doctor) deliveries(ctx context.Context) {
	const name, most = "deliveries", 5
	page := d.appPage("advanced")
	all, _, err := d.gh.Deliveries(ctx, "", false)
	if err != nil {
		d.fail(name, err.Error(), "Try again; the App's page Advanced shows its recent deliveries.", page)
		return
	}
	if len(all) == 0 {
		d.pass(name, "GitHub has sent nothing in the last days")
		return
	}
	arrived := map[string]bool{}
	var failed []string
	for _, one := range all { // the newest first
		switch {
		case !one.Failed():
			arrived[one.GUID] = true
		case !arrived[one.GUID]:
			failed = append(failed, fmt.Sprintf("%s at %s: %d", one.Event, one.DeliveredAt.UTC().Format(time.RFC3339), one.StatusCode))
		}
	}
	told := strings.Join(failed[:min(most, len(failed))], ", ")
	if len(failed) > most {
		told += fmt.Sprintf(" and %d more", len(failed)-most)
	}
	switch {
	case all[0].Failed():
		d.fail(name, "the last delivery failed with "+strconv.Itoa(all[0].StatusCode)+": "+reasonOf(all[0].StatusCode)+" ("+told+")",
			remedyOf(all[0].StatusCode)+" Then let GitHub redeliver it, on the App's page Advanced.", page)
	case len(failed) > 0:
		d.advise(name, fmt.Sprintf("the last one arrived; of %d, these had failed: %s", len(all), told),
			"The server has them delivered again by itself; the App's page Advanced shows them.", page)
	default:
		d.pass(name, fmt.Sprintf("the last %d arrived", len(all)))
	}
}

func reasonOf(code int) string {
	switch code {
	case http.StatusUnauthorized:
		return "the signature was refused"
	case http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed:
		return "something else answered, or at another path"
	case http.StatusServiceUnavailable:
		return "the server did not take it"
	case 0, http.StatusBadGateway, http.StatusGatewayTimeout:
		return "GitHub could not reach the server, or got no answer in time"
	}
	return http.StatusText(code)
}

func remedyOf(code int) string {
	switch code {
	case http.StatusUnauthorized:
		return "Make github.webhookSecret the same as the Webhook secret in the App's settings."
	case http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed:
		return "See that the proxy before the server passes POST " + comment.WebhookPath + " on."
	case http.StatusServiceUnavailable:
		return "See that /readyz answers 200 and that github.webhookSecret is set; the log tells more."
	}
	return "See that GitHub can reach the server: DNS, firewall, certificate, and that it runs."
}
