package server

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
)

// certificateEvery is how often the certificate's files are checked for changes.
const certificateEvery = 10 * time.Second

// certificates provides the newest certificate. It reads the files again when they change,
// and keeps the old pair if the new one is not valid.
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

// load reads both files. It takes their times first, so that the next check notices a
// change during the reading.
func (c *certificates) load() error {
	seen := c.times()
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("server.tls: the certificate is not valid: %w", err)
	}
	c.now.Store(&pair)
	c.seen = seen
	return nil
}

// times returns when the files last changed; zero if unknown.
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
			c.log.Error().Err(err).Msg("the new certificate is not valid; the old one stays in use")
			continue
		}
		c.log.Info().Msg("loaded the new certificate")
	}
}
