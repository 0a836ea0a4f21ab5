//go:build unix

package store

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// lockFile locks the file at path, or returns an error if another process holds the lock.
// The system releases the lock when the process ends, even if it is killed; the file
// itself stays. It is not the database file, because on network file systems flock would
// collide with the locks that SQLite takes there.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot create the lock file beside the database; make the folder writable for this user: %w", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return f, nil
	}
	f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, fmt.Errorf("the database %s is in use by another server; stop that one, or use PostgreSQL for several replicas",
			strings.TrimSuffix(path, ".lock"))
	}
	return nil, fmt.Errorf("lock %s: %w", path, err)
}
