// Package connect opens what a configuration names, for the server and for the
// subcommands that work beside it.
package connect

import (
	"crypto/x509"
	"fmt"
	"net/http"
	"os"

	"github.com/rcrowley/go-metrics"
	"github.com/rs/zerolog"

	"github.com/actions-runner-manager/actions-runner-manager/config"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github/pacing"
)

// GitHub returns the client of the GitHub App that c describes. If registry is nil,
// the client keeps its metrics to itself. If budget is nil, it shares GitHub's rate limits
// with nobody.
func GitHub(c *config.Config, registry metrics.Registry, budget pacing.Budget, replica, version string, log zerolog.Logger) (*github.App, error) {
	options, err := GitHubOptions(c, version, log)
	if err != nil {
		return nil, err
	}
	options.Budget, options.Replica = budget, replica
	options.AppID, options.ClientID, options.Key, options.Registry = c.AppID, c.ClientID, c.Key(), registry
	return github.New(options)
}

// GitHubOptions returns how to reach the GitHub that c names, without the App's
// identity: setup has none yet.
func GitHubOptions(c *config.Config, version string, log zerolog.Logger) (github.Options, error) {
	roots, err := rootCAs(c.GitHub.CAFile)
	if err != nil {
		return github.Options{}, err
	}
	return github.Options{
		BaseURL: c.APIBaseURL(), RootCAs: roots, UserAgent: "actions-runner-manager/" + version, Logger: log,
		PointsPerMinute: c.GitHub.PointsPerMinute,
	}, nil
}

// Client returns a client for what of GitHub is not its API.
func Client(c *config.Config) (*http.Client, error) {
	roots, err := rootCAs(c.GitHub.CAFile)
	if err != nil {
		return nil, err
	}
	return &http.Client{Transport: github.NewPool(roots)}, nil
}

// rootCAs returns the system's certificate authorities and those in file, or nil if
// file is empty.
func rootCAs(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("github.caFile: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("github.caFile: %s holds no certificate in PEM", file)
	}
	return pool, nil
}
