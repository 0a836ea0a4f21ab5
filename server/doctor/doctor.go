// Package doctor checks that the configuration, GitHub and the database fit together.
package doctor

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/actions-runner-manager/actions-runner-manager/config"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
	"github.com/actions-runner-manager/actions-runner-manager/server/connect"
)

// A Check is one thing that must be as it should for the server to work.
type Check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"` // what was found
	Remedy string `json:"remedy"` // what to do; also advice where the check passes
	URL    string `json:"url"`    // the page on which to do it

	// Skipped says that the check could not be made, since another one fails.
	Skipped bool `json:"-"`
	// Warning says that the check passes, and that its detail wants to be looked at.
	Warning bool `json:"-"`
}

// A Diagnosis is what [Run] found.
type Diagnosis struct {
	OK     bool    `json:"ok"`
	Checks []Check `json:"checks"`
}

// Text is the diagnosis for people: a line for each check, and below those that fail
// what to do and where. What passes and yet could be better is marked warn.
func (d Diagnosis) Text() string {
	var b strings.Builder
	for _, c := range d.Checks {
		verdict := "ok"
		switch {
		case c.Skipped:
			verdict = "skip"
		case !c.OK:
			verdict = "FAIL"
		case c.Warning || c.Remedy != "":
			verdict = "warn"
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

// doctorTimeout bounds one call to GitHub or to the database.
const doctorTimeout = 20 * time.Second

// A doctor collects checks.
type doctor struct {
	config *config.Config
	gh     *github.App
	app    github.AppInfo
	store  *store.Store // nil where the database cannot be used, or is not there yet
	checks []Check

	noRecords bool // since there is no database yet
}

// Run checks everything that the configuration and GitHub must have in common. It works
// beside a running server. failure is the error of [config.Load]; if it is not nil, Run
// reports it and checks nothing else.
func Run(ctx context.Context, c *config.Config, failure error, version string) Diagnosis {
	d := &doctor{config: c}
	if failure != nil {
		d.fail("configuration", strings.ReplaceAll(failure.Error(), "\n", "; "),
			"Correct the configuration: `actions-runner-manager config check` shows what is read.", "")
		return d.diagnosis()
	}
	d.pass("configuration", "it is valid")
	for _, warning := range c.Warnings() {
		d.checks = append(d.checks, Check{Name: "configuration", OK: true, Detail: warning, Warning: true})
	}
	closeDatabase := d.database(ctx)
	defer closeDatabase()
	if c.SetupMode() {
		d.fail("app", "no GitHub App is configured yet",
			"Start the server and open the /setup link; the link is in the server's log. It makes the App and configures it.", "")
		return d.diagnosis()
	}
	var err error
	if d.gh, err = connect.GitHub(c, nil, version, zerolog.Nop()); err != nil {
		d.fail("app", err.Error(), "Correct the configuration of the GitHub App.", "")
		return d.diagnosis()
	}
	if d.asApp(ctx) {
		d.permissions()
		d.webhook(ctx)
		for _, org := range c.Organizations() {
			d.organization(ctx, org)
		}
	}
	return d.diagnosis()
}

func (d *doctor) diagnosis() Diagnosis {
	ok := !slices.ContainsFunc(d.checks, func(c Check) bool { return !c.OK })
	return Diagnosis{OK: ok, Checks: d.checks}
}

func (d *doctor) pass(name, detail string) { d.advise(name, detail, "", "") }

// advise passes a check, and tells what could be better all the same.
func (d *doctor) advise(name, detail, remedy, page string) {
	d.checks = append(d.checks, Check{Name: name, OK: true, Detail: detail, Remedy: remedy, URL: page})
}

func (d *doctor) fail(name, detail, remedy, page string) {
	d.checks = append(d.checks, Check{Name: name, Detail: detail, Remedy: remedy, URL: page})
}

// skip notes what cannot be known before something else is mended.
func (d *doctor) skip(since, page string, names ...string) {
	for _, name := range names {
		d.checks = append(d.checks, Check{
			Name: name, Skipped: true, Detail: "not checked, since " + since, Remedy: "Mend that first, and run doctor again.", URL: page,
		})
	}
}

// page is an address on GitHub.
func (d *doctor) page(elements ...string) string {
	for i := range elements {
		elements[i] = url.PathEscape(elements[i])
	}
	return d.config.GitHub.URL + "/" + strings.Join(elements, "/")
}

// appPage is a page of the App's settings. The App is its organization's; where
// several are served, the first is taken for that.
func (d *doctor) appPage(more ...string) string {
	at := []string{"organizations", d.config.Organizations()[0].Org, "settings", "apps"}
	if d.app.Slug != "" {
		at = append(append(at, d.app.Slug), more...)
	}
	return d.page(at...)
}

// of names a check of one organization, where there are several.
func (d *doctor) of(org, name string) string {
	if len(d.config.Orgs) > 0 {
		return name + " (" + org + ")"
	}
	return name
}

// comments tells whether comments are commands in any organization: without them the
// App needs neither issues nor a webhook.
func (d *doctor) comments() bool {
	return slices.ContainsFunc(d.config.Organizations(), func(o config.Organization) bool { return o.Chatops.AdminRepo != "" })
}

// database opens the database as the operator's commands do, beside a running server,
// which also brings its schema up to date. It returns what closes it.
func (d *doctor) database(ctx context.Context) func() {
	ready := DatabaseReady()
	where := d.config.Database.URL.String()
	if path, is := strings.CutPrefix(d.config.Database.URL.Reveal(), "sqlite:"); is {
		if _, err := os.Stat(path); os.IsNotExist(err) && Writable(filepath.Dir(path)) == nil {
			d.noRecords = true
			d.pass(ready.Name, where+" is not there yet; the server makes it when it first starts")
			return func() {}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, doctorTimeout)
	defer cancel()
	st, err := store.Open(ctx, store.Options{URL: d.config.Database.URL.Reveal(), Logger: zerolog.Nop()})
	if err == nil {
		if err = ready.Try(ctx, st); err != nil {
			_ = st.Close()
		}
	}
	d.checks = append(d.checks, ready.examined(where, err))
	if err != nil {
		return func() {}
	}
	d.store = st
	return func() { _ = st.Close() }
}

// Writable reports, as an error, why no file can be created in the folder dir.
func Writable(dir string) error {
	file, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return err
	}
	file.Close()
	return os.Remove(file.Name())
}
