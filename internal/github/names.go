package github

import (
	"fmt"
	"net/url"
	"regexp"
)

// The characters that GitHub allows in names, or slightly fewer. None of these names can
// change the path that it is put into. A login ends in "_shortcode" if an enterprise
// manages it. An App's login ends in "[bot]".
var (
	loginPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`)
	slugPattern  = regexp.MustCompile(`^(ent:)?[A-Za-z0-9_-][A-Za-z0-9_.-]*$`) // ent: of an enterprise team
	repoPattern  = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)
	botPattern   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*(\[bot\])?$`)
	labelPattern = regexp.MustCompile(`^[^\x00-\x1f\x7f,]+$`) // a comma separates labels
	codePattern  = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
	tokenPattern = regexp.MustCompile(`^[\x21-\x7e]+$`)
)

const (
	maxName  = 255
	maxToken = 4096
)

func login(name string) (string, error)    { return segment("login", loginPattern, name) }
func teamSlug(name string) (string, error) { return segment("team slug", slugPattern, name) }

// label checks and escapes the name of a label. GitHub documents no characters for them.
func label(name string) (string, error) {
	if name == "." || name == ".." {
		return "", invalidName("label", name)
	}
	return segment("label", labelPattern, name)
}

func repoName(name string) (string, error) {
	if name == "." || name == ".." {
		return "", invalidName("repository name", name)
	}
	return segment("repository name", repoPattern, name)
}

// segment checks name and escapes it for use as one segment of a path. Only labels need
// escaping today; for the others it guards against a change of the patterns.
func segment(kind string, pattern *regexp.Regexp, name string) (string, error) {
	if len(name) > maxName || !pattern.MatchString(name) {
		return "", invalidName(kind, name)
	}
	return url.PathEscape(name), nil
}

func invalidName(kind, name string) error {
	const most = 60
	if len(name) > most {
		name = name[:most] + "…"
	}
	return &Error{Kind: Invalid, Message: fmt.Sprintf("%q is not a %s", name, kind)}
}
