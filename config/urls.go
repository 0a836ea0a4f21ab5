package config

import (
	"net"
	"net/url"
	"strconv"
	"strings"
)

// APIBaseURL returns the address of GitHub's REST API, with a slash at its end:
// github.apiURL, or what follows from github.url.
func (c *Config) APIBaseURL() *url.URL {
	if c.GitHub.APIURL != "" {
		return withSlash(c.GitHub.APIURL)
	}
	return c.apiURL("/api/v3/", "/")
}

// GraphQLURL returns the address of GitHub's GraphQL API. Nothing is asked of it, but
// go-githubapp wants to know it.
func (c *Config) GraphQLURL() *url.URL {
	if c.GitHub.APIURL != "" {
		u := withSlash(c.GitHub.APIURL)
		u.Path = strings.TrimSuffix(u.Path, "v3/") + "graphql"
		return u
	}
	return c.apiURL("/api/graphql", "/graphql")
}

// apiURL returns the address with the path that an Enterprise Server has below its own
// host, or the one that github.com and ghe.com have below api.
// https://docs.github.com/en/rest/using-the-rest-api/getting-started-with-the-rest-api
func (c *Config) apiURL(serverPath, cloudPath string) *url.URL {
	u := withSlash(c.GitHub.URL)
	if host, cloud := c.cloudHost(); cloud {
		return &url.URL{Scheme: u.Scheme, Host: "api." + host, Path: cloudPath}
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host, Path: serverPath}
}

// OIDCIssuer returns who issues the OpenID Connect tokens of GitHub Actions, without a slash
// at its end: github.oidcIssuer, or what follows from github.url.
// https://docs.github.com/en/enterprise-server@latest/actions/reference/security/oidc
func (c *Config) OIDCIssuer() string {
	if c.GitHub.OIDCIssuer != "" {
		return c.GitHub.OIDCIssuer
	}
	switch host, cloud := c.cloudHost(); {
	case host == "github.com":
		return "https://token.actions.githubusercontent.com"
	case cloud:
		return "https://token.actions." + host
	}
	return c.GitHub.URL + "/_services/token"
}

// cloudHost returns the host of GitHub's pages and whether GitHub runs it: github.com or
// ghe.com, not an Enterprise Server.
func (c *Config) cloudHost() (host string, cloud bool) {
	host = strings.TrimPrefix(strings.ToLower(withSlash(c.GitHub.URL).Host), "www.")
	return host, host == "github.com" || strings.HasSuffix(host, ".ghe.com")
}

// withSlash parses a URL that was validated.
func withSlash(raw string) *url.URL {
	u, err := url.Parse(raw)
	if err != nil {
		u = &url.URL{}
	}
	u.Path = strings.TrimRight(u.Path, "/") + "/"
	return u
}

// ListenAddress returns address and port as net.Listen takes them.
func (s Server) ListenAddress() string {
	return net.JoinHostPort(s.Address, strconv.Itoa(s.Port))
}

// BaseURL returns where users reach the server, without a slash at its end: publicURL,
// or what follows from address and port. Port 0 means the configured port; a server
// that listens on a free one names it.
func (s Server) BaseURL(port int) string {
	if s.PublicURL != "" {
		return s.PublicURL
	}
	if port == 0 {
		port = s.Port
	}
	scheme, usual := "http", 80
	if s.TLS.Enabled {
		scheme, usual = "https", 443
	}
	host := s.Address
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	if port != usual {
		return scheme + "://" + net.JoinHostPort(host, strconv.Itoa(port))
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return scheme + "://" + host
}

// parseWebURL reads the address of a web server. What is wrong with it is reported without
// repeating it, since it may hold a password.
func parseWebURL(raw string) (u *url.URL, problem string) {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return nil, "must be a URL that starts with https:// or http://"
	case u.Port() == "" && strings.HasSuffix(u.Host, ":") || tooHigh(u.Port()):
		return nil, "must have a port between 1 and 65535, or none"
	case u.User != nil:
		return nil, "must not hold a user or password"
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(raw, "#"):
		return nil, "must not have a query or fragment"
	}
	return u, ""
}

func tooHigh(port string) bool {
	_, err := strconv.ParseUint(port, 10, 16)
	return port != "" && (err != nil || port == "0")
}

// parseOrigin reads the address of a web server at the root of its host.
func parseOrigin(raw string) (u *url.URL, problem string) {
	u, problem = parseWebURL(raw)
	if problem == "" && strings.Trim(u.Path, "/") != "" {
		return nil, "must not have a path"
	}
	return u, problem
}

// HasProxy reports whether server.publicURL is another address than the one that the
// server listens on: then a proxy passes requests on, and all of them come from its address.
func (s Server) HasProxy() bool {
	public, err := url.Parse(s.PublicURL)
	if err != nil || s.PublicURL == "" || s.Port == 0 {
		return false
	}
	own, err := url.Parse(Server{Address: s.Address, Port: s.Port, TLS: s.TLS}.BaseURL(s.Port))
	if err != nil || public.Scheme != own.Scheme || portOf(public) != portOf(own) {
		return true
	}
	ip := net.ParseIP(s.Address)
	everywhere := s.Address == "" || ip != nil && ip.IsUnspecified()
	sameHost := strings.EqualFold(public.Hostname(), own.Hostname()) || isLocal(public.Hostname()) && isLocal(own.Hostname())
	return !everywhere && !sameHost
}

func portOf(u *url.URL) string {
	if port := u.Port(); port != "" {
		return port
	}
	return map[string]string{"http": "80", "https": "443"}[u.Scheme]
}
