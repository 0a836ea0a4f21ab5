package alerts

import (
	"fmt"
	"slices"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

const (
	// mentionEvery is the least time between two comments that mention a team.
	mentionEvery = time.Hour
	// closeAfter is how long nothing must have been wrong before an issue is closed.
	closeAfter = time.Hour
)

// A step is what is done about a team's issue next.
type step int

const (
	nothing  step = iota
	remember      // only record what changed
	open          // create the issue, or reopen it
	edit          // write its body again
	mention       // post a comment that mentions the team
	resume        // finish a comment that may have been posted or not
	shut          // close the issue
)

// A view is all that is known of a team.
type view struct {
	a        *Alerts
	org      *dispatch.Org
	orgID    int64
	record   store.Record // zero: the team owns no group
	alert    store.Alert
	findings []store.Finding // that count, of severity warning and critical
	notices  []store.Notice
	removals []store.Removal
}

// keyOf names a finding in the record of an alert.
func keyOf(f store.Finding) string { return fmt.Sprintf("%d/%s/%d", f.GroupID, f.Kind, f.SubjectID) }

func (v *view) keys() []string {
	keys := make([]string, 0, len(v.findings))
	for _, f := range v.findings {
		keys = append(keys, keyOf(f))
	}
	return keys
}

// news returns the findings of which the team does not know.
func (v *view) news() []store.Finding {
	known := make(map[string]bool, len(v.alert.State.Known))
	for _, key := range v.alert.State.Known {
		known[key] = true
	}
	var news []store.Finding
	for _, f := range v.findings {
		if !known[keyOf(f)] {
			news = append(news, f)
		}
	}
	return news
}

// learn adds to the findings of which the team knows.
func (v *view) learn(keys []string) {
	known := append(slices.Clone(v.alert.State.Known), keys...)
	slices.Sort(known)
	v.alert.State.Known = slices.Compact(known)
}

// next returns the step that is due.
func (v *view) next(now time.Time) step {
	changed := v.update(now)
	wants := v.record.TeamID != 0 && (len(v.news()) > 0 || len(v.notices) > 0)
	switch {
	case v.alert.Issue != 0 && v.alert.State.Pending != nil:
		return resume
	case !v.alert.Open && wants:
		return open
	case v.alert.Open && v.record.TeamID != 0 && v.isStale():
		return edit
	case v.alert.Open && wants && now.Sub(v.alert.MentionedAt) >= mentionEvery:
		return mention
	case v.alert.Open && !wants && !v.alert.ClearSince.IsZero() && now.Sub(v.alert.ClearSince) >= closeAfter:
		return shut
	case changed:
		return remember
	}
	return nothing
}

// update forgets findings that are resolved, notes since when nothing is wrong, and reports
// whether that is to be recorded.
func (v *view) update(now time.Time) (changed bool) {
	there := make(map[string]bool, len(v.findings))
	for _, key := range v.keys() {
		there[key] = true
	}
	known := slices.DeleteFunc(slices.Clone(v.alert.State.Known), func(key string) bool { return !there[key] })
	if len(known) != len(v.alert.State.Known) {
		v.alert.State.Known, changed = known, true
	}
	switch healthy := len(v.findings) == 0; {
	case healthy && v.alert.ClearSince.IsZero() && v.alert.Issue != 0:
		v.alert.ClearSince, changed = now, true
	case !healthy && !v.alert.ClearSince.IsZero():
		v.alert.ClearSince, changed = time.Time{}, true
	}
	return changed
}

// settling returns how long to wait until an attempt that was cut off can be looked for.
func (v *view) settling(step step, now time.Time) time.Duration {
	var began time.Time
	switch s := v.alert.State; {
	case step == open && v.alert.Issue == 0:
		began = s.CreatingAt
	case step == resume:
		began = s.Pending.At
	}
	if elapsed := now.Sub(began); !began.IsZero() && elapsed >= 0 {
		return settleFor - elapsed
	}
	return 0
}

// isStale reports whether the issue does not say what it should.
func (v *view) isStale() bool {
	s := v.alert.State
	return s.Digest != digest(v.body()) || s.Title != v.title() || s.Slug != v.record.TeamSlug
}

// wrote notes what was written to the issue.
func (v *view) wrote() {
	s := &v.alert.State
	s.Digest, s.Title, s.Slug, s.Shown = digest(v.body()), v.title(), v.record.TeamSlug, v.keys()
}

// gone notes that somebody closed or deleted the issue: what it listed is known.
func (v *view) gone(deleted bool) {
	v.learn(v.alert.State.Shown)
	v.alert.Open = false
	if deleted {
		v.alert.Issue, v.alert.State.Pending = 0, nil
	}
}
