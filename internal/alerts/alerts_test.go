package alerts_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

// The life of an issue: opened, closed an hour after all is well, reopened.
func TestLife(t *testing.T) {
	w := newWorld(t)
	r := w.replica(storetest.SQLite(t))
	r.poll(2)
	assert.Empty(t, w.issues(), "nothing is wrong")

	w.setOnline("build-1", false)
	r.poll(4) // offline for 15 minutes
	assert.Empty(t, w.issues())
	r.poll(1)
	assert.Empty(t, w.issues(), "one poll found it")
	r.poll(1)
	issue := w.issue()
	assert.Equal(t, "Runner group `platform` needs attention", issue.Title)
	assert.Equal(t, []string{"team:platform", "runner-health"}, issue.Labels)
	assert.Equal(t, "open", issue.State)
	assert.Contains(t, issue.Body, "Runner `build-1` is offline")
	assert.Contains(t, issue.Body, "\n  /runner-group runners-remove --team platform build-1\n")
	require.Len(t, w.mentions(), 1)
	assert.Contains(t, w.mentions()[0], "Runner `build-1` is offline")

	before := len(w.hub.Calls())
	r.alerts.Tick(t.Context())
	assert.Len(t, w.hub.Calls(), before, "nothing is asked while nothing changes")

	w.setOnline("build-1", true)
	r.poll(1)
	assert.Contains(t, w.issue().Body, "Nothing is wrong")
	assert.Equal(t, "open", w.issue().State)
	r.poll(11)
	assert.Equal(t, "open", w.issue().State, "55 minutes later")
	r.poll(1)
	assert.Equal(t, "closed", w.issue().State)

	w.setOnline("build-1", false)
	r.poll(6)
	assert.Equal(t, "open", w.issue().State, "it is the same issue")
	assert.Contains(t, w.issue().Body, "build-1")
	assert.Len(t, w.mentions(), 2)
}

// At most one comment an hour mentions the team, with all that is new.
func TestMentionedHourly(t *testing.T) {
	w := newWorld(t)
	r := w.replica(storetest.SQLite(t))
	r.poll(1)
	w.setOnline("build-1", false)
	r.poll(6)
	require.Len(t, w.mentions(), 1)

	w.setOnline("build-2", false)
	r.poll(6) // 30 minutes later build-2 is offline too, and so no runner is online
	assert.Contains(t, w.issue().Body, "build-2", "the body is up to date")
	assert.Contains(t, w.issue().Body, "No runner of the group is online")
	assert.Len(t, w.mentions(), 1)
	r.poll(5)
	assert.Len(t, w.mentions(), 1)
	r.poll(1) // an hour after the first
	require.Len(t, w.mentions(), 2)
	assert.Contains(t, w.mentions()[1], "build-2")
	assert.Contains(t, w.mentions()[1], "No runner of the group is online")
	assert.NotContains(t, w.mentions()[1], "build-1", "the team knows of it")
	r.poll(13)
	assert.Len(t, w.mentions(), 2, "nothing is new")
}

// What vanishes within two polls is nobody's business.
func TestFlapping(t *testing.T) {
	w := newWorld(t)
	r := w.replica(storetest.SQLite(t))
	r.poll(1)
	for range 4 {
		w.setOnline("build-1", false)
		r.poll(5) // the fifth finds it
		w.setOnline("build-1", true)
		r.poll(1)
	}
	assert.Empty(t, w.issues())
}

func TestPersons(t *testing.T) {
	// broken is a world in which build-1 is offline and the team was mentioned.
	broken := func(t *testing.T) (*world, *replica) {
		t.Helper()
		w := newWorld(t)
		r := w.replica(storetest.SQLite(t))
		r.poll(1)
		w.setOnline("build-1", false)
		r.poll(6)
		require.Len(t, w.mentions(), 1)
		return w, r
	}
	shut := func(w *world) {
		w.admin(func(r *ghsim.Repo) { r.Issues[0].SetState("closed", nil, w.now()) })
	}

	t.Run("close it", func(t *testing.T) {
		w, r := broken(t)
		shut(w)
		r.poll(15)
		assert.Equal(t, "closed", w.issue().State, "it stays closed")
		assert.Len(t, w.mentions(), 1)
		w.setOnline("build-2", false)
		r.poll(6)
		assert.Equal(t, "open", w.issue().State, "until something new is wrong")
		require.Len(t, w.mentions(), 2)
		assert.NotContains(t, w.mentions()[1], "`build-1` is offline")
	})
	t.Run("close it, and what it lists comes back", func(t *testing.T) {
		w, r := broken(t)
		shut(w)
		w.setOnline("build-1", true)
		r.poll(3)
		assert.Equal(t, "closed", w.issue().State)
		w.setOnline("build-1", false)
		r.poll(6)
		assert.Equal(t, "open", w.issue().State)
	})
	t.Run("rename it", func(t *testing.T) {
		w, r := broken(t)
		w.admin(func(r *ghsim.Repo) { r.Issues[0].Title = "Our builds" })
		w.setOnline("build-2", false)
		r.poll(6)
		assert.Equal(t, "Our builds", w.issue().Title)
		assert.Contains(t, w.issue().Body, "build-2")
	})
	t.Run("delete it", func(t *testing.T) {
		w, r := broken(t)
		w.admin(func(r *ghsim.Repo) { r.DeleteIssue(1) })
		r.poll(15)
		assert.Empty(t, w.issues())
		w.setOnline("build-2", false)
		r.poll(6)
		assert.Equal(t, 2, w.issue().Number)
		assert.Len(t, w.mentions(), 1)
	})
	t.Run("use another repository", func(t *testing.T) {
		w, r := broken(t)
		// Its issue of that number is somebody's.
		w.admin(func(r *ghsim.Repo) {
			r.Issues[0].Via, r.Issues[0].Author, r.Issues[0].Body, r.Issues[0].Title = nil, nil, "mine", "Mine"
			r.Issues[0].Comments, r.Issues[0].Labels = nil, nil
		})
		w.setOnline("build-2", false)
		r.poll(13)
		require.Len(t, w.issues(), 2)
		assert.Equal(t, "mine", w.issues()[0].Body)
		assert.Contains(t, w.issues()[1].Body, "build-2")
		assert.Len(t, w.issues()[1].Comments, 1)
	})
	t.Run("lock it", func(t *testing.T) {
		w, r := broken(t)
		w.admin(func(r *ghsim.Repo) { r.Issues[0].Locked = true })
		w.setOnline("build-2", false)
		r.poll(15)
		assert.Contains(t, w.issue().Body, "build-2", "its body is kept up to date")
		assert.Len(t, w.mentions(), 1)
		w.setOnline("build-1", true)
		w.setOnline("build-2", true)
		r.poll(13)
		assert.Equal(t, "closed", w.issue().State)
	})
	t.Run("rename the team", func(t *testing.T) {
		w, r := broken(t)
		w.hub.Update(func(st *ghsim.State) { st.Org("acme").Team("platform").Slug = "builders" })
		w.setOnline("build-2", false)
		r.poll(13)
		assert.Equal(t, []string{"team:builders", "runner-health"}, w.issue().Labels)
		comments := w.issue().Comments
		assert.Contains(t, comments[len(comments)-1].Body, "@acme/builders")
	})
	t.Run("release the group", func(t *testing.T) {
		w, r := broken(t)
		records, err := r.store.Records(t.Context(), r.orgID())
		require.NoError(t, err)
		require.NoError(t, r.store.DeleteRecord(t.Context(), records[0]))
		r.poll(14)
		assert.Equal(t, "closed", w.issue().State)
		assert.NotContains(t, w.issue().Body, "build-1")
	})
}

// Names of runners, repositories and teams are only for those who may read the repository.
func TestSecrecy(t *testing.T) {
	t.Run("repository", func(t *testing.T) {
		for _, visibility := range []string{"public", "internal"} {
			w := newWorld(t)
			r := w.replica(storetest.SQLite(t))
			w.admin(func(r *ghsim.Repo) { r.Visibility = visibility })
			w.setOnline("build-1", false)
			r.poll(8)
			assert.Empty(t, w.issues(), visibility)
			w.admin(func(r *ghsim.Repo) { r.Visibility = "private" })
			r.poll(1)
			assert.Len(t, w.mentions(), 1, "the repository is private now")

			w.admin(func(r *ghsim.Repo) { r.Visibility = visibility })
			w.setOnline("build-2", false)
			r.poll(20)
			assert.NotContains(t, w.issue().Body, "build-2")
			assert.Len(t, w.mentions(), 1)
		}
	})
	t.Run("team", func(t *testing.T) {
		w := newWorld(t)
		r := w.replica(storetest.SQLite(t))
		w.hub.Update(func(st *ghsim.State) { st.Org("acme").Team("platform").Privacy = "secret" })
		w.setOnline("build-1", false)
		r.poll(9)
		assert.Empty(t, w.issues())
		assert.Empty(t, w.labels(), "a label names the team too")
		w.hub.Update(func(st *ghsim.State) { st.Org("acme").Team("platform").Privacy = "closed" })
		r.poll(3)
		assert.Len(t, w.mentions(), 1)
	})
	t.Run("another team has its slug", func(t *testing.T) {
		w := newWorld(t)
		r := w.replica(storetest.SQLite(t))
		w.hub.Update(func(st *ghsim.State) { st.Org("acme").Team("platform").ID += 1000 })
		w.setOnline("build-1", false)
		r.poll(9)
		assert.Empty(t, w.issues())
	})
}

// A slug may be longer than a label.
func TestLongSlug(t *testing.T) {
	w := newWorld(t)
	r := w.replica(storetest.SQLite(t))
	slug := strings.Repeat("long-", 10) + "slug"
	w.hub.Update(func(st *ghsim.State) { st.Org("acme").Team("platform").Slug = slug })
	w.setOnline("build-1", false)
	r.poll(7)
	assert.Equal(t, []string{"runner-health"}, w.issue().Labels)
	assert.Contains(t, w.issue().Body, "--team "+slug)
}

func (w *world) labels() (names []string) {
	w.admin(func(r *ghsim.Repo) {
		for _, l := range r.Labels {
			names = append(names, l.Name)
		}
	})
	return names
}

// Text from outside mentions nobody and is no HTML.
func TestHostileNames(t *testing.T) {
	w := newWorld(t)
	r := w.replica(storetest.SQLite(t))
	w.hub.SetRunner("acme", "build-1", func(r *ghsim.Runner) { r.Name = "x`@acme/owners <img src=x> ```\n/runner-group group-delete" })
	r.poll(1)
	w.setOnline("x`@acme/owners <img src=x> ```\n/runner-group group-delete", false)
	r.poll(6)
	require.Len(t, w.mentions(), 1)
	assert.NotContains(t, w.mentions()[0], "@acme/owners")
	assert.NotContains(t, w.mentions()[0], "<img")
	assert.NotContains(t, w.issue().Body, "\n/runner-group group-delete")
	assert.Contains(t, w.issue().Body, "\n  ````\n", "the fence is longer than what the name has")
}

// Two servers at work at the same moment make one issue and one comment.
func TestReplicas(t *testing.T) {
	url := storetest.Postgres(t)
	w := newWorld(t)
	first := w.replica(url)
	second := w.replica(url)
	first.poll(1)
	w.setOnline("build-1", false)
	for range 8 {
		w.advance(interval)
		for _, r := range []*replica{first, second} {
			r.poller.Tick(t.Context())
		}
		var both sync.WaitGroup
		for _, r := range []*replica{first, second} {
			both.Go(func() { r.alerts.Tick(t.Context()) })
		}
		both.Wait()
	}
	assert.Len(t, w.mentions(), 1)
	w.setOnline("build-1", true)
	for range 13 {
		second.poll(1)
		first.alerts.Tick(t.Context())
	}
	assert.Equal(t, "closed", w.issue().State)
}

// A notice opens the issue, shares the comment of the hour, and lets the issue close later.
func TestNotify(t *testing.T) {
	w := newWorld(t)
	r := w.replica(storetest.SQLite(t))
	r.poll(1)
	team := w.teamID()
	require.NoError(t, r.alerts.Notify(t.Context(), r.orgID(), team, "The access of `api` ends on Friday. @acme/owners"))
	r.alerts.Tick(t.Context())
	require.Len(t, w.mentions(), 1)
	assert.Contains(t, w.mentions()[0], "The access of `api` ends on Friday.")
	assert.NotContains(t, w.mentions()[0], "@acme/owners")
	require.NoError(t, r.alerts.Notify(t.Context(), r.orgID(), team, "A trust expires."))
	w.setOnline("build-1", false)
	r.poll(11)
	require.Len(t, w.mentions(), 1, "within the hour")
	r.poll(1)
	require.Len(t, w.mentions(), 2)
	assert.Contains(t, w.mentions()[1], "A trust expires.")
	assert.Contains(t, w.mentions()[1], "build-1")
	w.setOnline("build-1", true)
	r.poll(14)
	assert.Equal(t, "closed", w.issue().State)
	require.NoError(t, r.alerts.Notify(t.Context(), r.orgID(), team, "One more."))
	r.alerts.Tick(t.Context())
	assert.Equal(t, "open", w.issue().State)
	assert.Len(t, w.mentions(), 3)
	w.advance(time.Hour)
	r.alerts.Tick(t.Context())
	assert.Equal(t, "closed", w.issue().State)
}

func (r *replica) orgID() (id int64) {
	r.hub.Update(func(st *ghsim.State) { id = st.Org("acme").ID })
	return id
}

func (w *world) teamID() (id int64) {
	w.hub.Update(func(st *ghsim.State) { id = st.Org("acme").Team("platform").ID })
	return id
}
