// Package doctor checks that the configuration, GitHub and the database fit together.
package doctor

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/actions-runner-manager/actions-runner-manager/config"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
	"github.com/actions-runner-manager/actions-runner-manager/server/connect"
)

// A Level is how much a check deserves attention.
type Level string

// The levels. Only [Fail] means that something does not work, or that it could not be checked.
const (
	OK   Level = "ok"
	Info Level = "info" // works as configured, and is worth knowing
	Warn Level = "warn" // works, and could be better
	Fail Level = "fail"
)

// A Check is the result of checking one thing that the server needs.
type Check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"` // whether Level is not [Fail]
	Level  Level  `json:"level"`
	Detail string `json:"detail"` // what was found
	Remedy string `json:"remedy"` // what to do; if the check passes, advice
	URL    string `json:"url"`    // the page on which to do it

	// Missing means that what the check is about does not exist yet.
	Missing bool `json:"-"`
	// Skipped means that the check was not made, because another one failed.
	Skipped bool `json:"-"`
}

// A Diagnosis is what [Run] found.
type Diagnosis struct {
	OK     bool    `json:"ok"`
	Checks []Check `json:"checks"`
}

// Text formats the diagnosis for people: a line for each check, and below it the remedy
// and its page, if there is one.
func (d Diagnosis) Text() string {
	var b strings.Builder
	for _, c := range d.Checks {
		verdict := string(c.Level)
		switch {
		case c.Skipped:
			verdict = "skip"
		case c.Level == Fail:
			verdict = "FAIL"
		}
		fmt.Fprintf(&b, "%-5s %s: %s\n", verdict, c.Name, c.Detail)
		for _, line := range []string{c.Remedy, c.URL} {
			if line != "" && !c.Skipped {
				fmt.Fprintf(&b, "      %s\n", line)
			}
		}
	}
	return b.String()
}

// callTimeout bounds one call to GitHub or to the database.
const callTimeout = 20 * time.Second

// A doctor collects checks.
type doctor struct {
	config *config.Config
	gh     *github.App
	app    github.AppInfo
	store  *store.Store // nil if the database cannot be used or does not exist yet
	checks []Check

	newDatabase bool // the database does not exist yet, and the server can create it
}

// Run checks everything that the configuration and GitHub must have in common. It works
// beside a running server. failure is the error of [config.Load]; if it is not nil, Run
// reports it and checks nothing else.
func Run(ctx context.Context, c *config.Config, failure error, version string) Diagnosis {
	d := &doctor{config: c}
	if failure != nil {
		d.fail("configuration", strings.ReplaceAll(failure.Error(), "\n", "; "),
			"Correct the configuration. `actions-runner-manager config check` shows what is read.", "")
		return d.diagnosis()
	}
	d.pass("configuration", "it is valid")
	for _, warning := range c.Warnings() {
		d.add(Warn, "configuration", warning, "", "")
	}
	for _, note := range c.Notes() {
		d.add(Info, "configuration", note, "", "")
	}
	d.checkProxy()
	closeDatabase := d.checkDatabase(ctx)
	defer closeDatabase()
	if c.SetupMode() {
		d.fail("app", "no GitHub App is configured yet",
			"Start the server and open the /setup link; the link is in the server's log. It creates the App and configures it.", "")
		return d.diagnosis()
	}
	var err error
	if d.gh, err = connect.GitHub(c, nil, nil, "doctor", version, zerolog.Nop()); err != nil {
		d.fail("app", err.Error(), "Correct the configuration of the GitHub App.", "")
		return d.diagnosis()
	}
	if d.checkApp(ctx) {
		d.checkPermissions()
		d.checkEvents()
		d.checkWebhook(ctx)
		organizations := c.Organizations()
		orgs := make([]*github.Org, len(organizations))
		for i, o := range organizations {
			orgs[i] = d.gh.Org(o.Org, o.InstallationID, o.Chatops.AdminRepo)
		}
		for i, o := range organizations {
			d.checkOrganization(ctx, o, orgs[i])
		}
	}
	d.checkWorkflows(ctx)
	d.checkConsole(ctx)
	return d.diagnosis()
}

// checkProxy warns if the server is probably behind a proxy that it does not know.
func (d *doctor) checkProxy() {
	if server := d.config.Server; server.HasProxy() && len(server.TrustedProxies) == 0 {
		d.advise("configuration",
			"server.trustedProxies is empty, but server.publicURL is not the address that the server listens on. Behind a proxy, all callers share its address and one limit of new tokens.",
			"Set server.trustedProxies (ARM_SERVER_TRUSTED_PROXIES) to the addresses of your proxy. Without a proxy, ignore this.", "")
	}
}

// troubleshooting has a section for each check, named like it.
const troubleshooting = "https://github.com/actions-runner-manager/actions-runner-manager/blob/main/docs/troubleshooting.md"

// Help returns where the check is explained.
func (c Check) Help() string {
	section, _, _ := strings.Cut(c.Name, " ")
	return troubleshooting + "#" + section
}

func (d *doctor) diagnosis() Diagnosis {
	for i, c := range d.checks {
		if c.Remedy != "" && !c.Skipped {
			d.checks[i].Remedy += " More: " + c.Help()
		}
	}
	ok := !slices.ContainsFunc(d.checks, func(c Check) bool { return !c.OK })
	return Diagnosis{OK: ok, Checks: d.checks}
}

func (d *doctor) add(level Level, name, detail, remedy, page string) {
	d.checks = append(d.checks, Check{Name: name, OK: level != Fail, Level: level, Detail: detail, Remedy: remedy, URL: page})
}

func (d *doctor) pass(name, detail string) { d.add(OK, name, detail, "", "") }

// advise adds a check that passed, with advice.
func (d *doctor) advise(name, detail, remedy, page string) { d.add(Warn, name, detail, remedy, page) }

func (d *doctor) fail(name, detail, remedy, page string) { d.add(Fail, name, detail, remedy, page) }

// skip adds checks that were not made. reason completes "not checked, because".
func (d *doctor) skip(reason, page string, names ...string) {
	for _, name := range names {
		d.checks = append(d.checks, Check{
			Name: name, Level: Fail, Skipped: true, Detail: "not checked, because " + reason, Remedy: "Fix that first, then run doctor again.", URL: page,
		})
	}
}

// page returns the address of a page on GitHub.
func (d *doctor) page(elements ...string) string {
	for i := range elements {
		elements[i] = url.PathEscape(elements[i])
	}
	return d.config.GitHub.URL + "/" + strings.Join(elements, "/")
}

// appPage returns a page of the App's settings, which are the settings of the
// organization that owns it. If several are served, it assumes the first.
func (d *doctor) appPage(more ...string) string {
	at := []string{"organizations", d.firstOrg(), "settings", "apps"}
	if d.app.Slug != "" {
		at = append(append(at, d.app.Slug), more...)
	}
	return d.page(at...)
}

// firstOrg returns the organization that is assumed to own the App.
func (d *doctor) firstOrg() string { return d.config.Organizations()[0].Org }

// checkName adds the organization to the name of a check if several are configured.
func (d *doctor) checkName(org, name string) string {
	if len(d.config.Orgs) > 0 {
		return name + " (" + org + ")"
	}
	return name
}

// usesComments reports whether any organization has an admin repository. If none has, the
// App needs neither issues nor a webhook.
func (d *doctor) usesComments() bool {
	return slices.ContainsFunc(d.config.Organizations(), func(o config.Organization) bool { return o.Chatops.AdminRepo != "" })
}
