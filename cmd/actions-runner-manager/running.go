package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"syscall"

	"github.com/actions-runner-manager/actions-runner-manager/config"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// errNotFound is returned if nothing says where the server listens.
var errNotFound = errors.New("no running server was found: server.port is 0, a free port at every start; start the server, or pass --url and the URL that it has logged")

// parseServerURL reads the value of --url.
func parseServerURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, usageError{fmt.Sprintf("--url: must be a URL that starts with https:// or http://, not %q", text)}
	}
	return u, nil
}

// locate completes the configuration of a server that listens on a free port (server.port: 0)
// with what the running one has written beside its database. If at, the value of --url, is
// set, users reach the server there. source says what names the address, for [unanswered].
func (p *program) locate(s *config.Server, database config.DatabaseURL, at string) (source string, err error) {
	switch {
	case at != "":
		u, err := parseServerURL(at)
		if err != nil {
			return "", err
		}
		s.PublicURL = (&url.URL{Scheme: u.Scheme, Host: u.Host}).String()
		return "--url says it is", nil
	case s.Port != 0:
		return p.portSource(*s), nil
	}
	_, port, err := net.SplitHostPort(store.ServerAddress(database.Reveal()))
	if err != nil {
		return "", nil //nolint:nilerr // no server runs
	}
	if s.Port, err = strconv.Atoi(port); err == nil && s.PublicURL == "" {
		s.PublicURL = s.BaseURL(s.Port)
	}
	return "the running server wrote beside its database that it is", nil
}

// unanswered says why no server answers at host. source says what names that host, such as
// "PORT says it is".
func unanswered(err error, host, source string) error {
	if errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("no server listens at %s, where %s; start it there, or correct that", host, source)
	}
	var call *url.Error
	if errors.As(err, &call) {
		err = call.Err // it names the method and the whole address
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = errors.New("it takes too long")
	}
	return fmt.Errorf("the server at %s, where %s, does not answer: %w", host, source, err)
}

// portSource says which setting names where the server is looked for.
func (p *program) portSource(s config.Server) string {
	if port := p.env("PORT"); p.env("ARM_SERVER_PORT") == "" && port == strconv.Itoa(s.Port) && s.Port != config.Defaults().Server.Port {
		return "PORT says it is"
	}
	return "server.address and server.port (ARM_SERVER_ADDRESS, ARM_SERVER_PORT) say it is"
}

// localURL is where this machine itself reaches the server.
func localURL(s config.Server) string {
	scheme, host := "http", s.Address
	if s.TLS.Enabled {
		scheme = "https"
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return scheme + "://" + net.JoinHostPort(host, strconv.Itoa(s.Port))
}

// localClient asks a server on this machine: past any proxy, and without looking at
// its certificate, which is made out for another name than 127.0.0.1. Nothing secret
// is sent, and who could answer in the server's place has its port already.
func localClient() *http.Client {
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // see above
	}}
}

// clientFor returns the client for a server at u.
func clientFor(u *url.URL) *http.Client {
	if ip := net.ParseIP(u.Hostname()); u.Hostname() == "localhost" || ip != nil && ip.IsLoopback() {
		return localClient()
	}
	return http.DefaultClient
}
