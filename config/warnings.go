package config

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
)

// shortSecret is below how many bytes a webhook secret can be guessed, by trying each
// against a delivery that was seen.
const shortSecret = 16

// Warnings returns what an operator should know about a configuration that is valid but
// gives away more, or less, than may be meant. Each is a sentence with the key and what to do.
func (c *Config) Warnings() []string {
	var warnings []string
	warn := func(when bool, sentence string) {
		if when && !slices.Contains(warnings, sentence) {
			warnings = append(warnings, sentence)
		}
	}
	warn(c.missing != "", fmt.Sprintf("There is no file %s: the environment is the whole configuration; create the file, or unset --config and CONFIG_PATH.", c.missing))
	for _, sentence := range c.environment {
		warn(true, sentence)
	}
	for _, secret := range c.GitHub.WebhookSecrets {
		warn(len(secret.Reveal()) < shortSecret, fmt.Sprintf(
			"github.webhookSecret is shorter than %d characters: whoever guesses it can send commands in anybody's name; make a random one (openssl rand -hex 32), here and in the App's settings.", shortSecret))
	}
	for _, org := range c.Organizations() {
		of := ""
		if len(c.Orgs) > 0 {
			of = " of " + org.Org
		}
		warn(org.Chatops.AdminRepo != "" && len(c.GitHub.WebhookSecrets) == 0 && !c.SetupMode(), // which makes the secret
			"chatops.adminRepo is set but github.webhookSecret is empty, so that every webhook is refused; set it to the secret of the App's webhook.")
		warn(c.Alerts.Issues && org.Chatops.AdminRepo == "",
			"alerts.issues is true, but chatops.adminRepo"+of+" is empty: there is no repository for the issues; set it.")
		warnChatops(org.Chatops, of, warn)
		warnPolicy(org.Policy, of, warn)
	}
	warn(c.Alerts.Issues && c.Fleet.PollInterval == 0,
		"alerts.issues is true, but fleet.pollInterval is 0: nothing looks for what is wrong with runner groups; set an interval.")
	c.warnNetwork(warn)
	return warnings
}

// Notes returns what is as it is by default, and worth knowing. doctor reports it.
func (c *Config) Notes() []string {
	var notes []string
	for _, org := range c.Organizations() {
		of := ""
		if len(c.Orgs) > 0 {
			of = " of " + org.Org
		}
		if org.Policy.RegistrationTokens == "true" {
			notes = append(notes, "policy.registrationTokens"+of+" is true: every team with a group gets tokens that register runners anywhere in the organization, teams that made themselves included; "+
				"if that is not meant, set it to adopted or false, and use token-jit, whose runners do one job each.")
		}
	}
	return notes
}

func warnChatops(c Chatops, of string, warn func(bool, string)) {
	warn(c.AdminRepo != "" && c.TokenReply == "comment",
		"chatops.tokenReply"+of+" is comment: everybody who reads the admin repository, its mail or its webhooks sees the tokens that comments ask for; set it to encrypted or off unless all of them may have them.")
}

func warnPolicy(p Policy, of string, warn func(bool, string)) {
	warn(p.Groups == "named",
		"policy.groups"+of+" is named: whoever may create teams gets the group whose name fits the team's; set it to owned, or let only owners create teams and narrow policy.teams.")
	warn(p.RepoPermission != "admin",
		"policy.repoPermission"+of+" is below admin: a team's runners may receive jobs and environment secrets of repositories whose branch rules keep them from the team; set it to admin.")
	warn(p.PublicRepos,
		"policy.publicRepos"+of+" is true: anybody's pull request to a public repository may run code on the runners of the group; set it to false.")
	warn(p.Workflows.SelfHosted,
		"policy.workflows.selfHosted is true"+of+": whoever controls the machine of a job can take its token, and a runner's configuration with it; set it to false unless all such machines are trusted.")
	warn(p.OwnersActForAnyTeam,
		"policy.ownersActForAnyTeam"+of+" is true: an organization owner's token is enough to change the groups of every team; set it to false unless that is meant.")
}

func (c *Config) warnNetwork(warn func(bool, string)) {
	public, err := url.Parse(c.Server.PublicURL)
	warn(err == nil && public.Scheme == "http" && !c.Server.TLS.Enabled && !isLocal(public.Hostname()),
		"server.publicURL is http: the tokens of users travel unencrypted; set server.tls, or put a proxy with TLS before the server and give its https address.")
	warn(strings.HasPrefix(c.GitHub.URL, "http://") && !isLocal(withSlash(c.GitHub.URL).Hostname()),
		"github.url is http: the App's tokens travel unencrypted; give its https address.")
	for _, proxy := range c.Server.TrustedProxies {
		warn(proxy.Bits() == 0,
			"server.trustedProxies trusts every address: anybody may claim to come from anywhere, which defeats server.unknownTokenRate; list only your proxies.")
	}
}

func isLocal(host string) bool {
	ip := net.ParseIP(host)
	return host == "" || host == "localhost" || ip != nil && ip.IsLoopback()
}
