package github

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// A Move says to which repository GitHub redirects from a name that it had before. One
// field is set.
type Move struct {
	ID   int64
	Name string // of a repository of the same organization
}

// Is reports whether the repository is the one that the move leads to.
func (m Move) Is(r Repository) bool {
	return m.ID != 0 && m.ID == r.ID || m.Name != "" && strings.EqualFold(m.Name, r.Name)
}

// stayKey is the key of contexts whose requests follow no redirect.
type stayKey struct{}

func stays(ctx context.Context) bool { return ctx.Value(stayKey{}) != nil }

// MovedRepository returns where GitHub redirects from a repository's former name: nowhere if
// no repository of the organization had the name, if another one has it now, or if GitHub
// does not say. It asks once, whatever GitHub answers, and says nothing about who may see
// the repository.
func (o *Org) MovedRepository(ctx context.Context, name string) (Move, bool) {
	escaped, err := repoName(name)
	if err != nil {
		return Move{}, false
	}
	s, err := o.session(ctx)
	if err != nil {
		return Move{}, false
	}
	_, _, err = send[repositoryAnswer](context.WithValue(ctx, stayKey{}, true), s.main, http.MethodGet, "repos/"+o.loginSegment()+"/"+escaped, nil)
	return o.MoveIn(err)
}

// movedPath is the end of the addresses that GitHub redirects to: by id, as its documentation
// has it, or by owner and name.
// https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects
var movedPath = regexp.MustCompile(`(?:^|/)(?:repositories/(\d{1,18})|repos/([^/]+)/([^/]+))$`)

// MoveIn returns the redirect that made a request about a repository fail, if one did.
func (o *Org) MoveIn(err error) (Move, bool) {
	var e *Error
	if !errors.As(err, &e) {
		return Move{}, false
	}
	match := movedPath.FindStringSubmatch(e.MovedTo)
	switch {
	case match == nil:
	case match[1] != "":
		id, _ := strconv.ParseInt(match[1], 10, 64)
		return Move{ID: id}, id != 0
	case strings.EqualFold(match[2], o.Name()), strings.EqualFold(match[2], o.login):
		return Move{Name: match[3]}, true
	}
	return Move{}, false
}
