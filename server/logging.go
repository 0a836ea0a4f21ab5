package server

import (
	"fmt"
	"io"
	stdlog "log"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/DeRuina/timberjack"
	"github.com/rs/zerolog"

	"github.com/actions-runner-manager/actions-runner-manager/config"
	"github.com/actions-runner-manager/actions-runner-manager/internal/secret"
)

// logFile is the file name of the log in logging.logDirectory.
const logFile = "actions-runner-manager.log"

// newLogger returns a log that writes JSON lines to out, or to a rotated file unless
// logging.ephemeral is set. The returned function closes it.
func newLogger(c config.Logging, out io.Writer) (zerolog.Logger, func() error, error) {
	level, err := zerolog.ParseLevel(c.Level)
	if err != nil {
		return zerolog.Nop(), nil, fmt.Errorf("logging.level: %w", err)
	}
	closer := func() error { return nil }
	if !c.Ephemeral {
		file, err := newRotated(c)
		if err != nil {
			return zerolog.Nop(), nil, err
		}
		out, closer = file, file.Close
	}
	preciseTimes()
	return zerolog.New(masked{out}).Level(level).With().Timestamp().Logger(), closer, nil
}

// masked writes lines to out with whatever looks like a credential masked: a caller may
// have put one anywhere.
type masked struct{ out io.Writer }

// Write implements [io.Writer]. Each call is one line.
func (m masked) Write(line []byte) (int, error) {
	if _, err := io.WriteString(m.out, secret.MaskTokens(string(line))); err != nil {
		return 0, err
	}
	return len(line), nil
}

// preciseTimes makes all logs of the process have times in nanoseconds.
var preciseTimes = sync.OnceFunc(func() { zerolog.TimeFieldFormat = time.RFC3339Nano }) //nolint:gochecknoglobals // it is the library's global that is set

// A rotated log file is rotated before it exceeds maxSize bytes. The library counts in
// mebibytes, which is too coarse for the key, so rotated counts the bytes itself.
type rotated struct {
	mu   sync.Mutex
	file *timberjack.Logger
	size int64
	most int64
}

func newRotated(c config.Logging) (*rotated, error) {
	if err := os.MkdirAll(c.LogDirectory, 0o750); err != nil {
		return nil, fmt.Errorf("logging.logDirectory: %w", err)
	}
	path := filepath.Join(c.LogDirectory, logFile)
	probe, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("logging.logDirectory: %w", err)
	}
	info, err := probe.Stat()
	if closeErr := probe.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, fmt.Errorf("logging.logDirectory: %w", err)
	}
	file := &timberjack.Logger{
		Filename: path, MaxAge: c.MaxAge, MaxBackups: c.MaxBackups,
		MaxSize: 1 << 30, // the library's own limit, out of reach
	}
	if c.Compress {
		file.Compression = "gzip"
	}
	return &rotated{file: file, size: info.Size(), most: c.MaxSize}, nil
}

// Write implements [io.Writer]. Each call is one line.
func (r *rotated) Write(line []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.size > 0 && r.size+int64(len(line)) > r.most {
		if err := r.file.Rotate(); err != nil {
			return 0, fmt.Errorf("rotate the log: %w", err)
		}
		r.size = 0
	}
	n, err := r.file.Write(line)
	r.size += int64(n)
	return n, err
}

// Close closes the file.
func (r *rotated) Close() error { return r.file.Close() }

// serverErrors logs the errors of net/http, such as failed handshakes, at level debug,
// because any client can cause them.
func serverErrors(log zerolog.Logger) *stdlog.Logger {
	return stdlog.New(zerologDebug{log}, "", 0)
}

type zerologDebug struct{ log zerolog.Logger }

func (z zerologDebug) Write(p []byte) (int, error) {
	z.log.Debug().Str("from", "net/http").Msg(string(p))
	return len(p), nil
}
