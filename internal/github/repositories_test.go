package github_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/config"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

func TestPermissionAtLeast(t *testing.T) {
	all := append([]string{"", "none"}, github.Permissions()...)
	for need, least := range map[string]int{"pull": 2, "triage": 3, "push": 4, "maintain": 5, "admin": 6, "": 6, "owner": 6} {
		for i, permission := range all {
			assert.Equal(t, i >= least, github.PermissionAtLeast(permission, need), "%q for %q", permission, need)
		}
	}
}

// A struct tag cannot refer to a constant, so the one of policy.repoPermission repeats the
// list.
func TestConfigurationHasTheSamePermissions(t *testing.T) {
	field, ok := reflect.TypeOf(config.Config{}.Policy).FieldByName("RepoPermission")
	require.True(t, ok)
	assert.Equal(t, github.Permissions(), strings.Split(field.Tag.Get("enum"), ","))
}
