//go:build !unix

package store

import "os"

// lockFile protects nothing, because the system has no flock. The operator must make sure
// that only one server uses the file.
func lockFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
}
