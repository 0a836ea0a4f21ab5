package config

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/internal/secret"
)

var (
	orgShape     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$`)
	repoShape    = regexp.MustCompile(`^[A-Za-z0-9._-]{1,100}$`)
	hostShape    = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?)*\.?$`)
	commandShape = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	triggerShape = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,49}$`)
	clientShape  = regexp.MustCompile(`^[A-Za-z0-9._-]{1,100}$`)
)

// validate notes what is wrong although every value could be read, and brings the
// values into the form that the rest of the program expects.
func (l *loader) validate(c *Config) {
	l.validateApp(c)
	l.validateLogging(c.Logging)
	l.validateServer(&c.Server)
	l.validateGitHub(&c.GitHub)
	if _, cloud := c.cloudHost(); !cloud && !l.wasGiven("github.pointsPerMinute") {
		c.GitHub.PointsPerMinute = 0 // an Enterprise Server has no such limit unless its administrator sets one
	}
	l.validateDatabase(c.Database)
	l.validateFleet(c)
	l.validateOrgs(c)
}

// need notes a mistake of the key unless the condition holds.
func (l *loader) need(holds bool, key, message string) bool {
	if !holds {
		l.refuseKey(key, message)
	}
	return holds
}

// clientIDShape is how GitHub writes the client ids of Apps: Iv1.0123456789abcdef at first,
// and Iv23liABCdefGHIjklMN now. Those of Enterprise Servers may differ: appClientShape.
var (
	clientIDShape  = regexp.MustCompile(`^\s*(Iv1\.[0-9a-f]{8,}|Iv[0-9]{2}[0-9A-Za-z]{8,})\s*$`)
	appClientShape = regexp.MustCompile(`^[0-9A-Za-z._-]{1,100}$`)
)

// useClientID takes a client id that was given as appID for what it is.
func (l *loader) useClientID(c *Config) {
	if l.clientID == "" {
		return
	}
	l.clientID = strings.TrimSpace(l.clientID)
	if c.ClientID != "" && c.ClientID != l.clientID {
		l.refuseKey("appID", "is a client id, and not the one that clientID has; leave one of them out")
		return
	}
	l.warnings = append(l.warnings, "appID is "+l.clientID+", which is the App's client id, and is used as clientID; set clientID to it, or appID to the number in the App's settings.")
	if c.ClientID == "" {
		c.ClientID = l.clientID
	}
}

func (l *loader) validateApp(c *Config) {
	l.need(c.AppID >= 0, "appID", "must be a positive number")
	l.need(c.InstallationID >= 0, "installationID", "must be a positive number")
	l.need(c.ClientID == "" || appClientShape.MatchString(c.ClientID), "clientID", "must be the App's client id, such as Iv23liABCdefGHIjklMN")
	hasID := c.AppID != 0 || c.ClientID != "" || l.refused["appID"] || l.refused["clientID"]
	hasKey := !c.PrivateKey.Empty() || l.refused["privateKey"] || l.refused["privateKey"+fileSuffix]
	if hasID && !hasKey {
		l.need(false, "privateKey", "is missing, though appID or clientID is given: set privateKey, privateKeyFile or ARM_PRIVATE_KEY")
	}
	if hasKey && !hasID {
		l.need(false, "appID", "is missing, though a private key is given: set appID or ARM_APP_ID, or clientID")
	}
	if !c.PrivateKey.Empty() {
		key, err := parseKey(c.PrivateKey.Reveal())
		if err != nil {
			l.refuseKey("privateKey", err.Error())
			return
		}
		c.PrivateKey = normalPEM(key)
	}
}

func (l *loader) validateLogging(c Logging) {
	l.need(c.MaxAge >= 0, "logging.maxAge", "must not be negative")
	l.need(c.MaxBackups >= 0, "logging.maxBackups", "must not be negative")
	l.need(c.MaxSize >= 0, "logging.maxSize", "must not be negative")
	if !c.Ephemeral {
		l.need(c.LogDirectory != "", "logging.logDirectory", "is missing: log files need a folder, or set logging.ephemeral to true")
		l.need(c.MaxSize > 0, "logging.maxSize", "must be at least 1 byte where logs go to files")
	}
}

func (l *loader) validateServer(c *Server) {
	c.Address = strings.TrimSuffix(strings.TrimPrefix(c.Address, "["), "]")
	_, err := netip.ParseAddr(c.Address)
	l.need(c.Address == "" || err == nil || hostShape.MatchString(c.Address), "server.address",
		"must be an IP address or a host's name, without a port, or empty for all interfaces")
	l.need(c.Port >= 0 && c.Port <= 65535, "server.port", "must be between 0 and 65535")
	l.need(c.RateLimit >= 1e-6 && c.RateLimit <= 1e6, "server.rateLimit", "must be more than 0, and at most 1000000")
	l.need(c.UnknownTokenRate > 0, "server.unknownTokenRate", "must be at least 1")
	l.need(c.ShutdownTimeout > 0, "server.shutdownTimeout", "must be more than 0s")
	for i, client := range c.OAuthClients {
		l.need(clientShape.MatchString(client), fmt.Sprintf("server.oauthClients[%d]", i), "must be an OAuth app's client id")
	}
	if c.MetricsAddress != "" {
		l.need(isHostPort(c.MetricsAddress), "server.metricsAddress", "must be an address with a port, such as :9090 or 127.0.0.1:9090")
	}
	if c.PublicURL != "" {
		if _, problem := parseOrigin(c.PublicURL); problem != "" {
			l.refuseKey("server.publicURL", problem+": the server is at the root of its host, so give it a host of its own, such as https://arm.example.com")
		}
		c.PublicURL = strings.TrimRight(c.PublicURL, "/")
	} else if c.Port > 0 {
		c.PublicURL = c.BaseURL(c.Port)
	}
	l.validateTLS(c.TLS)
}

func isHostPort(address string) bool {
	_, port, err := net.SplitHostPort(address)
	_, tooLarge := strconv.ParseUint(port, 10, 16)
	return err == nil && tooLarge == nil
}

func (l *loader) validateTLS(c TLS) {
	if !c.Enabled {
		return
	}
	named := l.need(c.CertFile != "", "server.tls.certFile", "is missing, though TLS is enabled")
	named = l.need(c.KeyFile != "", "server.tls.keyFile", "is missing, though TLS is enabled") && named
	if !named {
		return
	}
	_, err := os.Stat(c.CertFile)
	if err != nil {
		l.refuseKey("server.tls.certFile", "the file"+pathName(c.CertFile)+" cannot be read: "+cause(err))
	}
	_, keyErr := os.Stat(c.KeyFile)
	if keyErr != nil {
		l.refuseKey("server.tls.keyFile", "the file"+pathName(c.KeyFile)+" cannot be read: "+cause(keyErr))
	}
	if err != nil || keyErr != nil {
		return
	}
	if _, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile); err != nil {
		l.refuseKey("server.tls.certFile", "certificate and key cannot be used together: "+err.Error())
	}
}

// minPoints is the least github.pointsPerMinute with which commands get through: the
// largest one takes some 50 points at once.
const minPoints = 60

func (l *loader) validateGitHub(c *GitHub) {
	u, problem := parseOrigin(c.URL)
	switch {
	case problem != "":
		l.refuseKey("github.url", problem+": give GitHub's own address, such as https://github.com; an API at another address is github.apiURL")
	case strings.EqualFold(u.Hostname(), "api.github.com"):
		l.refuseKey("github.url", "is the API's address: leave the key out, or give https://github.com")
	case isDataResidencyAPI(u.Hostname()):
		l.refuseKey("github.url", "is the API's address: give it without api., such as https://octo.ghe.com")
	}
	c.URL = strings.TrimRight(c.URL, "/")
	if c.APIURL != "" {
		u, problem := parseWebURL(c.APIURL)
		switch {
		case problem != "":
			l.refuseKey("github.apiURL", problem+": give the address of GitHub's REST API, such as https://ghes.example.com/api/v3")
		case strings.HasSuffix(strings.TrimRight(u.Path, "/"), "/graphql"):
			l.refuseKey("github.apiURL", "is the address of GitHub's GraphQL API: give that of its REST API, such as https://ghes.example.com/api/v3")
		}
	}
	if c.OIDCIssuer != "" {
		u, problem := parseWebURL(c.OIDCIssuer)
		if problem != "" || u.Scheme != "https" && !isLocal(u.Hostname()) {
			l.refuseKey("github.oidcIssuer", "must be a URL that starts with https://, such as https://token.actions.githubusercontent.com/octo-enterprise")
		}
		c.OIDCIssuer = strings.TrimRight(c.OIDCIssuer, "/")
	}
	if c.CAFile != "" {
		data, err := os.ReadFile(c.CAFile)
		if err != nil {
			l.refuseKey("github.caFile", "the file"+pathName(c.CAFile)+" cannot be read: "+cause(err))
		} else {
			l.need(x509.NewCertPool().AppendCertsFromPEM(data), "github.caFile", "the file"+pathName(c.CAFile)+" holds no certificate in PEM")
		}
	}
	l.need(c.PointsPerMinute == 0 || c.PointsPerMinute >= minPoints, "github.pointsPerMinute", fmt.Sprintf("must be 0 or at least %d", minPoints))
	for i, s := range c.WebhookSecrets {
		l.need(!s.Empty(), fmt.Sprintf("github.webhookSecret[%d]", i), "is empty")
	}
}

// isDataResidencyAPI reports whether host is that of an API below ghe.com.
func isDataResidencyAPI(host string) bool {
	host = strings.ToLower(host)
	return strings.HasPrefix(host, "api.") && strings.HasSuffix(host, ".ghe.com") && strings.Count(host, ".") == 3
}

func (l *loader) validateDatabase(c Database) {
	raw := c.URL.Reveal()
	file, isSQLite := strings.CutPrefix(raw, "sqlite:")
	isPostgres := strings.HasPrefix(raw, "postgres://") || strings.HasPrefix(raw, "postgresql://")
	switch {
	case !isSQLite && !isPostgres:
		l.refuseKey("database.url", "must start with sqlite: or postgres://")
	case isSQLite && strings.Trim(file, "/") == "":
		l.refuseKey("database.url", "must name a file, such as sqlite:actions-runner-manager.db")
	case isPostgres && c.URL.String() == secret.Mask:
		l.refuseKey("database.url", "is not a URL: letters such as @, / and # in a password are written %40, %2F and %23")
	}
	l.need(c.AuditRetention >= time.Hour, "database.auditRetention", "must be at least 1h")
}

func (l *loader) validateFleet(c *Config) {
	l.need(c.Fleet.PollInterval == 0 || c.Fleet.PollInterval >= time.Second, "fleet.pollInterval", "must be 0, or at least 1s")
	l.need(c.Fleet.History >= time.Hour, "fleet.history", "must be at least 1h")
	l.need(c.Alerts.OfflineAfter > 0, "alerts.offlineAfter", "must be more than 0s")
	l.need(c.Console.SessionTTL >= time.Minute, "console.sessionTTL", "must be at least 1m")
}

func isGlob(pattern string) bool {
	_, err := path.Match(pattern, "team")
	return err == nil && pattern != ""
}
