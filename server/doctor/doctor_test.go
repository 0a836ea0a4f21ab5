package doctor_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/config"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
	"github.com/actions-runner-manager/actions-runner-manager/server/doctor"
)

// A clinic is a simulated GitHub, and the environment of a server that uses it.
type clinic struct {
	t   *testing.T
	hub *ghsim.Server
	url string
	env map[string]string
}

const publicURL = "https://arm.example.com"

func newClinic(t *testing.T) *clinic {
	t.Helper()
	sc := acme()
	sc.Apps[0].HookURL = publicURL + "/api/github/hook"
	hub, err := ghsim.New(sc)
	require.NoError(t, err)
	checkContract(t, hub)
	var app ghsim.App
	hub.View(func(st *ghsim.State) { app = *st.Apps[0] })
	front := httptest.NewUnstartedServer(hub)
	hub.URL = "http://" + front.Listener.Addr().String() // before anybody can ask
	front.Start()
	t.Cleanup(func() { hub.Close(); front.Close() })
	return &clinic{t: t, hub: hub, url: front.URL, env: map[string]string{
		"CLIENT_ID": app.ClientID, "CLIENT_SECRET": app.ClientSecret,
		"ORG": "acme", "APP_ID": "4242", "PRIVATE_KEY": appKey(), "SERVER_PUBLIC_URL": publicURL,
		"GITHUB_URL": front.URL, "GITHUB_API_URL": front.URL, "GITHUB_WEBHOOK_SECRET": webhookSecret,
		"CHATOPS_ADMIN_REPO": "runner-admin", "DATABASE_URL": storetest.SQLite(t),
	}}
}

func (c *clinic) change(change func(*ghsim.App, *ghsim.Org)) {
	c.hub.Update(func(st *ghsim.State) { change(st.Apps[0], st.Org("acme")) })
}

// deliver makes GitHub deliver a ping to a server that answers with status.
func (c *clinic) deliver(status int) {
	c.t.Helper()
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	defer target.Close()
	_, err := c.hub.Deliver(c.t.Context(), "ping", "{}", ghsim.DeliverOptions{URL: target.URL})
	require.NoError(c.t, err)
}

func (c *clinic) record(records ...store.Record) {
	c.t.Helper()
	st, err := store.Open(c.t.Context(), store.Options{URL: c.env["DATABASE_URL"]})
	require.NoError(c.t, err)
	defer st.Close()
	for _, r := range records {
		require.NoError(c.t, st.PutRecord(c.t.Context(), r))
	}
}

func (c *clinic) examine() doctor.Diagnosis {
	c.t.Helper()
	var environ []string
	for name, value := range c.env {
		environ = append(environ, "ARM_"+name+"="+value)
	}
	conf, err := config.Load("", environ)
	return doctor.Run(c.t.Context(), conf, err, "test")
}

func TestDoctorFindsNothing(t *testing.T) {
	c := newClinic(t)
	c.deliver(200)
	c.record()
	d := c.examine()
	assert.True(t, d.OK, d.Text())
	assert.NotContains(t, d.Text(), "FAIL")
	assert.NotContains(t, d.Text(), webhookSecret)
	for line := range strings.Lines(d.Text()) {
		assert.True(t, strings.HasPrefix(line, "ok    ") || strings.HasPrefix(line, "info  configuration: policy.registrationTokens is true") ||
			strings.HasPrefix(line, "warn  configuration: ") || strings.HasPrefix(line, "      "), line)
	}
	text, err := json.Marshal(d)
	require.NoError(t, err)
	var keys struct {
		OK     *bool
		Checks []map[string]any
	}
	require.NoError(t, json.Unmarshal(text, &keys))
	require.NotNil(t, keys.OK)
	for _, check := range keys.Checks {
		assert.Len(t, check, 6)
		assert.Contains(t, []any{"ok", "info", "warn"}, check["level"])
		for _, key := range []string{"name", "ok", "level", "detail", "remedy", "url"} {
			assert.Contains(t, check, key)
		}
	}
}

// Every mistake is found, and the check says what to do and on which page.
func TestDoctor(t *testing.T) {
	const settings = "/organizations/acme/settings"
	tests := []struct {
		name   string
		broken func(*clinic)
		check  string // the one that fails
		detail string
		remedy string
		url    string // on GitHub if it begins with a slash
	}{
		{"wrong configuration", func(c *clinic) { c.env["POLICY_GROUPS"] = "odd" }, "configuration", "policy.groups", "config check", ""},
		{"no App", func(c *clinic) { delete(c.env, "APP_ID"); delete(c.env, "CLIENT_ID"); delete(c.env, "PRIVATE_KEY") }, "app", "no GitHub App", "the link is in the server's log", ""},
		{"wrong key", func(c *clinic) { c.env["PRIVATE_KEY"], _ = ghsim.NewKey() }, "app", "private key", "generate a private key", settings + "/apps"},
		{"wrong App id", func(c *clinic) { c.env["APP_ID"] = "4243" }, "app", "4243", "Set appID", settings + "/apps"},
		{
			"not installed", func(c *clinic) { c.change(func(a *ghsim.App, _ *ghsim.Org) { a.Installations = nil }) },
			"installation", "not installed in acme", "Install it", "/apps/arm/installations/new",
		},
		{
			"not installed, although configured", func(c *clinic) {
				c.env["INSTALLATION_ID"] = "78"
				c.change(func(a *ghsim.App, _ *ghsim.Org) { a.Installations = nil })
			},
			"installation", "78, and none in acme", "remove installationID", "/apps/arm/installations/new",
		},
		{
			"renamed, with a new database", func(c *clinic) { c.change(func(_ *ghsim.App, o *ghsim.Org) { o.Login = "acme-inc" }) },
			"installation", "If acme is now called acme-inc: change `org` to acme-inc", "If it was renamed, change org to acme-inc", "/apps/arm/installations/new",
		},
		{
			"suspended", func(c *clinic) {
				c.change(func(a *ghsim.App, _ *ghsim.Org) { a.Installations[0].SuspendedAt = time.Now() })
			},
			"installation", "suspended", "Unsuspend", settings + "/installations/77",
		},
		{"the App asks for too little", func(c *clinic) {
			c.change(func(a *ghsim.App, _ *ghsim.Org) { a.Permissions["issues"] = "read" })
		}, "app-permissions", "issues (write)", "Permissions & events", settings + "/apps/arm/permissions"},
		{"the organization granted too little", func(c *clinic) {
			c.change(func(a *ghsim.App, _ *ghsim.Org) {
				a.Installations[0].Permissions = map[string]string{"metadata": "read", "issues": "write", "organization_self_hosted_runners": "write"}
			})
		}, "installation-permissions", "members (read)", "approves", settings + "/installations/77/permissions/update"},
		{
			"no event", func(c *clinic) { c.change(func(a *ghsim.App, _ *ghsim.Org) { a.Events = nil }) },
			"app-events", "issue_comment", "Subscribe to events", settings + "/apps/arm/permissions",
		},
		{"selected repositories", func(c *clinic) {
			c.change(func(a *ghsim.App, o *ghsim.Org) { a.Installations[0].Repos = []int64{o.Repo("runner-admin").ID} })
		}, "repositories", "selected repositories", "All repositories", settings + "/installations/77"},
		{"wrong webhook", func(c *clinic) {
			c.change(func(a *ghsim.App, _ *ghsim.Org) { a.HookURL = "https://old.example.com/api/github/hook" })
		}, "webhook", "https://old.example.com", "https://arm.example.com/api/github/hook", settings + "/apps/arm"},
		{"no webhook", func(c *clinic) { c.change(func(a *ghsim.App, _ *ghsim.Org) { a.HookURL = "" }) }, "webhook", "not active", "Tick Active", settings + "/apps/arm"},
		{"no secret here", func(c *clinic) { delete(c.env, "GITHUB_WEBHOOK_SECRET") }, "webhook", "github.webhookSecret", "Set", settings + "/apps/arm"},
		{"no secret there", func(c *clinic) { c.change(func(a *ghsim.App, _ *ghsim.Org) { a.WebhookSecret = "" }) }, "webhook", "not signed", "secret", settings + "/apps/arm"},
		{"deliveries are refused", func(c *clinic) { c.deliver(200); c.deliver(401) }, "deliveries", "signature", "the same", settings + "/apps/arm/advanced"},
		{"deliveries do not arrive", func(c *clinic) { c.deliver(502) }, "deliveries", "could not reach", "firewall", settings + "/apps/arm/advanced"},
		{"no admin repository", func(c *clinic) { c.env["CHATOPS_ADMIN_REPO"] = "nothing" }, "admin-repo", "acme/nothing does not exist", "Create", settings[:19] + "/repositories/new"},
		{
			"public admin repository", func(c *clinic) {
				c.change(func(_ *ghsim.App, o *ghsim.Org) { o.Repo("runner-admin").Visibility = "public" })
			},
			"admin-repo", "is public", "Make it private", "/acme/runner-admin/settings",
		},
		{
			"admin repository without issues", func(c *clinic) {
				c.change(func(_ *ghsim.App, o *ghsim.Org) { o.Repo("runner-admin").HasIssues = false })
			},
			"admin-repo", "no issues", "Tick Issues", "/acme/runner-admin/settings",
		},
		{
			"archived admin repository", func(c *clinic) { c.change(func(_ *ghsim.App, o *ghsim.Org) { o.Repo("runner-admin").Archived = true }) },
			"admin-repo", "archived", "Unarchive", "/acme/runner-admin/settings",
		},
		{"clock ahead", func(c *clinic) { c.hub.ClockSkew = -5 * time.Minute }, "clock", "ahead of", "NTP", ""},
		{"clock behind", func(c *clinic) { c.hub.ClockSkew = 20 * time.Minute }, "clock", "behind", "NTP", ""},
		{"GitHub is down", func(c *clinic) { c.hub.Inject(ghsim.Fault{Status: 503, Times: -1}) }, "github", "does not answer", "HTTPS_PROXY", "/"},
		{
			"no runner groups", func(c *clinic) { c.hub.Inject(ghsim.Fault{Path: "/runner-groups", Status: 403, Times: -1}) },
			"runner-groups", "403", "Team or Enterprise Cloud", settings + "/actions/runner-groups",
		},
		{"no folder for the database", func(c *clinic) { c.env["DATABASE_URL"] = "sqlite:/nonexistent/arm.db" }, "database", "/nonexistent/arm.db", "database.url", ""},
		{"the database is no file", func(c *clinic) { c.env["DATABASE_URL"] = "sqlite:" + c.t.TempDir() }, "database", "cannot be", "database.url", ""},
		{"the team is gone", func(c *clinic) {
			c.record(store.Record{OrgID: c.orgID(), TeamID: 1, TeamSlug: "ghosts", GroupID: c.groupID("legacy"), GroupName: "legacy", Origin: store.Created})
		}, "ownership", "team ghosts is gone", "groups release", settings + "/actions/runner-groups"},
		{"the group is gone", func(c *clinic) {
			c.record(store.Record{OrgID: c.orgID(), TeamID: c.teamID("platform"), TeamSlug: "platform", GroupID: 999, GroupName: "platform", Origin: store.Created})
		}, "ownership", `team platform's group "platform" is gone`, "groups adopt", settings + "/actions/runner-groups"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClinic(t)
			tt.broken(c)
			d := c.examine()
			assert.False(t, d.OK)
			at := slices.IndexFunc(d.Checks, func(c doctor.Check) bool { return c.Name == tt.check })
			require.GreaterOrEqual(t, at, 0, d.Text())
			found := d.Checks[at]
			assert.False(t, found.OK || found.Skipped, d.Text())
			assert.Equal(t, doctor.Fail, found.Level)
			assert.Contains(t, found.Detail, tt.detail)
			assert.Contains(t, found.Remedy, tt.remedy)
			if tt.url == "/" {
				tt.url = ""
				found.URL = strings.TrimPrefix(found.URL, c.url)
			}
			if strings.HasPrefix(tt.url, "/") {
				tt.url = c.url + tt.url
			}
			assert.Equal(t, tt.url, found.URL)
			assert.Contains(t, found.Remedy, " More: "+found.Help())
			assert.Contains(t, sections(t), tt.check, "docs/troubleshooting.md explains the check")
			assert.Contains(t, d.Text(), "FAIL  "+tt.check)
			for _, other := range d.Checks {
				assert.True(t, other.OK || other.Skipped || other.Name == tt.check || tt.check == "app-permissions", "only that fails: %s", d.Text())
				assert.True(t, other.OK || other.Remedy != "", other.Name)
			}
			assert.NotContains(t, d.Text(), webhookSecret)
		})
	}
}

// Advice does not fail a check.
func TestDoctorAdvises(t *testing.T) {
	c := newClinic(t)
	c.change(func(a *ghsim.App, _ *ghsim.Org) {
		a.Permissions["contents"], a.Events = "write", append(a.Events, "push")
	})
	c.env["POLICY_PUBLIC_REPOS"] = "true"
	c.deliver(401)
	c.deliver(200)
	d := c.examine()
	assert.True(t, d.OK, d.Text())
	for _, advice := range []string{"contents (write)", "push", "policy.publicRepos", "1 of 2 failed: ping at"} {
		assert.Contains(t, d.Text(), advice)
	}
	for _, check := range d.Checks {
		if check.Remedy != "" {
			assert.Equal(t, doctor.Warn, check.Level, check.Name)
		}
		assert.Contains(t, d.Text(), fmt.Sprintf("%-6s", check.Level)+check.Name+": "+check.Detail+"\n")
	}

	delete(c.env, "CHATOPS_ADMIN_REPO")
	c.change(func(a *ghsim.App, _ *ghsim.Org) { a.HookURL, a.Events = "", nil })
	assert.True(t, c.examine().OK, "without comments there need be no webhook")
}

// A proxy that is not trusted makes all callers share one limit.
func TestDoctorWarnsOfProxy(t *testing.T) {
	const warning = "warn  configuration: server.trustedProxies is empty"
	c := newClinic(t)
	d := c.examine()
	assert.True(t, d.OK, d.Text())
	assert.Contains(t, d.Text(), warning)
	assert.Contains(t, d.Text(), "ARM_SERVER_TRUSTED_PROXIES")
	c.env["SERVER_TRUSTED_PROXIES"] = "10.0.0.0/8"
	assert.NotContains(t, c.examine().Text(), warning)
	delete(c.env, "SERVER_TRUSTED_PROXIES")
	c.env["SERVER_PUBLIC_URL"] = "http://127.0.0.1:8080"
	assert.NotContains(t, c.examine().Text(), warning)
}

// Without an address it cannot be said where the server expects webhooks.
func TestDoctorWithoutAnAddress(t *testing.T) {
	c := newClinic(t)
	delete(c.env, "SERVER_PUBLIC_URL")
	c.env["SERVER_PORT"] = "0"
	d := c.examine()
	assert.True(t, d.OK, d.Text())
	assert.Contains(t, d.Text(), "warn  webhook: GitHub sends signed webhooks to "+publicURL)
	assert.Contains(t, d.Text(), "run doctor with --url")
	c.change(func(a *ghsim.App, _ *ghsim.Org) { a.HookURL = "" })
	assert.Contains(t, c.examine().Text(), "https://HOST/api/github/hook")
}

// A configured installation that is gone is replaced, with a warning.
func TestDoctorWarnsOfAReplacedInstallation(t *testing.T) {
	c := newClinic(t)
	c.env["INSTALLATION_ID"] = "78"
	d := c.examine()
	assert.True(t, d.OK, d.Text())
	assert.Contains(t, d.Text(), "warn  installation: the App's installation 78 in acme is gone, and 77 took its place: change `installationID` to 77, or remove it")
}

// A command in an issue that takes no comment runs, but cannot be answered.
func TestDoctorWarnsOfIssuesWithoutComments(t *testing.T) {
	c := newClinic(t)
	assert.Contains(t, c.examine().Text(), "ok    admin-issues: the 1 open issues take comments")
	c.change(func(_ *ghsim.App, o *ghsim.Org) {
		admin := o.Repo("runner-admin")
		busy := admin.Issue(1)
		for len(busy.Comments) <= 2_000 {
			busy.Comments = append(busy.Comments, &ghsim.Comment{ID: int64(1 + len(busy.Comments)), Author: busy.Author, Body: "+1", CreatedAt: busy.CreatedAt})
		}
		admin.Issues = append(admin.Issues,
			&ghsim.Issue{ID: 2, Number: 2, Title: "locked", State: "open", Locked: true, Author: busy.Author, CreatedAt: busy.CreatedAt},
			&ghsim.Issue{ID: 3, Number: 3, Title: "locked and closed", State: "closed", Locked: true, Author: busy.Author, CreatedAt: busy.CreatedAt},
		)
	})
	d := c.examine()
	assert.True(t, d.OK, d.Text())
	assert.Contains(t, d.Text(), "warn  admin-issues: issue #1 has 2001 comments, and GitHub takes 2,500; issue #2 is locked: commands there run")
	assert.NotContains(t, d.Text(), "#3")
}

func (c *clinic) orgID() (id int64) {
	c.change(func(_ *ghsim.App, o *ghsim.Org) { id = o.ID })
	return id
}

func (c *clinic) teamID(slug string) (id int64) {
	c.change(func(_ *ghsim.App, o *ghsim.Org) { id = o.Team(slug).ID })
	return id
}

func (c *clinic) groupID(name string) (id int64) {
	c.change(func(_ *ghsim.App, o *ghsim.Org) { id = o.Group(name).ID })
	return id
}

// Each of several organizations is checked. An Enterprise Server reports its version.
func TestDoctorOfSeveral(t *testing.T) {
	c := newClinic(t)
	require.NoError(t, c.hub.Apply(ghsim.Scenario{Organizations: []ghsim.OrgSpec{{Login: "globex", Owners: []string{"olga"}}}}))
	delete(c.env, "ORG")
	delete(c.env, "GITHUB_API_URL")
	c.env["ORGS"] = `[{"org":"acme"},{"org":"globex"}]`
	d := c.examine()
	assert.False(t, d.OK)
	for _, line := range []string{
		"ok    installation (acme)", "ok    admin-repo (acme)", "FAIL  installation (globex): the App is not installed in globex",
		"skip  admin-repo (globex)", "Enterprise Server 3.17.0",
	} {
		assert.Contains(t, d.Text(), line)
	}
}

// Doctor works while a server has the database open.
func TestDoctorBesideServer(t *testing.T) {
	c := newClinic(t)
	held, err := store.Open(t.Context(), store.Options{URL: c.env["DATABASE_URL"], Exclusive: true})
	require.NoError(t, err)
	defer held.Close()
	d := c.examine()
	assert.True(t, d.OK, d.Text())
}
