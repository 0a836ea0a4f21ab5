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
)

// logFile is the name of the log in logging.logDirectory.
const logFile = "actions-runner-manager.log"

// newLogger returns the program's log: JSON lines to out, or to a file that is
// rotated.
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
	return zerolog.New(out).Level(level).With().Timestamp().Logger(), closer, nil
}

// preciseTimes is done once: the library keeps it for the whole process.
var preciseTimes = sync.OnceFunc(func() { zerolog.TimeFieldFormat = time.RFC3339Nano }) //nolint:gochecknoglobals // it is the library's global that is set

// A rotated log file starts anew once it holds maxSize bytes. The library counts in
// mebibytes, too coarse for a key that counts bytes, so the counting is done here.
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

// Write implements io.Writer; each call is one line.
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

// serverErrors takes what net/http has to say, such as broken handshakes, at debug:
// anybody can cause it.
func serverErrors(log zerolog.Logger) *stdlog.Logger {
	return stdlog.New(zerologDebug{log}, "", 0)
}

type zerologDebug struct{ log zerolog.Logger }

func (z zerologDebug) Write(p []byte) (int, error) {
	z.log.Debug().Str("from", "net/http").Msg(string(p))
	return len(p), nil
}
