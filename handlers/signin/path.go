package signin

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
)

// returnParam is the parameter of [Path] that says where to go after the sign-in.
const returnParam = "return"

// maxPath bounds the path in a cookie.
const maxPath = 1_000

// safePath returns the path, with its query, if it is one of the console's pages, else the console's
// first page: nobody is led to another site, or out again.
func safePath(target string) string {
	u, err := url.Parse(target)
	switch {
	case err != nil || len(target) > maxPath, u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "",
		strings.ContainsFunc(target, func(r rune) bool { return r <= ' ' || r == '\\' || r > '~' }),
		u.Path != consolePath && !strings.HasPrefix(u.Path, consolePath+"/"),
		path.Clean(u.Path) != u.Path, strings.ContainsAny(u.Path, "\\\x00\r\n"),
		slices.Contains([]string{Path, CallbackPath, SignOutPath}, u.Path):
		return consolePath
	}
	return u.RequestURI()
}

// signInLink is the address that signs in and leads back to the path.
func signInLink(back string) string {
	if back = safePath(back); back == consolePath {
		return Path
	}
	return Path + "?" + url.Values{returnParam: {back}}.Encode()
}

func encodePath(back string) string { return base64.RawURLEncoding.EncodeToString([]byte(back)) }

func decodePath(text string) string {
	back, _ := base64.RawURLEncoding.DecodeString(text)
	return string(back)
}

// redirect leads the browser on with GET.
func redirect(w http.ResponseWriter, to string) {
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
}
