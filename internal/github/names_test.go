package github_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

func TestInvalidNamesAreNotSent(t *testing.T) {
	f := newFake(t)
	app := newApp(t, f.URL)
	org := app.Org("acme", 77, "runner-admin")
	of := func(name string) *github.Org { return app.Org(name, 0, "runner-admin") }
	uses := map[string]func(context.Context, string) error{
		"org":              func(ctx context.Context, n string) error { _, err := of(n).Groups(ctx); return err },
		"org installation": func(ctx context.Context, n string) error { _, err := of(n).Installation(ctx); return err },
		"admin repository": func(ctx context.Context, n string) error {
			_, err := app.Org("acme", 0, n+"/").AdminRepository(ctx)
			return err
		},
		"team":            func(ctx context.Context, n string) error { _, err := org.Team(ctx, n); return err },
		"maintainers":     func(ctx context.Context, n string) error { _, err := org.TeamMaintainers(ctx, n); return err },
		"membership":      func(ctx context.Context, n string) error { _, err := org.Membership(ctx, n); return err },
		"team membership": func(ctx context.Context, n string) error { _, err := org.TeamMembership(ctx, 1, n); return err },
		"membership by slug": func(ctx context.Context, n string) error {
			_, err := org.TeamMembershipBySlug(ctx, n, "ada")
			return err
		},
		"membership's login": func(ctx context.Context, n string) error { _, err := org.TeamMembershipBySlug(ctx, "t", n); return err },
		"team of repository": func(ctx context.Context, n string) error { _, err := org.TeamRepository(ctx, n, "api"); return err },
		"team repositories":  func(ctx context.Context, n string) error { _, err := org.TeamRepositories(ctx, n); return err },
		"repository":         func(ctx context.Context, n string) error { _, err := org.TeamRepository(ctx, "t", n); return err },
		"keys":               func(ctx context.Context, n string) error { _, err := org.UserKeys(ctx, n); return err },
		"code of the manifest": func(ctx context.Context, n string) error {
			_, err := github.ConvertManifest(ctx, github.Options{}, n)
			return err
		},
	}
	names := []string{
		"", ".", "..", "/", "x/../../y", "%2e%2e", "..%2f", "a b", "a\x00b", "a\nb", "a?b=c", "a#b", "a;b", `a\b`, "é", "ａcme", "a\u202eb",
		"\xff", strings.Repeat("a", 10_000), "a:b", "a@b", "{}", "*",
		"ent:", "ent:ent:a", "ENT:a", "ent:a/b", "ent:..%2f", "enterprise:a",
	}
	for use, call := range uses {
		for _, name := range names {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			err := call(ctx, name)
			cancel()
			assert.Equal(t, github.Invalid, github.KindOf(err), "%s %q", use, name)
			assert.Less(t, len(err.Error()), 600, use)
		}
	}
	assert.Empty(t, f.all(), "nothing was sent")
}
