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

// organization looks at one organization: the App's installation there and all that
// can be asked through it.
func (d *doctor) organization(ctx context.Context, c config.Organization) {
	org := d.gh.Org(c.Org, c.InstallationID, c.Chatops.AdminRepo)
	ctx, cancel := context.WithTimeout(ctx, 3*doctorTimeout)
	defer cancel()
	rest := []string{
		d.of(c.Org, "installation-permissions"), d.of(c.Org, "repositories"), d.of(c.Org, "runner-groups"),
		d.of(c.Org, "admin-repo"), d.of(c.Org, "ownership"),
	}
	installation, err := org.Installation(ctx)
	name := d.of(c.Org, "installation")
	install := strings.TrimRight(d.app.HTMLURL, "/") + "/installations/new"
	switch {
	case github.KindOf(err) == github.NotFound && c.InstallationID != 0:
		d.fail(name, fmt.Sprintf("the App has no installation number %d", c.InstallationID),
			"Remove installationID from the configuration, and install the App in "+c.Org+", on all repositories, where it is not.", install)
	case github.KindOf(err) == github.NotFound:
		d.fail(name, "the App is not installed in "+c.Org, "Install it there, on all repositories.", install)
	case err != nil:
		d.fail(name, err.Error(), "Correct org and installationID; without installationID the server asks GitHub for it.", install)
	case installation.Suspended:
		d.fail(name, "the App's installation in "+c.Org+" is suspended", "Unsuspend it, at the foot of its page.", installation.HTMLURL)
		err = errors.New("suspended")
	default:
		d.pass(name, fmt.Sprintf("the App is installed in %s, as number %d", installation.Login, installation.ID))
	}
	if err != nil {
		d.skip("the App cannot work in "+c.Org, install, rest...)
		return
	}
	missing := d.granted(c, installation)
	d.selection(c, installation)
	d.runnerGroups(ctx, c, org, missing)
	d.adminRepo(ctx, c, org, installation, missing)
	d.ownership(ctx, c, org, installation, missing)
}

// granted looks at what the organization let the App do, which may be less than the
// App asks for. It returns what is missing.
func (d *doctor) granted(c config.Organization, i github.Installation) []string {
	name := d.of(c.Org, "installation-permissions")
	missing, extra := d.compare(i.Permissions)
	if d.comments() && !slices.Contains(i.Events, "issue_comment") {
		missing = append(missing, "the event issue_comment")
	}
	switch {
	case len(missing) > 0:
		d.fail(name, c.Org+" has not granted the App "+strings.Join(missing, ", "),
			"Where the App asks for it (see app-permissions), an owner approves the request on the installation's page.", i.HTMLURL+"/permissions/update")
	case len(extra) > 0:
		d.advise(name, c.Org+" granted all that is needed, and more: "+strings.Join(extra, ", "),
			"Take it away on the App's page Permissions & events; that needs no approval.", d.appPage("permissions"))
	default:
		d.pass(name, "as needed")
	}
	return missing
}

func (d *doctor) selection(c config.Organization, i github.Installation) {
	name := d.of(c.Org, "repositories")
	if i.RepositorySelection != "all" {
		d.fail(name, "the App is installed on selected repositories of "+c.Org+": it cannot see what else a team may attach, and refuses that",
			"Choose All repositories under Repository access.", i.HTMLURL)
		return
	}
	d.pass(name, "the App is installed on all repositories")
}

// lacks tells whether a permission is among the missing ones.
func lacks(missing []string, permission string) bool {
	return slices.ContainsFunc(missing, func(m string) bool { return strings.HasPrefix(m, permission+" (") })
}

// runnerGroups asks for the groups, which needs the plan or the version beside the
// permission. The plan itself is not shown to an App with these permissions.
func (d *doctor) runnerGroups(ctx context.Context, c config.Organization, org *github.Org, missing []string) {
	name := d.of(c.Org, "runner-groups")
	page := d.page("organizations", c.Org, "settings", "actions", "runner-groups")
	if len(missing) > 0 && !d.mintable(missing) {
		d.skip("permissions are missing", "", name)
		return
	}
	groups, err := org.Groups(ctx)
	if err != nil {
		d.fail(name, err.Error(),
			"Runner groups need GitHub Team or Enterprise Cloud, or an Enterprise Server: see that "+c.Org+" has such a plan, and that its owners may manage them.", page)
		return
	}
	ours := 0
	for _, g := range groups {
		if !g.Default && !g.Inherited {
			ours++
		}
	}
	if v := d.gh.ServerVersion(); v != "" && older(v, 3, 10) {
		d.advise(name, "Enterprise Server "+v+" knows them, but no JIT configurations: token-jit fails there", "Upgrade to 3.10 or newer for token-jit.", "")
		return
	}
	if ours == 0 && d.gh.ServerVersion() == "" {
		d.advise(name, "there is none yet but the default one",
			"On the plan Free there cannot be others: group-create needs GitHub Team or Enterprise Cloud.", d.page("organizations", c.Org, "billing", "plans"))
		return
	}
	d.pass(name, fmt.Sprintf("GitHub lists them: %d beside the default one", ours))
}

// mintable tells whether a token for the organization can be had all the same: GitHub
// gives none that asks for more than was granted.
func (d *doctor) mintable(missing []string) bool {
	return !lacks(missing, "metadata") && !lacks(missing, "members") && !lacks(missing, "organization_self_hosted_runners")
}

// older compares versions such as 3.9.4.
func older(version string, major, minor int) bool {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return false
	}
	x, errX := strconv.Atoi(parts[0])
	y, errY := strconv.Atoi(parts[1])
	return errX == nil && errY == nil && (x < major || x == major && y < minor)
}

func (d *doctor) adminRepo(ctx context.Context, c config.Organization, org *github.Org, i github.Installation, missing []string) {
	name := d.of(c.Org, "admin-repo")
	repo := c.Chatops.AdminRepo
	if repo == "" {
		d.advise(name, "none is configured, so there are no commands in comments, REST alone",
			"Set chatops.adminRepo to a private repository of "+c.Org+" with issues, if comments are wanted.", "")
		return
	}
	if lacks(missing, "issues") || lacks(missing, "metadata") {
		d.skip("permissions are missing", i.HTMLURL, name)
		return
	}
	full := c.Org + "/" + repo
	got, err := org.AdminRepository(ctx)
	var refused *github.Error
	switch {
	// A token for a repository that is not there is refused with 422.
	case errors.As(err, &refused) && (refused.Status == http.StatusNotFound || refused.Status == http.StatusUnprocessableEntity):
		detail, remedy, page := full+" does not exist, or the App's installation does not include it",
			"Make a private repository "+repo+" in "+c.Org+", or set chatops.adminRepo to the one that is meant.", d.page("organizations", c.Org, "repositories", "new")
		if i.RepositorySelection != "all" {
			remedy, page = "Install the App on all repositories; where there is no "+full+", make it, private and with issues.", i.HTMLURL
		}
		d.fail(name, detail, remedy, page)
	case err != nil:
		d.fail(name, err.Error(), "Try again; if it stays, look at the repository.", d.page(c.Org, repo))
	case !strings.EqualFold(got.Name, repo):
		d.fail(name, full+" is called "+got.Name+" now, so that its comments are ignored", "Set chatops.adminRepo to "+got.Name+".", d.page(c.Org, got.Name))
	case got.Archived:
		d.fail(name, full+" is archived, so that nobody can comment", "Unarchive it, or set chatops.adminRepo to another.", d.page(c.Org, repo, "settings"))
	case !got.HasIssues:
		d.fail(name, full+" has no issues, in which the comments would stand", "Tick Issues under Features in its settings.", d.page(c.Org, repo, "settings"))
	case got.Visibility != "private":
		d.fail(name, full+" is "+got.Visibility+", so that people outside its teams read all commands, and tokens are refused there",
			"Make it private, in its settings' Danger Zone, or set chatops.adminRepo to one that is.", d.page(c.Org, repo, "settings"))
	default:
		d.pass(name, full+" is private and has issues")
	}
}

// ownership looks for records whose team or group is gone. They give nobody
// anything, but the name of such a team leads to a puzzling refusal.
func (d *doctor) ownership(ctx context.Context, c config.Organization, org *github.Org, i github.Installation, missing []string) {
	name := d.of(c.Org, "ownership")
	page := d.page("organizations", c.Org, "settings", "actions", "runner-groups")
	if d.store == nil && d.noRecords {
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
		d.fail(name, err.Error(), "Look at the check of the database.", "")
		return
	}
	dead, err := deadRecords(ctx, org, records)
	switch {
	case err != nil:
		d.fail(name, "the records could not be compared with GitHub: "+err.Error(), "Try again.", page)
	case len(dead) > 0:
		d.fail(name, strings.Join(dead, "; "),
			"Forget a record with `actions-runner-manager groups release --team T`, "+
				"or give the group to a team with `actions-runner-manager groups adopt --team T --group G`, or in a comment `/runner-group group-adopt`.", page)
	default:
		d.pass(name, fmt.Sprintf("the team and the group of each of %d records exist", len(records)))
	}
}

// deadRecords describes the records whose team or group GitHub does not know.
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
			standing := slices.ContainsFunc(groups, func(g github.Group) bool { return g.ID == r.GroupID })
			switch {
			case gone && !standing:
				found[n] = fmt.Sprintf("team %s and its group %q are gone", r.TeamSlug, r.GroupName)
			case gone:
				found[n] = fmt.Sprintf("team %s is gone, but its group %q stands", r.TeamSlug, r.GroupName)
			case !standing:
				found[n] = fmt.Sprintf("team %s's group %q is gone", r.TeamSlug, r.GroupName)
			}
			return nil
		})
	}
	_ = work.Wait()
	return slices.DeleteFunc(found, func(text string) bool { return text == "" }), failure
}
