// Package config reads the server's configuration: one YAML file, the
// environment over it, and defaults below it.
//
// [Load] either returns a configuration that is complete and valid, or every
// mistake it found, each with the place if it is known. Secrets are of
// the types [secret.Text] and [DatabaseURL], which do not print what they hold.
package config

import (
	"net/netip"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/internal/secret"
)

// DefaultPath is the file that is read if neither a flag nor $CONFIG_PATH names another.
const DefaultPath = "config.yml"

// A Config is the whole configuration. The yaml tag of a field is its key in
// the file; its name in the environment and its line in the reference (doc)
// follow from the tags. Synonyms are no keys: a mistake with one leads to the key.
type Config struct {
	Org            string         `yaml:"org" synonyms:"organization organisation organizationName orgName orgLogin login owner githubOrg githubOrganization" doc:"The organization that is served."`
	AppID          int64          `yaml:"appID" synonyms:"id app applicationID githubAppID" doc:"The GitHub App's id. It may be left out if clientID is given. Without both and a private key the server starts in set-up mode."`
	InstallationID int64          `yaml:"installationID" synonyms:"installation installID" doc:"The App's installation in org; found by asking GitHub where it is not given."`
	PrivateKey     secret.Text    `yaml:"privateKey" synonyms:"key pem appKey appPrivateKey githubAppPrivateKey" doc:"The App's private key: PEM, PEM with \\n for its line ends, or base64 of PEM."`
	ClientID       string         `yaml:"clientID" doc:"The App's client id. With clientSecret it switches the console on."`
	ClientSecret   secret.Text    `yaml:"clientSecret" doc:"The App's client secret. With clientID it switches the console on."`
	Logging        Logging        `yaml:"logging" synonyms:"log logs logger"`
	Server         Server         `yaml:"server" synonyms:"http listen web"`
	GitHub         GitHub         `yaml:"github" synonyms:"gh ghe githubEnterprise"`
	Chatops        Chatops        `yaml:"chatops" synonyms:"comments comment chat bot"`
	Policy         Policy         `yaml:"policy" synonyms:"policies permissions rules"`
	Fleet          Fleet          `yaml:"fleet" synonyms:"polling poll watch"`
	Alerts         Alerts         `yaml:"alerts" synonyms:"alert alerting notifications"`
	Console        Console        `yaml:"console" synonyms:"ui webUI dashboard"`
	Database       Database       `yaml:"database" synonyms:"db storage store sql"`
	Orgs           []Organization `yaml:"orgs" synonyms:"organizations organisations" doc:"Several organizations instead of org, each with org, installationID, chatops and policy; what an entry leaves out is as above. In the environment: JSON."`

	missing     string   // the file that was asked for but does not exist
	environment []string // warnings about variables that are ignored or mean another key
}

// Logging says if log lines go and which.
type Logging struct {
	Compress     bool   `yaml:"compress" alias:"compression" doc:"Compress rotated log files."`
	Ephemeral    bool   `yaml:"ephemeral" synonyms:"stdout console" doc:"Log to standard output instead of rotated files. Where it is not given, a logDirectory turns it off."`
	Level        string `yaml:"level" synonyms:"logLevel verbosity" enum:"debug,info,warn,error,fatal" doc:"The least level that is logged: debug, info, warn, error or fatal."`
	LogDirectory string `yaml:"logDirectory" synonyms:"directory dir folder path logDir" doc:"The folder of the log files; needed where ephemeral is false."`
	MaxAge       int    `yaml:"maxAge" doc:"Days after which a rotated log file is deleted; 0 keeps them."`
	MaxBackups   int    `yaml:"maxBackups" doc:"How many rotated log files are kept; 0 keeps all."`
	MaxSize      int64  `yaml:"maxSize" doc:"Bytes after which a log file is rotated."`
}

// Server says how the server listens and what it lets through.
type Server struct {
	Address          string         `yaml:"address" synonyms:"host bind bindAddress listen listenAddress ip" doc:"The address to listen on; empty means all interfaces, as it does by default where PORT is used."`
	Port             int            `yaml:"port" synonyms:"listenPort httpPort" doc:"The port to listen on; 0 takes a free one. PORT is used where neither the file nor ARM_SERVER_PORT gives it."`
	RateLimit        float64        `yaml:"rateLimit" synonyms:"limit rate" doc:"Authenticated requests that a user may make per second, REST and comments together; the burst is the same, at least 1. Fractions are allowed."`
	TLS              TLS            `yaml:"tls" synonyms:"ssl https"`
	PublicURL        string         `yaml:"publicURL" synonyms:"url baseURL externalURL rootURL" doc:"Where users reach the server; by default it follows from address and port."`
	TrustedProxies   []netip.Prefix `yaml:"trustedProxies" synonyms:"proxies proxy" doc:"Addresses (CIDR) whose X-Forwarded-For is believed."`
	UnknownTokenRate int            `yaml:"unknownTokenRate" doc:"New tokens that one address (IPv6: /64) may try per minute."`
	OAuthClients     []string       `yaml:"oauthClients" doc:"OAuth apps whose tokens (gho_) are taken; by default that of GitHub CLI."`
	MetricsAddress   string         `yaml:"metricsAddress" synonyms:"metrics prometheus" doc:"An address, such as :9090, on which /metrics is served; empty turns it off."`
	ShutdownTimeout  time.Duration  `yaml:"shutdownTimeout" synonyms:"gracePeriod" doc:"How long running work may take to finish at a shutdown."`
}

// TLS names the files of the server's certificate.
type TLS struct {
	Enabled  bool   `yaml:"enabled" doc:"Serve HTTPS."`
	CertFile string `yaml:"certFile" synonyms:"cert certificate certificateFile certPath" doc:"The certificate and its chain, in PEM."`
	KeyFile  string `yaml:"keyFile" synonyms:"key keyPath privateKey" doc:"The certificate's key, in PEM."`
}

// GitHub says which GitHub is used, and how its webhooks are signed.
type GitHub struct {
	URL    string `yaml:"url" synonyms:"host hostname server baseURL address enterpriseURL" doc:"GitHub's address: https://github.com, https://X.ghe.com, or that of an Enterprise Server."`
	CAFile string `yaml:"caFile" synonyms:"ca caCert caBundle caPath" doc:"Certificates, in PEM, of the private CA of an Enterprise Server."`
	APIURL string `yaml:"apiURL" synonyms:"api apiBaseURL" doc:"The REST API's address, where it does not follow from url."`
	// OIDCIssuer may be empty: see [Config.OIDCIssuer].
	OIDCIssuer string `yaml:"oidcIssuer" doc:"The issuer of the OpenID Connect tokens of GitHub Actions, if it does not follow from url; https only."`
	// PointsPerMinute is 0 if requests are not paced.
	PointsPerMinute int           `yaml:"pointsPerMinute" doc:"Calls to GitHub (a read is 1 point, a write 5) are paced so that no 60 seconds have more, over all replicas. 0: no pacing, the default for an Enterprise Server."`
	WebhookSecrets  []secret.Text `yaml:"webhookSecret" synonyms:"secret secrets hookSecret webhookSecrets" doc:"The secret that webhooks are signed with, or a list while one is being rotated. Webhooks are refused while it is empty. In the environment a comma separates several."`
}

// Chatops says if comments are commands.
type Chatops struct {
	// AdminRepo is the bare name of the repository.
	AdminRepo     string        `yaml:"adminRepo" synonyms:"repo repository adminRepository issueRepo" doc:"The repository, in org, whose comments are commands; empty turns them off."`
	Trigger       string        `yaml:"trigger" synonyms:"command prefix slashCommand" doc:"The word that commands in comments begin with, behind the slash; another one for each server if several share an admin repository."`
	TokenReply    string        `yaml:"tokenReply" synonyms:"reply tokens" enum:"comment,encrypted,off" doc:"How a token answers a comment: comment (deleted after tokenReplyTTL), encrypted (to the caller's SSH keys) or off."`
	TokenReplyTTL time.Duration `yaml:"tokenReplyTTL" synonyms:"ttl" doc:"After which time a comment with a token is deleted."`
	OwnersTeam    string        `yaml:"ownersTeam" doc:"The slug of the team that is mentioned if an owner must decide a request."`
}

// Policy says who may do what.
type Policy struct {
	Groups              string        `yaml:"groups" enum:"owned,named" doc:"What makes a group a team's: owned (the record says so) or named (its name is groupName)."`
	GroupName           string        `yaml:"groupName" doc:"The name of a team's group; {team} is replaced by the team's slug."`
	RepoPermission      string        `yaml:"repoPermission" synonyms:"permission minPermission" enum:"pull,triage,push,maintain,admin" doc:"The least permission that a team needs on a repository that it attaches: pull, triage, push, maintain or admin."`
	PublicRepos         bool          `yaml:"publicRepos" synonyms:"public allowPublic publicRepositories" doc:"Whether public repositories may be attached."`
	RegistrationTokens  string        `yaml:"registrationTokens" enum:"true,adopted,false" doc:"Who gets organization-wide registration and removal tokens: true (every team with a group), adopted (teams whose group an owner gave them) or false (nobody)."`
	Teams               Teams         `yaml:"teams"`
	OwnersActForAnyTeam bool          `yaml:"ownersActForAnyTeam" doc:"Whether organization owners may act for teams that they do not maintain."`
	Confirm             []string      `yaml:"confirm" synonyms:"confirmation" doc:"Commands that want --yes in a comment."`
	Approval            []string      `yaml:"approval" doc:"Commands that an owner must approve if a maintainer who is no owner uses them. With repos-add, only an owner approves requests for access to a team's group."`
	RequestTTL          time.Duration `yaml:"requestTTL" doc:"How long a request waits for a decision before it expires."`
	Workflows           Workflows     `yaml:"workflows"`
	MembersRead         bool          `yaml:"membersRead" doc:"Whether plain members of a team, those of its child teams included, may use group-list, runners-list and group-check; groups-list shows them its group too."`
	Limits              Limits        `yaml:"limits"`
	// RemoveOffline is 0 if no runner is removed.
	RemoveOffline time.Duration `yaml:"removeOffline" doc:"Remove runners that were offline for this long without a break, such as 7d; 0: never."`
}

// Workflows say what jobs of GitHub Actions may do with their own OpenID Connect tokens.
type Workflows struct {
	Enabled    bool          `yaml:"enabled" doc:"Whether workflows that a team trusts may call this server with the token that GitHub gives to their jobs."`
	MaxAge     time.Duration `yaml:"maxAge" doc:"How long a trust lasts at most, and by default."`
	SelfHosted bool          `yaml:"selfHosted" doc:"Whether jobs on self-hosted runners get secrets (token-jit), too."`
}

// Limits bound what a team's runner group holds.
type Limits struct {
	Repos   int `yaml:"repos" doc:"How many repositories may be attached to a team's group; 0: any number."`
	Runners int `yaml:"runners" doc:"How many runners a team's group may have; 0: any number. token-jit, token-register, runners-transfer and group-delete --move-runners-to add none beyond that."`
}

// Fleet says how runner groups are watched.
type Fleet struct {
	// PollInterval is 0 if they are not.
	PollInterval time.Duration `yaml:"pollInterval" synonyms:"interval pollingInterval" doc:"How often each recorded runner group is read, with its runners and repositories; 0 turns that off."`
	History      time.Duration `yaml:"history" synonyms:"retention" doc:"How long the hourly counts of runners are kept."`
}

// Alerts say when something is wrong with a runner group, and who hears of it.
type Alerts struct {
	Issues       bool          `yaml:"issues" doc:"Whether an issue in the admin repository tells a team what is wrong with its group."`
	OfflineAfter time.Duration `yaml:"offlineAfter" doc:"How long a runner, or all of a group, may be offline before that is a finding."`
}

// Console says how long people stay signed in to the web pages, which are on if the App's client
// id and secret are given.
type Console struct {
	SessionTTL time.Duration `yaml:"sessionTTL" synonyms:"ttl sessionTimeout sessionLifetime" doc:"How long a sign-in to the console lasts, however it is used. The console is on if clientID and clientSecret are given."`
}

// Teams are globs over team slugs.
type Teams struct {
	Allow []string `yaml:"allow" synonyms:"allowed allowlist include" doc:"Globs over the slugs of the teams that may use the server."`
	Deny  []string `yaml:"deny" synonyms:"denied denylist exclude" doc:"Globs over the slugs of teams that may not, even where allow matches."`
}

// Database says if state is kept, and how long.
type Database struct {
	URL            DatabaseURL   `yaml:"url" synonyms:"dsn path file connectionString databaseURL" doc:"sqlite:PATH, or postgres://… where several replicas share the work."`
	AuditRetention time.Duration `yaml:"auditRetention" synonyms:"audit retention" doc:"How long the audit log is kept."`
}

// An Organization is one that the server serves. In the file, an entry's chatops and
// policy inherit, key by key, what the top level says.
type Organization struct {
	Org            string  `yaml:"org" synonyms:"organization organisation organizationName orgName orgLogin login owner githubOrg githubOrganization"`
	InstallationID int64   `yaml:"installationID" synonyms:"installation installID"`
	Chatops        Chatops `yaml:"chatops"`
	Policy         Policy  `yaml:"policy"`
}

// Defaults returns the configuration that an empty file gives.
func Defaults() Config {
	return Config{
		Logging: Logging{Ephemeral: true, Level: "info", MaxAge: 7, MaxBackups: 3, MaxSize: 10 << 20},
		Server: Server{
			Address: "127.0.0.1", Port: 8080, RateLimit: 5, UnknownTokenRate: 30,
			OAuthClients:    []string{"178c6fc778ccc68e1d6a"}, // GitHub CLI
			ShutdownTimeout: 25 * time.Second,
		},
		GitHub:  GitHub{URL: "https://github.com", PointsPerMinute: 900},
		Chatops: Chatops{Trigger: "runner-group", TokenReply: "comment", TokenReplyTTL: 5 * time.Minute},
		Policy: Policy{
			Groups: "owned", GroupName: "{team}", RepoPermission: "admin", RegistrationTokens: "true",
			Teams: Teams{Allow: []string{"*"}}, Confirm: []string{"group-delete", "repos-set"},
			Approval: []string{}, RequestTTL: 14 * 24 * time.Hour,
			Workflows: Workflows{Enabled: true, MaxAge: 180 * 24 * time.Hour},
		},
		Fleet:    Fleet{PollInterval: 5 * time.Minute, History: 90 * 24 * time.Hour},
		Alerts:   Alerts{OfflineAfter: 15 * time.Minute},
		Console:  Console{SessionTTL: 8 * time.Hour},
		Database: Database{URL: NewDatabaseURL("sqlite:actions-runner-manager.db"), AuditRetention: 9600 * time.Hour},
	}
}

// Organizations returns the organizations that are served: those of orgs, or only org.
// In set-up mode there may be none.
func (c *Config) Organizations() []Organization {
	if len(c.Orgs) > 0 {
		return c.Orgs
	}
	if c.Org == "" {
		return nil
	}
	return []Organization{{Org: c.Org, InstallationID: c.InstallationID, Chatops: c.Chatops, Policy: c.Policy}}
}

// HasConsole reports whether people can sign in to the web pages.
func (c *Config) HasConsole() bool { return c.ClientID != "" && !c.ClientSecret.Empty() }

// SetupMode reports whether no GitHub App is configured yet.
func (c *Config) SetupMode() bool {
	return c.AppID == 0 && c.ClientID == "" && c.PrivateKey.Empty()
}
