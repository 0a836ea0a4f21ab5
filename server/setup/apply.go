package setup

import (
	"os"
	"slices"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/config"
	"github.com/actions-runner-manager/actions-runner-manager/internal/secret"
)

// withApp returns the configuration in memory with the new App added.
func (u *Setup) withApp(n newAppKeys) *config.Config {
	c := *u.Config
	c.AppID, c.PrivateKey = n.id, secret.New(n.pem)
	c.ClientID, c.ClientSecret = n.clientID, secret.New(n.clientSecret)
	if n.webhookSecret != "" {
		c.GitHub.WebhookSecrets = []secret.Text{secret.New(n.webhookSecret)}
	}
	if n.org != "" {
		c.Org = n.org
	}
	return &c
}

// reload reads the configuration again. It returns a reason instead if what was written is
// not in effect, for example because the environment overrides it.
func (u *Setup) reload(n newAppKeys) (*config.Config, string) {
	if u.Reload == nil {
		return nil, "the server cannot read it again"
	}
	c, err := u.Reload()
	if err != nil {
		return nil, err.Error()
	}
	var names []string
	differs := func(is bool, variable string) {
		if is {
			names = append(names, variable)
		}
	}
	differs(c.AppID != n.id, "ARM_APP_ID")
	differs(n.clientID != "" && c.ClientID != n.clientID, "ARM_CLIENT_ID")
	differs(n.clientSecret != "" && c.ClientSecret.Reveal() != n.clientSecret, "ARM_CLIENT_SECRET")
	differs(c.Key() == nil || !c.Key().Equal(u.withApp(n).Key()), "ARM_PRIVATE_KEY")
	differs(n.webhookSecret != "" && !slices.ContainsFunc(c.GitHub.WebhookSecrets, func(s secret.Text) bool { return s.Reveal() == n.webhookSecret }), "ARM_GITHUB_WEBHOOK_SECRET")
	if len(names) > 0 {
		return nil, overridden(names)
	}
	return c, ""
}

func overridden(names []string) string {
	return "environment variables override it: unset " + strings.Join(names, ", ")
}

// overriding returns the environment variables that will override what setup writes. An App
// or a key in the environment would have ended set-up mode.
func (u *Setup) overriding() []string {
	text, _ := os.ReadFile(u.ConfigPath) // tryConfig reports the error
	keys, err := decode(text)
	if err != nil {
		return nil
	}
	section, _ := keys["github"].(map[string]any)
	var names []string
	if len(u.Config.GitHub.WebhookSecrets) > 0 && section["webhookSecret"] == nil && section["webhookSecretFile"] == nil {
		names = append(names, "ARM_GITHUB_WEBHOOK_SECRET")
	}
	if !u.Config.ClientSecret.Empty() && keys["clientSecret"] == nil && keys["clientSecretFile"] == nil {
		names = append(names, "ARM_CLIENT_SECRET")
	}
	return names
}

// organizations returns the configured names, one of which will own the App.
func (u *Setup) organizations() []string {
	var names []string
	for _, o := range u.Config.Organizations() {
		names = append(names, o.Org)
	}
	return names
}

// allowed reports whether the organization may own the App: it must be configured, unless
// none is.
func (u *Setup) allowed(org string) bool {
	names := u.organizations()
	for _, name := range names {
		if strings.EqualFold(name, org) {
			return true
		}
	}
	return len(names) == 0 && orgName.MatchString(org)
}
