package server

import (
	"context"
	"crypto/rand"
	"os"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/commands/ownership"
	"github.com/actions-runner-manager/actions-runner-manager/config"
	"github.com/actions-runner-manager/actions-runner-manager/handlers/comment"
	"github.com/actions-runner-manager/actions-runner-manager/internal/fleet"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// newEnv returns what the commands need of the configuration. An organization whose id is on
// record is found by it if it was renamed.
func newEnv(ctx context.Context, c *config.Config, st *store.Store, gh *github.App) (*dispatch.Env, error) {
	env := &dispatch.Env{
		Store: st, RateLimit: c.Server.RateLimit, GitHubURL: c.GitHub.URL, PublicURL: c.Server.PublicURL,
		Holder: holder(), Fleet: &fleet.Records{Store: st}, OfflineAfter: c.Alerts.OfflineAfter,
	}
	for _, o := range c.Organizations() {
		p, org := o.Policy, gh.Org(o.Org, o.InstallationID, o.Chatops.AdminRepo)
		id, err := st.OrgID(ctx, o.Org)
		if err != nil {
			return nil, err
		}
		org.Remember(id)
		env.Orgs = append(env.Orgs, &dispatch.Org{
			Login: o.Org, Trigger: o.Chatops.Trigger, GitHub: org,
			Policy: dispatch.Policy{
				Named: p.Groups == "named", GroupName: p.GroupName, RepoPermission: p.RepoPermission,
				PublicRepos: p.PublicRepos, RegistrationTokens: p.RegistrationTokens,
				Allow: p.Teams.Allow, Deny: p.Teams.Deny, OwnersActForAnyTeam: p.OwnersActForAnyTeam,
				MembersRead: p.MembersRead, RemoveOffline: p.RemoveOffline, Limits: dispatch.Limits(p.Limits),
				Approval: p.Approval, RequestTTL: p.RequestTTL, OwnersTeam: o.Chatops.OwnersTeam,
				Workflows: dispatch.WorkflowPolicy{Enabled: p.Workflows.Enabled, MaxAge: p.Workflows.MaxAge, SelfHosted: p.Workflows.SelfHosted},
			},
		})
	}
	env.Ownership, env.RequestApproval = ownership.New(env), commands.RequestApproval
	return env, nil
}

// findOrg returns the organization of that login, which may be the one that it had before
// it was renamed and the configuration followed: what waits in the database has that.
func findOrg(ctx context.Context, env *dispatch.Env, login string) (*dispatch.Org, bool) {
	if org, ok := env.Org(login); ok {
		return org, true
	}
	former, err := env.Store.OrgID(ctx, login)
	if err != nil || former == 0 {
		return nil, false
	}
	for _, org := range env.Orgs {
		if id, err := org.ID(ctx); err == nil && id == former {
			return org, true
		}
	}
	return nil, false
}

// holder returns a name for this process that is unique among replicas.
func holder() string {
	host, _ := os.Hostname()
	return host + "/" + strings.ToLower(rand.Text()[:8])
}

// commentPolicies returns what the configuration says about replies in an organization.
func commentPolicies(c *config.Config) func(string) comment.Policy {
	return func(org string) comment.Policy {
		for _, o := range c.Organizations() {
			if strings.EqualFold(o.Org, org) {
				return comment.Policy{Trigger: o.Chatops.Trigger, TokenReply: o.Chatops.TokenReply, TTL: o.Chatops.TokenReplyTTL, Confirm: o.Policy.Confirm}
			}
		}
		return comment.Policy{TokenReply: "off"}
	}
}

// webhookSecrets returns the secrets that may sign a webhook; several during a rotation.
func webhookSecrets(c *config.Config) func() []string {
	secrets := make([]string, 0, len(c.GitHub.WebhookSecrets))
	for _, s := range c.GitHub.WebhookSecrets {
		if !s.Empty() {
			secrets = append(secrets, s.Reveal())
		}
	}
	return func() []string { return secrets }
}

// webhookOrgs returns the admin repositories whose comments the webhook accepts.
func webhookOrgs(c *config.Config, env *dispatch.Env) []comment.WebhookOrg {
	var orgs []comment.WebhookOrg
	for i, o := range c.Organizations() {
		orgs = append(orgs, comment.WebhookOrg{
			Org: o.Org, AdminRepo: o.Chatops.AdminRepo, Trigger: o.Chatops.Trigger,
			InstallationID: env.Orgs[i].GitHub.InstallationID, OrgID: env.Orgs[i].GitHub.ID, Name: env.Orgs[i].GitHub.Name,
			IsInstallation: env.Orgs[i].GitHub.IsInstallation,
			Refresh: func(ctx context.Context) error {
				_, err := env.Orgs[i].GitHub.Refresh(ctx)
				if github.KindOf(err) == github.NotFound {
					return nil // it is uninstalled
				}
				return err
			},
		})
	}
	return orgs
}
