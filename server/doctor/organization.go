package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/actions-runner-manager/actions-runner-manager/config"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// checkOrganization checks one organization: the App's installation there, and what can be
// checked with it.
func (d *doctor) checkOrganization(ctx context.Context, c config.Organization, org *github.Org) {
	ctx, cancel := context.WithTimeout(ctx, 3*callTimeout)
	defer cancel()
	if d.store != nil {
		if id, err := d.store.OrgID(ctx, c.Org); err == nil {
			org.Remember(id)
		}
	}
	rest := []string{
		d.checkName(c.Org, "installation-permissions"), d.checkName(c.Org, "repositories"), d.checkName(c.Org, "runner-groups"),
		d.checkName(c.Org, "admin-repo"), d.checkName(c.Org, "ownership"), d.checkName(c.Org, "trusts"),
	}
	installation, err := org.Installation(ctx)
	if !d.checkInstallation(c, org, installation, err) {
		d.skip("the App cannot work in "+c.Org, d.installPage(), rest...)
		return
	}
	c.Org = org.Name()
	missing := d.checkGranted(c, installation)
	d.checkSelection(c, installation)
	d.checkRunnerGroups(ctx, c, org, missing)
	if d.checkAdminRepo(ctx, c, org, installation, missing) {
		d.checkAdminIssues(ctx, c, org)
	}
	d.checkOwnership(ctx, c, org, installation, missing)
	d.checkTrusts(ctx, c, org, d.trustsOf(ctx, installation.OrgID), missing)
}

// installPage returns the page on which an owner installs the App.
func (d *doctor) installPage() string {
	return strings.TrimRight(d.app.HTMLURL, "/") + "/installations/new"
}

// checkInstallation checks what GitHub says about the App's installation, and reports
// whether the App can work with it.
func (d *doctor) checkInstallation(c config.Organization, org *github.Org, installation github.Installation, err error) bool {
	name, install := d.checkName(c.Org, "installation"), d.installPage()
	switch {
	case elsewhere(err) != "":
		d.fail(name, said(err), "If it was renamed, change org to "+elsewhere(err)+". If not, install the App in "+c.Org+", on all repositories.", install)
	case github.KindOf(err) == github.NotFound && c.InstallationID != 0:
		d.fail(name, fmt.Sprintf("the App has no installation with ID %d, and none in %s", c.InstallationID, c.Org),
			"Install it there, on all repositories, and remove installationID from the configuration.", install)
	case github.KindOf(err) == github.NotFound:
		d.fail(name, "the App is not installed in "+c.Org, "Install it there, on all repositories.", install)
		d.checks[len(d.checks)-1].Missing = true
	case err != nil:
		d.failGitHub(name, c.Org, "", err, "Correct org and installationID. If installationID is not set, the server gets it from GitHub.", install)
	case installation.Suspended:
		d.fail(name, "the App's installation in "+c.Org+" is suspended", "Unsuspend it at the bottom of its page.", installation.HTMLURL)
		return false
	case org.Replaced() != "":
		d.advise(name, org.Replaced(), "Change installationID (ARM_INSTALLATION_ID), or remove it: then the server finds the installation by itself.", installation.HTMLURL)
	case org.Renamed() != "":
		d.advise(name, org.Renamed(), "Change org (ARM_ORG) to "+org.Name()+". Until then the server finds the organization by its id.", installation.HTMLURL)
	default:
		d.pass(name, fmt.Sprintf("the App is installed in %s (installation %d)", installation.Login, installation.ID))
	}
	return err == nil
}

// elsewhere returns the organization that has the App instead of the configured one.
func elsewhere(err error) string {
	var failure *github.Error
	if errors.As(err, &failure) {
		return failure.Elsewhere
	}
	return ""
}

// checkGranted checks what the organization granted, which may be less than the App asks
// for. It returns what is missing.
func (d *doctor) checkGranted(c config.Organization, i github.Installation) []string {
	name := d.checkName(c.Org, "installation-permissions")
	missing, extra := d.comparePermissions(i.Permissions)
	for _, event := range d.missingEvents(i.Events) {
		missing = append(missing, "the event "+event.Key)
	}
	switch {
	case len(missing) > 0:
		d.fail(name, c.Org+" has not granted the App "+strings.Join(missing, ", "),
			"If the App asks for it (see app-permissions), an owner approves the request on the installation's page.", i.HTMLURL+"/permissions/update")
	case len(extra) > 0:
		d.advise(name, c.Org+" granted more than the App needs: "+strings.Join(extra, ", "),
			"Remove it on the App's page Permissions & events. That needs no approval.", d.appPage("permissions"))
	default:
		d.pass(name, c.Org+" granted what the App needs")
	}
	return missing
}

// checkSelection checks that the App is installed on all repositories.
func (d *doctor) checkSelection(c config.Organization, i github.Installation) {
	name := d.checkName(c.Org, "repositories")
	if i.RepositorySelection != "all" {
		d.fail(name, "the App is installed on selected repositories of "+c.Org+" only, so teams cannot attach any other",
			"Choose All repositories under Repository access.", i.HTMLURL)
		return
	}
	d.pass(name, "the App is installed on all repositories")
}

// lacks reports whether a permission is in missing, as comparePermissions returns it.
func lacks(missing []string, permission string) bool {
	return slices.ContainsFunc(missing, func(m string) bool { return strings.HasPrefix(m, permission+" (") })
}

// checkRunnerGroups lists the groups, which needs a plan or a version that has them, besides
// the permission. GitHub does not show the plan to an App with these permissions.
func (d *doctor) checkRunnerGroups(ctx context.Context, c config.Organization, org *github.Org, missing []string) {
	name := d.checkName(c.Org, "runner-groups")
	page := d.page("organizations", c.Org, "settings", "actions", "runner-groups")
	if len(missing) > 0 && !d.mintable(missing) {
		d.skip("permissions are missing", "", name)
		return
	}
	groups, err := org.Groups(ctx)
	if err != nil {
		d.failGitHub(name, c.Org, "", err,
			"Runner groups need GitHub Team or Enterprise Cloud, or Enterprise Server. Check that "+c.Org+" has such a plan, and that its owners may manage runner groups.", page)
		return
	}
	ours := 0
	for _, g := range groups {
		if !g.Default && !g.Inherited {
			ours++
		}
	}
	if v := d.gh.ServerVersion(); v != "" && older(v, 3, 10) {
		d.advise(name, "Enterprise Server "+v+" has runner groups but no JIT configurations, so token-jit fails", "Upgrade to 3.10 or newer for token-jit.", "")
		return
	}
	if ours == 0 && d.gh.ServerVersion() == "" {
		d.advise(name, "there is only the default one",
			"On the Free plan there can be no others: group-create needs GitHub Team or Enterprise Cloud.", d.page("organizations", c.Org, "billing", "plans"))
		return
	}
	d.pass(name, fmt.Sprintf("GitHub lists %d besides the default one", ours))
}

// mintable reports whether GitHub issues a token for the organization in spite of what is
// missing. It refuses a token that asks for more than was granted.
func (d *doctor) mintable(missing []string) bool {
	return !lacks(missing, "metadata") && !lacks(missing, "members") && !lacks(missing, "organization_self_hosted_runners")
}

// older reports whether a version such as 3.9.4 is below major.minor. An unknown format
// is not.
func older(version string, major, minor int) bool {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return false
	}
	x, errX := strconv.Atoi(parts[0])
	y, errY := strconv.Atoi(parts[1])
	return errX == nil && errY == nil && (x < major || x == major && y < minor)
}

// checkAdminRepo reports whether the admin repository is as it must be.
func (d *doctor) checkAdminRepo(ctx context.Context, c config.Organization, org *github.Org, i github.Installation, missing []string) bool {
	name := d.checkName(c.Org, "admin-repo")
	repo := c.Chatops.AdminRepo
	if repo == "" {
		d.add(Info, name, "none is configured, so commands only work over REST, not in comments",
			"To use comments, set chatops.adminRepo to a private repository of "+c.Org+" that has issues.", "")
		return false
	}
	if lacks(missing, "issues") || lacks(missing, "metadata") {
		d.skip("permissions are missing", i.HTMLURL, name)
		return false
	}
	full := c.Org + "/" + repo
	got, err := org.AdminRepository(ctx)
	var refused *github.Error
	switch {
	// GitHub refuses a token for a repository that does not exist with 422.
	case errors.As(err, &refused) && isMissing(refused):
		detail, remedy, page := full+" does not exist, or the App's installation does not include it",
			"Create a private repository "+repo+" in "+c.Org+", or set chatops.adminRepo to the right one.", d.page("organizations", c.Org, "repositories", "new")
		if i.RepositorySelection != "all" {
			remedy, page = "Install the App on all repositories. If "+full+" does not exist, create it, private and with issues.", i.HTMLURL
		}
		d.fail(name, detail+": "+said(err), remedy, page)
	case err != nil:
		d.failGitHub(name, c.Org, "", err, "Try again. If it fails again, check the repository.", d.page(c.Org, repo))
	case !strings.EqualFold(got.Name, repo):
		d.fail(name, full+" was renamed to "+got.Name+", so its comments are ignored", "Set chatops.adminRepo to "+got.Name+".", d.page(c.Org, got.Name))
	case got.Archived:
		d.fail(name, full+" is archived, so nobody can comment", "Unarchive it, or set chatops.adminRepo to another.", d.page(c.Org, repo, "settings"))
	case !got.HasIssues:
		d.fail(name, full+" has no issues to comment on", "Tick Issues under Features in its settings.", d.page(c.Org, repo, "settings"))
	case got.Visibility != "private":
		d.fail(name, full+" is "+got.Visibility+", so people outside its teams can read all commands, and the server refuses to post tokens there",
			"Make it private in the Danger Zone of its settings, or set chatops.adminRepo to a private one.", d.page(c.Org, repo, "settings"))
	default:
		d.pass(name, full+" is private and has issues")
		return true
	}
	return false
}

// isMissing reports whether GitHub says that the repository does not exist, or that the
// installation does not include it: with 404, or with 422 if it was asked for a token.
func isMissing(refused *github.Error) bool {
	return refused.Status == http.StatusNotFound ||
		refused.Status == http.StatusUnprocessableEntity && strings.Contains(strings.ToLower(refused.Message), "repositor")
}

// checkOwnership looks for records whose team or group no longer exists. They grant
// nothing, but a new team of that name gets a puzzling refusal.
func (d *doctor) checkOwnership(ctx context.Context, c config.Organization, org *github.Org, i github.Installation, missing []string) {
	name := d.checkName(c.Org, "ownership")
	page := d.page("organizations", c.Org, "settings", "actions", "runner-groups")
	if d.store == nil && d.newDatabase {
		d.pass(name, "there are no records yet")
		return
	}
	if d.store == nil {
		d.skip("the database cannot be used", "", name)
		return
	}
	if !d.mintable(missing) {
		d.skip("permissions are missing", i.HTMLURL, name)
		return
	}
	records, err := d.store.Records(ctx, i.OrgID)
	if err != nil {
		d.fail(name, err.Error(), "See the check of the database.", "")
		return
	}
	dead, err := deadRecords(ctx, org, records)
	switch {
	case err != nil:
		d.failGitHub(name, c.Org, "could not compare the records with GitHub", err, "Try again.", page)
	case len(dead) > 0:
		d.fail(name, strings.Join(dead, "; "),
			"Remove a record with `actions-runner-manager groups release --team TEAM`, "+
				"or assign the group to a team with `actions-runner-manager groups adopt --team TEAM --group GROUP` or the comment `/"+c.Chatops.Trigger+" group-adopt`.", page)
	default:
		d.pass(name, fmt.Sprintf("all %d records have their team and group", len(records)))
	}
}

// deadRecords describes the records whose team or group does not exist on GitHub.
func deadRecords(ctx context.Context, org *github.Org, records []store.Record) ([]string, error) {
	if len(records) == 0 {
		return nil, nil
	}
	groups, err := org.Groups(ctx)
	if err != nil {
		return nil, err
	}
	const atATime = 8
	found := make([]string, len(records))
	var once sync.Once
	var failure error
	var work errgroup.Group
	work.SetLimit(atATime)
	for n, r := range records {
		work.Go(func() error {
			_, err := org.TeamByID(ctx, r.TeamID)
			gone := github.KindOf(err) == github.NotFound
			if err != nil && !gone {
				once.Do(func() { failure = err })
				return nil
			}
			hasGroup := slices.ContainsFunc(groups, func(g github.Group) bool { return g.ID == r.GroupID })
			switch {
			case gone && !hasGroup:
				found[n] = fmt.Sprintf("team %s and its group %q are gone", r.TeamSlug, r.GroupName)
			case gone:
				found[n] = fmt.Sprintf("team %s is gone, but its group %q exists", r.TeamSlug, r.GroupName)
			case !hasGroup:
				found[n] = fmt.Sprintf("team %s's group %q is gone", r.TeamSlug, r.GroupName)
			}
			return nil
		})
	}
	_ = work.Wait()
	return slices.DeleteFunc(found, func(text string) bool { return text == "" }), failure
}
