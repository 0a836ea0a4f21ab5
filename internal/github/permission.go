package github

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
)

// A UserPermission is what a person may do in a repository, by whatever way they got it.
type UserPermission struct {
	UserID     int64  // 0 if GitHub's answer contains no user
	Permission string // one of [Permissions]; empty: nothing
}

// UserPermission gets a person's permission on a repository. It fails with NotFound if the
// repository does not exist or was renamed, or if there is no such person. The same requests
// are sent for a repository that exists as for one that does not, so no redirect is followed.
func (o *Org) UserPermission(ctx context.Context, repo, user string) (UserPermission, error) {
	op := fmt.Sprintf("get the permission of %.100q on %s/%.100s", user, o.login, strconv.QuoteToASCII(repo))
	escaped, err := repoName(repo)
	if err != nil {
		return UserPermission{}, o.app.failed(op, err)
	}
	if user, err = login(user); err != nil {
		return UserPermission{}, o.app.failed(op, err)
	}
	s, err := o.session(ctx)
	if err != nil {
		return UserPermission{}, err
	}
	path := fmt.Sprintf("repos/%s/%s/collaborators/%s/permission", o.loginSegment(), escaped, user)
	answer, _, err := send[permissionAnswer](context.WithValue(ctx, stayKey{}, true), s.main, http.MethodGet, path, nil)
	if err != nil {
		return UserPermission{}, o.app.failed(op, err)
	}
	return UserPermission{UserID: answer.User.ID, Permission: answer.highest()}, nil
}

// A permissionAnswer has the base permission (admin, write, read or none) and the role, which
// may be one that the organization made. The base of maintain is write, that of triage read:
// https://docs.github.com/en/rest/collaborators/collaborators#get-repository-permissions-for-a-user
type permissionAnswer struct {
	Permission string `json:"permission"`
	RoleName   string `json:"role_name"`
	User       struct {
		ID int64 `json:"id"`
	} `json:"user"`
}

func (a permissionAnswer) highest() string {
	base := repositoryAnswer{RoleName: a.Permission}.permission()
	if role := (repositoryAnswer{RoleName: a.RoleName}).permission(); role != "" && PermissionAtLeast(role, base) {
		return role
	}
	return base
}
