// Package server wires the program together and runs it. [New] opens the log and the
// listeners; newApp wires database, GitHub, commands, queue and channels.
package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/net/netutil"

	"github.com/actions-runner-manager/actions-runner-manager/config"
	"github.com/actions-runner-manager/actions-runner-manager/server/setup"
)

// Options configure a [Server].
type Options struct {
	Config *config.Config
	// ConfigPath is the configuration file, which need not exist. Setup writes it.
	ConfigPath string
	// Reload reads the configuration again after setup has written it.
	Reload  func() (*config.Config, error)
	Version string
	Commit  string
	// Log gets the log lines if logging.ephemeral is set.
	Log io.Writer
	// Clock is the time by which limits, leases and work are due; nil means time.Now,
	// and the database's clock for what replicas share. Tests set it.
	Clock func() time.Time
	// Abort, if not nil, is closed if a shutdown must not wait for requests and commands.
	Abort <-chan struct{}
	// Drain is how long a server that was asked to stop still accepts connections, while /readyz
	// says that it stops: a load balancer needs that time to send requests elsewhere. Each answer
	// closes its connection. Zero: it accepts none.
	Drain time.Duration
	// Listening, if not nil, is called with the server's URL when it accepts connections.
	Listening func(url string)
	// SetupLink, if not nil, is called with each setup link that is logged.
	SetupLink func(link string)
}

const (
	headerTimeout = 10 * time.Second
	readTimeout   = 60 * time.Second
	// writeTimeout is longer than a command may take, with some time for a slow client.
	writeTimeout = 90 * time.Second
	idleTimeout  = 120 * time.Second
	headerBytes  = 64 << 10
	// maxConnections and maxStreams bound what one server reads at once: a connection takes
	// some 20 kB, and what it sends is bounded by its handler.
	maxConnections = 1_000
	maxStreams     = 32 // of HTTP/2, on one connection
)

// A Server is the whole program. Its app answers all requests; setup replaces the app once
// there is a GitHub App.
type Server struct {
	opts     Options
	log      zerolog.Logger
	closeLog func() error
	listener net.Listener
	metrics  net.Listener // nil: off
	certs    *certificates
	url      string

	setup    *setup.Setup // nil if the server had a GitHub App when it started
	app      atomic.Pointer[app]
	draining atomic.Bool
	failed   chan error
}

// New opens the log, the listeners and the database. Its errors are for the operator: they
// name the configuration key to change.
func New(ctx context.Context, o Options) (*Server, error) {
	s := &Server{opts: o, failed: make(chan error, 2)}
	var err error
	if s.log, s.closeLog, err = newLogger(o.Config.Logging, o.Log); err != nil {
		return nil, err
	}
	if err := s.listen(ctx); err != nil {
		s.close()
		return nil, err
	}
	for _, warning := range o.Config.Warnings() {
		s.log.Warn().Msg(warning)
	}
	if err := s.open(ctx, o.Config); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// open builds an app from c and makes it answer requests.
func (s *Server) open(ctx context.Context, c *config.Config) error {
	a, err := s.newApp(ctx, c)
	if err != nil {
		return err
	}
	s.app.Store(a)
	return nil
}

// listen opens the listeners, so that a wrong address is reported before anything else.
func (s *Server) listen(ctx context.Context) error {
	c := s.opts.Config.Server
	var err error
	if c.TLS.Enabled {
		if s.certs, err = newCertificates(c.TLS.CertFile, c.TLS.KeyFile, s.log); err != nil {
			return err
		}
	}
	var l net.ListenConfig
	if s.listener, err = l.Listen(ctx, "tcp", c.ListenAddress()); err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			return fmt.Errorf("server.address: cannot listen on %s: %w; set server.port (ARM_SERVER_PORT) to another port, or stop the program that uses it", c.ListenAddress(), err)
		}
		return fmt.Errorf("server.address: cannot listen on %s: %w", c.ListenAddress(), err)
	}
	if c.MetricsAddress != "" {
		if s.metrics, err = l.Listen(ctx, "tcp", c.MetricsAddress); err != nil {
			return fmt.Errorf("server.metricsAddress: cannot listen on %s: %w", c.MetricsAddress, err)
		}
	}
	s.listener = netutil.LimitListener(s.listener, maxConnections)
	port := 0
	if tcp, ok := s.listener.Addr().(*net.TCPAddr); ok {
		port = tcp.Port
	}
	s.url = c.BaseURL(port)
	return nil
}

// publicURL returns the address at which users reach the server.
func (s *Server) publicURL(c *config.Config) string {
	if c.Server.PublicURL != "" {
		return c.Server.PublicURL
	}
	return s.url
}

// Run serves until ctx ends, and for Options.Drain more. Then it stops accepting, waits up to server.shutdownTimeout
// for requests and commands to finish, closes the database, and returns. If Abort is closed,
// it does not wait, and returns an error. Commands from comments that did not finish resume
// after the next start.
func (s *Server) Run(ctx context.Context) error {
	defer s.close()
	if err := s.app.Load().start(ctx); err != nil {
		return err
	}
	web := s.httpServer(http.HandlerFunc(s.serve))
	go func() { s.failed <- s.accept(web) }()
	var scrape *http.Server
	if s.metrics != nil {
		scrape = s.httpServer(http.HandlerFunc(s.serveMetrics))
		go func() { s.failed <- scrape.Serve(s.metrics) }()
	}
	s.log.Info().Str("url", s.url).Str("version", s.opts.Version).Str("commit", s.opts.Commit).Str("config", s.configFile()).Msg("listening")
	if s.opts.Listening != nil {
		s.opts.Listening(s.url)
	}

	var err error
	select {
	case <-ctx.Done():
	case err = <-s.failed:
	}
	return errors.Join(err, s.shutdown(ctx, web, scrape))
}

// configFile is the configuration file for the log; "none" if there is none.
func (s *Server) configFile() string {
	if _, err := os.Stat(s.opts.ConfigPath); err != nil {
		return "none"
	}
	return s.opts.ConfigPath
}

func (s *Server) httpServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ErrorLog: serverErrors(s.log),
		ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: headerBytes, HTTP2: &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
	}
}

func (s *Server) accept(web *http.Server) error {
	if s.certs == nil {
		return web.Serve(s.listener)
	}
	web.TLSConfig = &tls.Config{GetCertificate: s.certs.get, MinVersion: tls.VersionTLS12}
	return web.ServeTLS(s.listener, "", "")
}

// errAborted is what [Server.Run] returns if Abort was closed while it waited.
var errAborted = errors.New("stopped at once, by a second signal; requests in progress were aborted, and commands from comments resume after the next start")

// shutdown closes the connections and stops the queue, side by side, waits for both, and
// closes the database: once "stopped" is logged, its file is complete.
func (s *Server) shutdown(ctx context.Context, web, scrape *http.Server) error {
	s.draining.Store(true)
	s.log.Info().Msg("stopping; requests and commands in progress finish first")
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.opts.Config.Server.ShutdownTimeout)
	defer cancel()
	ctx, abort := context.WithCancelCause(ctx)
	defer abort(nil)
	go func() {
		select {
		case <-s.opts.Abort:
			abort(errAborted)
		case <-ctx.Done():
		}
	}()
	s.drain(ctx)
	done := make(chan error, 1)
	go func() { done <- s.app.Load().stop(ctx) }()
	if err := web.Shutdown(ctx); err != nil {
		s.log.Warn().Err(err).Msg("some requests did not finish in time and were aborted")
		_ = web.Close()
	}
	if scrape != nil {
		_ = scrape.Close()
	}
	if err := <-done; err != nil {
		s.log.Warn().Err(err).Msg("some commands did not finish in time; they resume after the next start")
	}
	s.closeApp()
	if errors.Is(context.Cause(ctx), errAborted) {
		return errAborted
	}
	s.log.Info().Msg("stopped")
	return nil
}

// drain waits while requests still come.
func (s *Server) drain(ctx context.Context) {
	timer := time.NewTimer(min(s.opts.Drain, s.opts.Config.Server.ShutdownTimeout/4))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// closeApp closes set-up and the database. A second call does nothing.
func (s *Server) closeApp() {
	if s.setup != nil {
		s.setup.Close()
	}
	if a := s.app.Load(); a != nil {
		a.close()
	}
}

// close closes what New opened.
func (s *Server) close() {
	s.closeApp()
	if s.listener != nil {
		_ = s.listener.Close()
	}
	if s.metrics != nil {
		_ = s.metrics.Close()
	}
	if s.certs != nil {
		s.certs.close()
	}
	if s.closeLog != nil {
		_ = s.closeLog()
	}
}

// serve passes the request to the current app.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if s.certs != nil {
		w.Header().Set("Strict-Transport-Security", "max-age=31536000")
	}
	if s.draining.Load() {
		w.Header().Set("Connection", "close") // over HTTP/2 it makes net/http close the connection too
	}
	s.app.Load().handler.ServeHTTP(w, r)
}

func (s *Server) serveMetrics(w http.ResponseWriter, r *http.Request) {
	s.app.Load().metrics.ServeHTTP(w, r)
}
