package doctor

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/config"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/oidc"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
	"github.com/actions-runner-manager/actions-runner-manager/server/connect"
)

// checkWorkflows checks what the tokens of workflows are verified by: the issuer with its keys,
// the clock, and the address that tokens must be made for. If no team trusts workflows yet,
// nothing of it fails.
func (d *doctor) checkWorkflows(ctx context.Context) {
	const name = "workflows"
	if !slices.ContainsFunc(d.config.Organizations(), func(o config.Organization) bool { return o.Policy.Workflows.Enabled }) {
		d.add(Info, name, "workflows may not use this server with their own tokens (policy.workflows.enabled is false)", "", "")
		return
	}
	problem := d.advise
	trusts := d.countTrusts(ctx)
	if trusts > 0 {
		problem = d.fail
	}
	const orOff = " If no workflow is to use this server, set policy.workflows.enabled to false."
	issuer := d.config.OIDCIssuer()
	skew, err := askIssuer(ctx, d.config)
	switch {
	case err != nil:
		problem(name, "the keys of "+issuer+", by which the tokens of workflows are verified, cannot be read: "+err.Error(),
			"Check that this machine can reach it (HTTPS_PROXY is honored), and that github.oidcIssuer and github.caFile are right. Tokens with keys that the server knows still work."+orOff, "")
	case skew.Abs() > oidc.Leeway:
		problem(name, fmt.Sprintf("this machine's clock differs by %s from that of %s, so tokens of workflows seem to be expired or not valid yet", skew.Abs().Round(time.Second), issuer),
			"Synchronize the clock with NTP: `timedatectl set-ntp true`, or run chrony.", "")
	case d.config.Server.PublicURL == "":
		problem(name, "server.publicURL is not set, so tokens of workflows must be made for the address that the start logs",
			"Set server.publicURL (ARM_SERVER_PUBLIC_URL) to the address by which workflows reach the server."+orOff, "")
	default:
		d.pass(name, fmt.Sprintf("%s gives the keys of workflows' tokens, which must be made for %s; teams have %d trusts", issuer, d.config.Server.PublicURL, trusts))
	}
}

// countTrusts returns how many trusts have not expired.
func (d *doctor) countTrusts(ctx context.Context) (n int) {
	for _, o := range d.config.Organizations() {
		if d.store == nil {
			return 0
		}
		if id, err := d.store.OrgID(ctx, o.Org); err == nil && id != 0 {
			n += len(d.trustsOf(ctx, id))
		}
	}
	return n
}

// trustsOf returns the trusts of an organization that have not expired. If they cannot be
// read there are none: the check of the database says why.
func (d *doctor) trustsOf(ctx context.Context, orgID int64) []store.Trust {
	if d.store == nil {
		return nil
	}
	trusts, err := d.store.TrustsOfOrg(ctx, orgID)
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(trusts, func(t store.Trust) bool { return !time.Now().Before(t.Expires) })
}

// askIssuer reads the issuer's keys, and by how much this machine's clock is ahead of the
// issuer's, as far as the dates of its answers say.
func askIssuer(ctx context.Context, c *config.Config) (skew time.Duration, err error) {
	client, err := connect.Client(c)
	if err != nil {
		return 0, err
	}
	dates := &dateReader{next: client.Transport}
	client.Transport = dates
	verifier, err := oidc.New(oidc.Options{Issuer: c.OIDCIssuer(), Client: client})
	if err != nil {
		return 0, err
	}
	err = verifier.Check(ctx)
	return dates.skew, err
}

// A dateReader notes by how much this machine's clock is ahead of the first answer's Date.
type dateReader struct {
	next http.RoundTripper
	read bool
	skew time.Duration
}

// RoundTrip implements [http.RoundTripper].
func (r *dateReader) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := r.next.RoundTrip(req)
	if err == nil && !r.read {
		if date, err := http.ParseTime(res.Header.Get("Date")); err == nil {
			r.read, r.skew = true, time.Since(date)
		}
	}
	return res, err
}

// maxTrustsChecked bounds for how many trusts of an organization GitHub is asked.
const maxTrustsChecked = 200

// checkTrusts looks for trusts that can never be used, because their repository is gone or the
// team lost its permission, and names those that depend on an environment. The App may not see
// environments. If one is deleted, whoever may push can make one of its name without protection.
func (d *doctor) checkTrusts(ctx context.Context, c config.Organization, org *github.Org, trusts []store.Trust, missing []string) {
	name := d.checkName(c.Org, "trusts")
	switch {
	case !c.Policy.Workflows.Enabled && len(trusts) > 0:
		d.add(Info, name, fmt.Sprintf("teams have %d trusts, which do not count, because policy.workflows.enabled is false", len(trusts)), "", "")
		return
	case len(trusts) == 0:
		d.pass(name, "no team trusts workflows")
		return
	case !d.mintable(missing):
		d.skip("permissions are missing", "", name)
		return
	}
	var useless, environments []string
	for _, t := range trusts[:min(len(trusts), maxTrustsChecked)] {
		why, err := uselessTrust(ctx, c, org, t)
		if err != nil {
			d.failGitHub(name, c.Org, "could not compare the trusts with GitHub", err, "Try again.", "")
			return
		}
		trust := fmt.Sprintf("trust %d of %s", t.ID, t.TeamSlug)
		switch {
		case why != "":
			useless = append(useless, trust+": "+why)
		case t.Environment != "":
			environments = append(environments, fmt.Sprintf("%s: %s in %s", trust, t.Environment, t.Repo))
		}
	}
	switch {
	case len(useless) > 0:
		d.advise(name, few(useless), "Its maintainers remove it with trust-remove, or give the team its permission on the repository again.", "")
	case len(environments) > 0:
		d.add(Info, name, "the App cannot see whether these environments still exist: "+few(environments),
			"Look at Settings, Environments of the repository: an environment that is gone protects nothing, because whoever may push can make one of that name.", "")
	default:
		d.pass(name, fmt.Sprintf("the %d trusts have their repository, and the team's permission on it", len(trusts)))
	}
}

// few joins findings, the first ones if there are many.
func few(found []string) string {
	const most = 5
	if more := len(found) - most; more > 0 {
		found = append(slices.Clone(found[:most]), fmt.Sprintf("%d more are like that", more))
	}
	return strings.Join(found, "; ")
}

// uselessTrust says why no job can use the trust; "" if one can.
func uselessTrust(ctx context.Context, c config.Organization, org *github.Org, t store.Trust) (string, error) {
	repo, err := org.RepositoryByID(ctx, t.RepoID)
	switch {
	case github.KindOf(err) == github.NotFound:
		return "the repository " + t.Repo + " is gone, or belongs to another owner now", nil
	case err != nil:
		return "", err
	}
	team, err := org.TeamByID(ctx, t.TeamID)
	if github.KindOf(err) == github.NotFound { // also if this GitHub does not know that address
		team, err = org.Team(ctx, t.TeamSlug)
	}
	switch {
	case github.KindOf(err) == github.NotFound, err == nil && team.ID != t.TeamID:
		return "the team is gone", nil
	case err != nil:
		return "", err
	}
	repo, err = org.TeamRepository(ctx, team.Slug, repo.Name) // zero if the team has no access
	if err = dispatch.IgnoreNotFound(err); err != nil || github.PermissionAtLeast(repo.Permission, c.Policy.RepoPermission) {
		return "", err
	}
	return fmt.Sprintf("the team does not have the permission %s on %s any more", c.Policy.RepoPermission, t.Repo), nil
}
