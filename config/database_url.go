package config

import (
	"net/url"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/internal/secret"
)

// A DatabaseURL says if the database is. It prints without its password.
type DatabaseURL struct{ secret.Text }

// NewDatabaseURL returns the URL that raw is; it need not be a valid one.
func NewDatabaseURL(raw string) DatabaseURL {
	return DatabaseURL{secret.NewShown(raw, withoutPassword(raw))}
}

// withoutPassword masks the password in raw, or all of raw if it is not clear if
// the password is.
func withoutPassword(raw string) string {
	if strings.HasPrefix(raw, "sqlite:") {
		return raw
	}
	parsed, err := url.Parse(raw)
	if err != nil || parsed.Opaque != "" || parsed.Host == "" {
		return secret.Mask
	}
	user := ""
	if parsed.User != nil {
		user = url.User(parsed.User.Username()).String()
		if _, has := parsed.User.Password(); has {
			user += ":" + secret.Mask
		}
		user += "@"
	}
	query := parsed.RawQuery
	if query != "" {
		query = "?" + maskQuery(query)
	}
	return parsed.Scheme + "://" + user + parsed.Host + parsed.EscapedPath() + query
}

// maskQuery masks the parameters that hold passwords: libpq has password and sslpassword.
func maskQuery(query string) string {
	params := strings.Split(query, "&")
	for i, param := range params {
		name, _, _ := strings.Cut(param, "=")
		plain, err := url.QueryUnescape(name)
		if err != nil || strings.Contains(strings.ToLower(plain), "pass") {
			params[i] = name + "=" + secret.Mask
		}
	}
	return strings.Join(params, "&")
}
