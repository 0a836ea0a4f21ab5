package doctor

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

// maxSkew is how far this machine's clock may differ from GitHub's. GitHub rejects an
// App's token if it seems to come from the future.
const maxSkew = 30 * time.Second

// appChecks are the checks that are skipped if GitHub does not accept the App's key.
func appChecks() []string {
	return []string{"app-permissions", "app-events", "webhook", "deliveries", "installation"}
}

// checkApp fetches the App from GitHub. One call shows if GitHub can be reached, if the
// clocks agree, and if id and key belong together. It reports whether the checks that
// act as the App can go on.
func (d *doctor) checkApp(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	info, err := d.gh.App(ctx)
	api := d.config.APIBaseURL().String()
	switch github.KindOf(err) {
	case "", github.Unauthorized, github.NotFound, github.Forbidden:
	default:
		d.fail("github", api+" does not answer as expected: "+said(err),
			"Check that this machine can reach it (HTTPS_PROXY is honored), that github.url and github.caFile are right, and that GitHub has no incident.", d.statusPage())
		d.skip("GitHub does not answer", "", append([]string{"clock", "app"}, appChecks()...)...)
		return false
	}
	reached := api + " answers"
	if version := d.gh.ServerVersion(); version != "" {
		reached += " and is Enterprise Server " + version
	}
	d.pass("github", reached)
	clockOK := d.checkClock()
	id, named := d.config.AppID, fmt.Sprintf("App ID %d", d.config.AppID)
	if id == 0 {
		named = "client ID " + d.config.ClientID
	}
	switch {
	case err == nil && (info.ID == id || id == 0):
		d.app = info
		d.pass("app", fmt.Sprintf("GitHub accepts the key of App %d (%s)", info.ID, info.Slug))
		return true
	case github.KindOf(err) == github.Unauthorized && !clockOK:
		d.skip("the clock is wrong, so GitHub rejects every App", "", "app")
	case github.KindOf(err) == github.NotFound, err != nil && strings.Contains(strings.ToLower(err.Error()), "integration not found"):
		d.failGitHub("app", d.firstOrg(), "GitHub has no App with "+named, err,
			"Set appID to the App ID in the App's settings.", d.appPage())
	case err == nil:
		d.fail("app", fmt.Sprintf("GitHub takes the private key for another App than ID %d: %s", id, info.Slug),
			"Set appID to the App ID in the App's settings.", d.appPage())
	case github.KindOf(err) == github.Unauthorized:
		what := "the private key for "
		if known, ok := causeOf(err); ok && !strings.Contains(known.remedy, "private key") {
			what = ""
		}
		d.failGitHub("app", d.firstOrg(), "GitHub rejects "+what+named, err,
			"Set appID to the App ID in the App's settings, or generate a private key there and set privateKey to it.", d.appPage())
	default:
		d.failGitHub("app", d.firstOrg(), "GitHub refuses "+named, err, "See the App's settings.", d.appPage())
	}
	d.skip("GitHub rejects the App's credentials", d.appPage(), appChecks()...)
	return false
}

// statusPage is where incidents of the configured GitHub are announced.
func (d *doctor) statusPage() string {
	if d.config.GitHub.URL == "https://github.com" {
		return "https://www.githubstatus.com"
	}
	return d.config.GitHub.URL
}

// checkClock compares the clocks by the Date header of GitHub's last answer, and reports
// whether they agree. If there was no such header, it assumes so.
func (d *doctor) checkClock() bool {
	skew, measured := d.gh.ClockSkew()
	switch {
	case !measured:
		d.pass("clock", "not compared: GitHub's answer has no date")
		return true
	case skew.Abs() < maxSkew:
		d.pass("clock", "within "+max(skew.Abs().Round(time.Second), time.Second).String()+" of GitHub's")
		return true
	}
	direction := "ahead of"
	if skew < 0 {
		direction = "behind"
	}
	d.fail("clock", fmt.Sprintf("this machine's clock is %s %s GitHub's, so GitHub rejects the App's tokens", skew.Abs().Round(time.Second), direction),
		"Synchronize the clock with NTP: `timedatectl set-ntp true`, or run chrony.", "")
	return false
}

// needs reports whether the configured server needs a permission or an event.
func (d *doctor) needs(forComments bool) bool { return !forComments || d.usesComments() }

// comparePermissions returns the needed permissions that have lacks, and those in have
// that the App never needs. A permission for comments is never too much: setup asks for
// it even if no admin repository is configured yet.
func (d *doctor) comparePermissions(have map[string]string) (missing, extra []string) {
	access := func(name string) int { return slices.Index([]string{"", "none", "read", "write", "admin"}, name) }
	allowed := map[string]string{}
	for _, p := range Permissions() {
		allowed[p.Key] = p.Access
		if d.needs(p.ForComments) && access(have[p.Key]) < access(p.Access) {
			missing = append(missing, p.Key+" ("+p.Access+")")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(have)) {
		if access(have[name]) > max(access(allowed[name]), access("none")) {
			extra = append(extra, name+" ("+have[name]+")")
		}
	}
	return missing, extra
}

// missingEvents returns the needed events that are not in have.
func (d *doctor) missingEvents(have []string) (missing []Event) {
	for _, e := range Events() {
		if d.needs(e.ForComments) && !slices.Contains(have, e.Key) {
			missing = append(missing, e)
		}
	}
	return missing
}

// checkPermissions checks what the App asks for. Each organization may have granted less;
// checkGranted checks that.
func (d *doctor) checkPermissions() {
	page := d.appPage("permissions")
	missing, extra := d.comparePermissions(d.app.Permissions)
	switch {
	case len(missing) > 0:
		d.fail("app-permissions", "the App does not ask for "+strings.Join(missing, ", "),
			"Add it on the App's page Permissions & events, save, and approve the change in each organization.", page)
	case len(extra) > 0:
		d.advise("app-permissions", "the App asks for more than it needs: "+strings.Join(extra, ", "),
			"Remove it on the App's page Permissions & events.", page)
	default:
		d.pass("app-permissions", "the App asks for exactly what it needs")
	}
}

// checkEvents checks what the App subscribes to.
func (d *doctor) checkEvents() {
	page := d.appPage("permissions")
	if missing := d.missingEvents(d.app.Events); len(missing) > 0 {
		d.fail("app-events", "the App does not subscribe to the event "+missing[0].Key+", so the server never receives comments",
			"Tick "+missing[0].Title+" under Subscribe to events on the App's page Permissions & events.", page)
		return
	}
	extra := slices.DeleteFunc(slices.Clone(d.app.Events), func(name string) bool {
		return slices.ContainsFunc(Events(), func(e Event) bool { return e.Key == name })
	})
	if len(extra) > 0 {
		d.advise("app-events", "the App subscribes to events that the server ignores: "+strings.Join(extra, ", "),
			"Untick them on the App's page Permissions & events.", page)
		return
	}
	d.pass("app-events", "the App subscribes to exactly what it needs")
}
