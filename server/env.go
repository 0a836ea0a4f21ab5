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
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
	"github.com/actions-runner-manager/actions-runner-manager/server/connect"
)

// newEnv tells the commands what the configuration says.
func newEnv(c *config.Config, st *store.Store, gh *github.App) *dispatch.Env {
	env := &dispatch.Env{
		Store: st, RateLimit: c.Server.RateLimit, GitHubURL: c.GitHub.URL, PublicURL: c.Server.PublicURL,
		Holder: holder(),
	}
	for _, o := range c.Organizations() {
		p := o.Policy
		env.Orgs = append(env.Orgs, &dispatch.Org{
			Login: o.Org, GitHub: gh.Org(o.Org, o.InstallationID, o.Chatops.AdminRepo),
			Policy: dispatch.Policy{
				Named: p.Groups == "named", GroupName: p.GroupName, RepoPermission: p.RepoPermission,
				PublicRepos: p.PublicRepos, RegistrationTokens: p.RegistrationTokens,
				Allow: p.Teams.Allow, Deny: p.Teams.Deny, OwnersActForAnyTeam: p.OwnersActForAnyTeam,
			},
		})
	}
	env.Ownership = ownership.New(env)
	return env
}

// holder names this process among replicas.
func holder() string {
	host, _ := os.Hostname()
	return host + "/" + strings.ToLower(rand.Text()[:8])
}

// An Operator works on the ownership record beside a running server.
type Operator struct {
	*dispatch.Env
	*dispatch.Dispatcher
	Config *config.Config
	GitHub *github.App
}

// OpenOperator opens the database and GitHub for the operator's own subcommands.
// The returned function closes them.
func OpenOperator(ctx context.Context, c *config.Config, o Options) (*Operator, func() error, error) {
	log, closeLog, err := newLogger(config.Logging{Ephemeral: true, Level: "warn"}, o.Log)
	if err != nil {
		return nil, nil, err
	}
	st, err := store.Open(ctx, store.Options{URL: c.Database.URL.Reveal(), Logger: log})
	if err != nil {
		return nil, nil, err
	}
	gh, err := connect.GitHub(c, nil, o.Version, log)
	if err != nil {
		_ = st.Close()
		return nil, nil, err
	}
	env := newEnv(c, st, gh)
	env.Version = o.Version
	d := dispatch.NewDispatcher(env, commands.All(), dispatch.Standard(env)...)
	return &Operator{Env: env, Dispatcher: d, Config: c, GitHub: gh}, func() error { _ = closeLog(); return st.Close() }, nil
}

func commentPolicies(c *config.Config) func(string) comment.Policy {
	return func(org string) comment.Policy {
		for _, o := range c.Organizations() {
			if strings.EqualFold(o.Org, org) {
				return comment.Policy{TokenReply: o.Chatops.TokenReply, TTL: o.Chatops.TokenReplyTTL, Confirm: o.Policy.Confirm}
			}
		}
		return comment.Policy{TokenReply: "off"}
	}
}

func webhookSecrets(c *config.Config) func() []string {
	secrets := make([]string, 0, len(c.GitHub.WebhookSecrets))
	for _, s := range c.GitHub.WebhookSecrets {
		if !s.Empty() {
			secrets = append(secrets, s.Reveal())
		}
	}
	return func() []string { return secrets }
}

func webhookOrgs(c *config.Config, env *dispatch.Env) []comment.WebhookOrg {
	var orgs []comment.WebhookOrg
	for i, o := range c.Organizations() {
		orgs = append(orgs, comment.WebhookOrg{
			Org: o.Org, AdminRepo: o.Chatops.AdminRepo,
			InstallationID: env.Orgs[i].GitHub.InstallationID,
		})
	}
	return orgs
}
