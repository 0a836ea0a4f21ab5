//go:build !unix

package store

import "os"

// lockFile guards nothing if the system has no flock: there the operator
// sees to it that only one server uses the file.
func lockFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
}
