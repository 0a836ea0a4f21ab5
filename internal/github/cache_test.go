package github_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/rcrowley/go-metrics"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

func TestReadsAreConditional(t *testing.T) {
	s := newSim(t)
	registry := metrics.NewRegistry()
	app := newApp(t, s.url, func(o *github.Options) { o.Registry = registry })
	org := app.Org("acme", 0, "runner-admin")
	ctx := t.Context()
	team, _, web, group := s.ids()
	read := func() []ghsim.Call {
		s.ResetCalls()
		_, err := org.Team(ctx, "platform")
		require.NoError(t, err)
		_, err = org.TeamMembership(ctx, team, "ada")
		require.NoError(t, err)
		_, err = org.TeamMaintainers(ctx, "platform")
		require.NoError(t, err)
		_, err = org.TeamRepository(ctx, "platform", "api")
		require.NoError(t, err)
		_, err = org.Group(ctx, group)
		require.NoError(t, err)
		_, err = org.GroupRepositories(ctx, group)
		require.NoError(t, err)
		_, err = org.GroupRunners(ctx, group)
		require.NoError(t, err)
		return s.Calls()
	}
	charged := func(calls []ghsim.Call) (n int) {
		for _, c := range calls {
			if c.Charged && c.Auth == "installation" {
				n++
			}
		}
		return n
	}
	require.NoError(t, org.Warm(ctx))
	assert.Equal(t, 7, charged(read()))
	left := app.RateRemaining()[77]
	assert.Positive(t, left)
	second := read()
	assert.Len(t, second, 7, "every read is sent again")
	assert.Zero(t, charged(second), "and is not charged")
	assert.Equal(t, left, app.RateRemaining()[77])
	assert.Equal(t, int64(7), registry.Get("github.304").(metrics.Counter).Count())
	assert.Equal(t, int64(7), registry.Get("github.requests.cached").(metrics.Counter).Count())
	assert.NotNil(t, registry.Get("github.rate.remaining[installation:77]"))

	// A write is visible at once, whether it was ours or not.
	require.NoError(t, org.AddGroupRepository(ctx, group, web))
	repos, err := org.GroupRepositories(ctx, group)
	require.NoError(t, err)
	assert.Len(t, repos, 2)
	s.Update(func(st *ghsim.State) { st.Org("acme").Group("platform").Repos = nil })
	repos, err = org.GroupRepositories(ctx, group)
	require.NoError(t, err)
	assert.Empty(t, repos)
}

func TestUncachedRequests(t *testing.T) {
	s := newSim(t)
	app := newApp(t, s.url)
	org := app.Org("acme", 0, "runner-admin")
	ctx := t.Context()
	for range 2 {
		_, err := app.User(ctx, "ghp_ada")
		require.NoError(t, err)
		_, err = org.AdminRepository(ctx)
		require.NoError(t, err)
	}
	for _, c := range s.Calls() {
		assert.NotEqual(t, http.StatusNotModified, c.Status, c)
	}
	assert.NotContains(t, app.RateRemaining(), int64(0), "a user's rate limit is not recorded")
}

func TestCacheControlIsIgnored(t *testing.T) {
	f := newFake(t)
	f.on("GET /orgs/acme/actions/runner-groups/5", 200, `{"id":5}`, "Cache-Control", "private, max-age=600, s-maxage=600", "Etag", `"1"`, "Vary", "Authorization")
	f.on("GET /orgs/acme/actions/runner-groups/6", 404, `{"message":"Not Found"}`, "Cache-Control", "private, max-age=600", "Etag", `"1"`)
	org := newApp(t, f.URL).Org("acme", 0, "")
	for range 2 {
		_, err := org.Group(t.Context(), 5)
		require.NoError(t, err)
		_, err = org.Group(t.Context(), 6)
		assert.Equal(t, github.NotFound, github.KindOf(err))
	}
	asked := f.calls()
	require.Len(t, asked, 4)
	assert.Equal(t, `"1"`, asked[2].header.Get("If-None-Match"))
	assert.Empty(t, asked[3].header.Get("If-None-Match"), "refusals are not stored")
}

// If GitHub answers 304, nothing is decoded again. If the answer changed, the new one is
// decoded.
func TestUnchangedAnswersAreDecodedOnce(t *testing.T) {
	f := newFake(t)
	const path = "GET /orgs/acme/actions/runner-groups"
	answer := func(etag, body string) {
		f.handle(path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Etag", etag)
			if r.Header.Get("If-None-Match") == etag {
				w.WriteHeader(http.StatusNotModified)
				return
			}
			fmt.Fprint(w, body)
		})
	}
	org := newApp(t, f.URL).Org("acme", 0, "")
	groups := func() []github.Group {
		t.Helper()
		list, err := org.Groups(t.Context())
		require.NoError(t, err)
		return list
	}
	answer(`"1"`, `{"runner_groups":[{"id":1,"name":"a"},{"id":2,"name":"b"}]}`)
	first := groups()
	require.Len(t, first, 2)
	first[0].Name = "changed by a caller"
	_ = append(first[:1], github.Group{ID: 9})
	assert.Equal(t, []string{"a", "b"}, []string{groups()[0].Name, groups()[1].Name}, "callers do not share")
	allocs := testing.AllocsPerRun(20, func() { groups() })

	var many []string
	for i := range 99 { // a full page would have a second one
		many = append(many, fmt.Sprintf(`{"id":%d,"name":"n%d"}`, i+1, i))
	}
	answer(`"2"`, `{"runner_groups":[`+strings.Join(many, ",")+`]}`)
	require.Len(t, groups(), 99, "a changed answer is decoded")
	assert.Less(t, testing.AllocsPerRun(20, func() { groups() }), allocs+50, "a hundred groups cost no more than two")
	answer(`"1"`, `{"runner_groups":[]}`)
	assert.Empty(t, groups(), "an old ETag does not bring back its value")
}

// ETags are compared weakly, as If-None-Match is: a gateway that compresses bodies weakens those
// of answers that have one, and not that of a 304.
func TestWeakETags(t *testing.T) {
	f := newFake(t)
	f.handle("GET /orgs/acme/actions/runner-groups/5", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-None-Match") == `W/"1"` {
			w.Header().Set("Etag", `"1"`)
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("Etag", `W/"1"`)
		fmt.Fprint(w, `{"id":5,"name":"p"}`)
	})
	org := newApp(t, f.URL).Org("acme", 0, "")
	for range 3 {
		group, err := org.Group(t.Context(), 5)
		require.NoError(t, err)
		assert.Equal(t, "p", group.Name)
	}
	assert.Len(t, f.calls(), 3, "what GitHub confirmed is not got again")
}

// Without an ETag an answer cannot be distinguished from another user's, so its body stays with its headers.
func TestAnswersWithoutETag(t *testing.T) {
	f := newFake(t)
	const modified = "Fri, 02 Jan 2026 03:04:05 GMT"
	f.handle("GET /orgs/acme/actions/runner-groups/5", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Last-Modified", modified)
		if r.Header.Get("If-Modified-Since") == modified {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		fmt.Fprint(w, `{"id":5,"name":"p"}`)
	})
	org := newApp(t, f.URL).Org("acme", 0, "")
	for range 3 {
		group, err := org.Group(t.Context(), 5)
		require.NoError(t, err)
		assert.Equal(t, "p", group.Name)
	}
	assert.Len(t, f.calls(), 3)
}
