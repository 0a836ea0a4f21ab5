package store

import (
	"fmt"
	"net"
	"os"
	"strings"
)

// Announce records at which address, host and port, the server listens that has the SQLite
// file, until the store is closed. On PostgreSQL it does nothing: several servers, on other
// machines too, may use one database.
func (s *Store) Announce(address string) error {
	if s.lock == nil {
		return nil
	}
	err := s.lock.Truncate(0)
	if err == nil {
		_, err = s.lock.WriteAt([]byte(address+"\n"), 0)
	}
	if err != nil {
		return fmt.Errorf("write the server's address beside the database: %w", err)
	}
	return nil
}

// ServerAddress returns what the server on that database announced, or "" if there is no
// such server. After a crash it is the address of the server that crashed.
func ServerAddress(databaseURL string) string {
	at, err := parseURL(databaseURL)
	if err != nil || at.dialect != SQLite {
		return ""
	}
	text, err := os.ReadFile(at.path + ".lock")
	address := strings.TrimSpace(string(text))
	if _, _, bad := net.SplitHostPort(address); err != nil || bad != nil {
		return ""
	}
	return address
}
