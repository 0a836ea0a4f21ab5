package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"github.com/actions-runner-manager/actions-runner-manager/config"
)

// healthTimeout is less than the 5 s that the image's HEALTHCHECK waits.
const healthTimeout = 3 * time.Second

func (p *program) healthcheckCommand() *cobra.Command {
	var ready bool
	c := &cobra.Command{
		Use: "healthcheck", Short: "Ask the local server whether it lives", Args: noArgs,
		Long: `Asks /livez of the server that runs on this machine with this configuration, and
exits with 0 where it answers; for a container's health check.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			path := "/livez"
			if ready {
				path = "/readyz"
			}
			return p.healthcheck(cmd.Context(), path)
		},
	}
	c.Flags().BoolVar(&ready, "ready", false, "ask /readyz: can it take work")
	return c
}

func (p *program) healthcheck(ctx context.Context, path string) error {
	s := p.localServer()
	if s.Port == 0 {
		return fmt.Errorf("server.port is 0, a free port at every start, so that the server cannot be found: give it a port")
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, localURL(s)+path, http.NoBody)
	if err != nil {
		return err
	}
	resp, err := localClient().Do(req)
	if err != nil {
		return unanswered(err, req.URL.Host, p.portSource(s))
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10)) // what there is of it explains enough
		return fmt.Errorf("the server answers %s to %s: %s", resp.Status, path, strings.TrimSpace(string(body)))
	}
	return nil
}

// unanswered says why no server answers at host, and what names that: "PORT says it is".
func unanswered(err error, host, source string) error {
	if errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("no server listens at %s, where %s; start it there, or correct that", host, source)
	}
	var asked *url.Error
	if errors.As(err, &asked) {
		err = asked.Err // it names the method and the whole address
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = errors.New("it takes too long")
	}
	return fmt.Errorf("the server at %s, where %s, does not answer: %w", host, source, err)
}

// localServer returns if the server of this configuration listens. It does not
// mind what is wrong elsewhere in the configuration: the server may have started
// before that was broken, and lives.
func (p *program) localServer() config.Server {
	if c, err := config.Load(p.configFlag, p.environ); err == nil {
		return c.Server
	}
	var file struct {
		Server struct {
			Address *string
			Port    *int
			TLS     struct{ Enabled bool }
		}
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
	return s
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

// portSource says which setting names if the server is looked for.
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
