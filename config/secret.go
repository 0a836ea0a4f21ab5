package config

import (
	"fmt"
	"io"
	"net/url"
	"strings"
)

const masked = "[secret]"

// A Secret is text that must not be seen. However it is printed, logged or
// marshalled it reads "[secret]"; an empty one stays empty. [Secret.Reveal]
// gives the text.
type Secret string

// Reveal returns the text itself. Give it to whoever needs it, never to a log.
func (s Secret) Reveal() string { return string(s) }

// String masks the secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return masked
}

// GoString masks the secret.
func (s Secret) GoString() string { return s.String() }

// Format masks the secret for every verb: %d would print it raw otherwise.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// MarshalText masks the secret in JSON and in every other encoding.
// zerolog's Interface and slog go through it, too.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalYAML masks the secret.
func (s Secret) MarshalYAML() (any, error) { return s.String(), nil }

// A DatabaseURL tells where the database is. It prints without its password.
type DatabaseURL string

// Reveal returns the whole URL, password included.
func (u DatabaseURL) Reveal() string { return string(u) }

// String returns the URL with its password masked; as "[secret]" altogether where it
// cannot be told where the password stands.
func (u DatabaseURL) String() string {
	if u == "" || strings.HasPrefix(string(u), "sqlite:") {
		return string(u)
	}
	parsed, err := url.Parse(string(u))
	if err != nil || parsed.Opaque != "" || parsed.Host == "" {
		return masked
	}
	user := ""
	if parsed.User != nil {
		user = url.User(parsed.User.Username()).String()
		if _, has := parsed.User.Password(); has {
			user += ":" + masked
		}
		user += "@"
	}
	query := parsed.RawQuery
	if query != "" {
		query = "?" + maskQuery(query)
	}
	return parsed.Scheme + "://" + user + parsed.Host + parsed.EscapedPath() + query
}

// maskQuery masks the parameters that hold passwords: libpq knows password and sslpassword.
func maskQuery(query string) string {
	params := strings.Split(query, "&")
	for i, param := range params {
		name, _, _ := strings.Cut(param, "=")
		plain, err := url.QueryUnescape(name)
		if err != nil || strings.Contains(strings.ToLower(plain), "pass") {
			params[i] = name + "=" + masked
		}
	}
	return strings.Join(params, "&")
}

// GoString masks the password.
func (u DatabaseURL) GoString() string { return u.String() }

// Format masks the password for every verb.
func (u DatabaseURL) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, u.String()) }

// MarshalText masks the password in JSON and in every other encoding.
func (u DatabaseURL) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// MarshalYAML masks the password.
func (u DatabaseURL) MarshalYAML() (any, error) { return u.String(), nil }
