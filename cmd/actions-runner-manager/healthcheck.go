package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"github.com/actions-runner-manager/actions-runner-manager/config"
)

// healthTimeout is less than the 5 s that the image's HEALTHCHECK waits.
const healthTimeout = 3 * time.Second

func (p *program) healthcheckCommand() *cobra.Command {
	var ready bool
	var at string
	c := &cobra.Command{
		Use: "healthcheck", Short: "Check that the local server is running", Args: noArgs,
		Long: `Asks /livez of the server that runs on this machine with this configuration, and
prints "ok" with its URL and exits with 0 if it answers; for a container's health check.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			path := "/livez"
			if ready {
				path = "/readyz"
			}
			return p.healthcheck(cmd.Context(), at, path)
		},
	}
	c.Flags().BoolVar(&ready, "ready", false, "ask /readyz: can it take work")
	c.Flags().StringVar(&at, "url", "", "the server's `URL`; by default that of the server with this configuration")
	return c
}

func (p *program) healthcheck(ctx context.Context, at, path string) error {
	s, database := p.localServer()
	source, err := p.locate(&s, database, at)
	if err != nil {
		return err
	}
	target, client := localURL(s), localClient()
	switch {
	case at != "":
		u, err := parseServerURL(s.PublicURL)
		if err != nil {
			return err
		}
		target, client = s.PublicURL, clientFor(u)
	case s.Port == 0:
		return errNotFound
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target+path, http.NoBody)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		err = unanswered(err, req.URL.Host, source)
		if _, invalid := p.load(); invalid != nil && at == "" {
			err = fmt.Errorf("%w; no server starts with this configuration, as `config check` says: %w", err, invalid)
		}
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10)) // what there is of it explains enough
		return fmt.Errorf("the server answers %s to %s: %s", resp.Status, path, strings.TrimSpace(string(body)))
	}
	_, err = fmt.Fprintln(p.stdout, "ok: "+req.URL.String())
	return err
}

// localServer returns where the server of this configuration listens, and its database. It
// ignores what is wrong elsewhere in the configuration: the server may have started before
// that was broken.
func (p *program) localServer() (config.Server, config.DatabaseURL) {
	if c, err := config.Load(p.configFlag, p.environ); err == nil {
		return c.Server, c.Database.URL
	}
	var file struct {
		Server struct {
			Address *string
			Port    *int
			TLS     struct{ Enabled bool }
		}
		Database struct{ URL string }
	}
	if data, err := os.ReadFile(config.Path(p.configFlag, p.environ)); err == nil {
		_ = yaml.Unmarshal(data, &file) // what can be read of it is enough
	}
	env := p.env
	s := config.Defaults().Server
	s.TLS.Enabled = file.Server.TLS.Enabled
	if tls, err := strconv.ParseBool(env("ARM_SERVER_TLS_ENABLED")); err == nil {
		s.TLS.Enabled = tls
	}
	switch port, err := strconv.Atoi(env("ARM_SERVER_PORT")); {
	case err == nil:
		s.Port = port
	case file.Server.Port != nil:
		s.Port = *file.Server.Port
	default:
		if port, err := strconv.Atoi(env("PORT")); err == nil {
			s.Port, s.Address = port, ""
		}
	}
	if file.Server.Address != nil {
		s.Address = *file.Server.Address
	}
	if address := env("ARM_SERVER_ADDRESS"); address != "" {
		s.Address = address
	}
	database := config.Defaults().Database.URL
	if url := or(env("ARM_DATABASE_URL"), file.Database.URL); url != "" {
		database = config.NewDatabaseURL(url)
	}
	return s, database
}

// env is a variable of the environment; empty if it is not set.
func (p *program) env(name string) (value string) {
	for _, entry := range p.environ {
		if v, ok := strings.CutPrefix(entry, name+"="); ok {
			value = v
		}
	}
	return value
}
