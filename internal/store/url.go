package store

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/internal/secret"
)

// A location is a parsed database URL.
type location struct {
	dialect  Dialect
	path     string // SQLite's file
	url      string // PostgreSQL's URL
	password string
}

func parseURL(raw string) (location, error) {
	scheme, rest, ok := strings.Cut(raw, ":")
	switch {
	case raw == "":
		return location{}, errors.New("database.url is empty; use sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME")
	case !ok:
		return location{}, errors.New("database.url has no scheme; use sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME")
	case scheme == "sqlite":
		// sqlite:///abs and sqlite:/abs mean the same; sqlite://rel is taken as rel.
		path := strings.TrimPrefix(rest, "//")
		if path == "" {
			return location{}, errors.New("database.url names no file; use sqlite:PATH")
		}
		return location{dialect: SQLite, path: path}, nil
	case scheme == "postgres", scheme == "postgresql":
		u, err := url.Parse(raw)
		if err != nil {
			// The error of net/url repeats the URL, and so the password.
			return location{}, errors.New("database.url is not a valid URL; percent-encode special characters in user and password")
		}
		password, _ := u.User.Password()
		if password == "" {
			password = u.Query().Get("password")
		}
		return location{dialect: PostgreSQL, url: raw, password: password}, nil
	default:
		if len(scheme) > 20 || strings.ContainsAny(scheme, "@/ ") {
			scheme = "another scheme" // who knows what it holds
		}
		return location{}, fmt.Errorf("database.url starts with %q; use sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME", scheme)
	}
}

// mask removes the password if the error's text has it. The errors of pgx mask it
// themselves, but others may not.
func (l location) mask(err error) error {
	if l.password == "" || !strings.Contains(err.Error(), l.password) {
		return err
	}
	return errors.New(strings.ReplaceAll(err.Error(), l.password, secret.Mask))
}
