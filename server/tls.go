package server

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
)

// certificateEvery is how often the certificate's files are looked at.
const certificateEvery = 10 * time.Second

// certificates serves the newest certificate: its files are read again when they
// change. A new pair that does not fit leaves the old one in use.
type certificates struct {
	certFile, keyFile string
	log               zerolog.Logger
	now               atomic.Pointer[tls.Certificate]
	seen              [2]time.Time
	stop              chan struct{}
}

func newCertificates(certFile, keyFile string, log zerolog.Logger) (*certificates, error) {
	c := &certificates{certFile: certFile, keyFile: keyFile, log: log, stop: make(chan struct{})}
	if err := c.load(); err != nil {
		return nil, err
	}
	go c.watch()
	return c, nil
}

func (c *certificates) get(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.now.Load(), nil }

func (c *certificates) close() { close(c.stop) }

// load reads both files. The times are taken first, so that a change meanwhile is
// seen at the next look.
func (c *certificates) load() error {
	seen := c.times()
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("server.tls: the certificate cannot be used: %w", err)
	}
	c.now.Store(&pair)
	c.seen = seen
	return nil
}

func (c *certificates) times() (times [2]time.Time) {
	for i, name := range []string{c.certFile, c.keyFile} {
		if info, err := os.Stat(name); err == nil {
			times[i] = info.ModTime()
		}
	}
	return times
}

func (c *certificates) watch() {
	ticker := time.NewTicker(certificateEvery)
	defer ticker.Stop()
	for {
		select {
		case <-c.stop:
			return
		case <-ticker.C:
		}
		if c.times() == c.seen {
			continue
		}
		if err := c.load(); err != nil {
			c.log.Error().Err(err).Msg("the new certificate is not used; the old one still is")
			continue
		}
		c.log.Info().Msg("the certificate was read anew")
	}
}
