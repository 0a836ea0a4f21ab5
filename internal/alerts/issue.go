package alerts

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

const (
	healthLabel = "runner-health"
	// maxLabel is how many characters GitHub takes in the name of a label.
	maxLabel = 50
)

func teamLabel(slug string) string { return "team:" + slug }

// put records the alert. notices are the ids of those that were passed on.
func (a *Alerts) put(ctx context.Context, v *view, notices ...string) error {
	// What GitHub did is recorded even if the time is up.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaseFor-teamTimeout)
	defer cancel()
	return a.o.Env.Store.PutAlert(ctx, v.alert, notices...)
}

// look asks for the issue as it is now. It reports false, and records it, if somebody closed
// or deleted it.
func (a *Alerts) look(ctx context.Context, v *view) (issue github.Issue, there bool, err error) {
	issue, err = v.org.GitHub.Issue(ctx, v.alert.Issue)
	switch {
	case github.KindOf(err) == github.NotFound:
		// Deleted or moved, unless GitHub does not show us the repository at all.
		if _, err := v.org.GitHub.AdminRepository(ctx); err != nil {
			return issue, false, err
		}
		v.gone(true)
		return issue, false, a.put(ctx, v)
	case err != nil:
		return issue, false, err
	}
	ours, err := a.isOurs(ctx, v, issue)
	switch {
	case err != nil:
		return issue, false, err
	case !ours: // another repository is the admin repository now
		v.alert.Issue, v.alert.Open, v.alert.State = 0, false, store.AlertState{}
	case v.alert.Open && issue.State == github.IssueClosed:
		v.gone(false)
	default:
		return issue, true, nil
	}
	return issue, false, a.put(ctx, v)
}

// isOurs reports whether this App wrote the issue for the team. People may have edited it.
func (a *Alerts) isOurs(ctx context.Context, v *view, issue github.Issue) (bool, error) {
	if strings.Contains(issue.Body, markerPrefix) && !strings.Contains(issue.Body, v.marker()) {
		return false, nil
	}
	return a.o.Wrote(ctx, issue.AppID, issue.UserLogin)
}

// open reopens the issue, or finds or creates it.
func (a *Alerts) open(ctx context.Context, v *view) error {
	if v.alert.Issue != 0 {
		issue, there, err := a.look(ctx, v)
		if err != nil || !there {
			return err
		}
		return a.write(ctx, v, issue, github.IssueOpen)
	}
	found, err := a.find(ctx, v)
	if err != nil {
		return err
	}
	if found.Number == 0 {
		for _, name := range v.labels() {
			if err := v.org.GitHub.EnsureLabel(ctx, github.Label{Name: name, Color: "d93f0b"}); err != nil {
				return err
			}
		}
		v.alert.State.CreatingAt = a.o.Env.Now()
		if err := a.put(ctx, v); err != nil {
			return err
		}
		found, err = v.org.GitHub.CreateIssue(ctx, github.NewIssue{Title: v.title(), Body: v.body(), Labels: v.labels()})
		if err != nil {
			return err
		}
		v.wrote()
	}
	v.alert.Issue, v.alert.Open, v.alert.State.CreatingAt = found.Number, found.State == github.IssueOpen, time.Time{}
	return a.put(ctx, v)
}

// labels are those of the issue. If the team's slug is too long for a label, commands in the
// issue need --team, as the lines in it have.
func (v *view) labels() []string {
	if label := teamLabel(v.record.TeamSlug); len(label) <= maxLabel {
		return []string{label, healthLabel}
	}
	return []string{healthLabel}
}

// find looks for an issue of the team that this App created and that is not on record. The
// number is 0 if there is none.
func (a *Alerts) find(ctx context.Context, v *view) (github.Issue, error) {
	issues, err := v.org.GitHub.FindIssues(ctx, github.IssueFilter{Labels: v.labels()})
	if err != nil {
		return github.Issue{}, err
	}
	for _, issue := range issues {
		if !strings.Contains(issue.Body, v.marker()) {
			continue
		}
		if ours, err := a.o.Wrote(ctx, issue.AppID, issue.UserLogin); err != nil || ours {
			return issue, err
		}
	}
	return github.Issue{}, nil
}

func (a *Alerts) edit(ctx context.Context, v *view) error {
	issue, there, err := a.look(ctx, v)
	if err != nil || !there {
		return err
	}
	return a.write(ctx, v, issue, "")
}

// write brings the issue up to date. state is the one to set; "": as it is.
func (a *Alerts) write(ctx context.Context, v *view, issue github.Issue, state string) error {
	change := github.IssueChange{Body: v.body(), State: state}
	if title := v.title(); title != v.alert.State.Title { // else it may be somebody's own
		change.Title = title
	}
	if missing := slices.ContainsFunc(v.labels(), func(l string) bool { return !issue.HasLabel(l) }); missing || v.alert.State.Slug != v.record.TeamSlug {
		change.Labels = v.labels()
		for _, label := range issue.Labels {
			if label != teamLabel(v.alert.State.Slug) && !slices.Contains(change.Labels, label) {
				change.Labels = append(change.Labels, label)
			}
		}
	}
	issue, err := v.org.GitHub.EditIssue(ctx, v.alert.Issue, change)
	if err != nil {
		return err
	}
	v.wrote()
	v.alert.Open = issue.State == github.IssueOpen
	return a.put(ctx, v)
}

func (a *Alerts) closeIssue(ctx context.Context, v *view) error {
	_, there, err := a.look(ctx, v)
	if err != nil || !there {
		return err
	}
	change := github.IssueChange{State: github.IssueClosed}
	if v.record.TeamID == 0 { // what the body lists was not brought up to date
		change.Body = "The team owns no runner group any more.\n\n" + v.marker() + "\n"
		v.alert.State.Digest, v.alert.State.Shown = "", nil
	}
	if _, err := v.org.GitHub.EditIssue(ctx, v.alert.Issue, change); err != nil {
		return err
	}
	v.alert.Open = false
	return a.put(ctx, v)
}

// mention posts a comment with all that is new.
func (a *Alerts) mention(ctx context.Context, v *view) error {
	if _, there, err := a.look(ctx, v); err != nil || !there {
		return err
	}
	v.alert.State.Pending = &store.AlertComment{ID: rand.Text()}
	return a.post(ctx, v)
}

// resume finishes a comment: the attempt to post it was cut off.
func (a *Alerts) resume(ctx context.Context, v *view) error {
	if _, there, err := a.look(ctx, v); err != nil || !there && v.alert.Issue == 0 {
		return err
	}
	pending := v.alert.State.Pending
	comments, err := v.org.GitHub.Comments(ctx, v.alert.Issue, time.Time{}) // GitHub's clock may differ
	if err != nil {
		return err
	}
	for _, c := range comments {
		if !strings.Contains(c.Body, commentMarker(pending.ID)) {
			continue
		}
		switch ours, err := a.o.Wrote(ctx, c.AppID, c.UserLogin); {
		case err != nil:
			return err
		case ours:
			return a.posted(ctx, v)
		}
	}
	if !v.alert.Open || len(v.news())+len(v.notices) == 0 {
		v.alert.State.Pending = nil // nothing is left to say, or nobody wants to hear it
		return a.put(ctx, v)
	}
	switch shown, err := a.resolveTeam(ctx, v); {
	case err != nil:
		return err
	case !shown:
		v.alert.State.Pending = nil
		return a.put(ctx, v)
	}
	return a.post(ctx, v)
}

// post posts the pending comment, with all that is new now.
func (a *Alerts) post(ctx context.Context, v *view) error {
	pending, news := v.alert.State.Pending, v.news()
	pending.At = a.o.Env.Now()
	v.alert.MentionedAt = pending.At
	pending.Keys, pending.Notices = nil, nil
	for _, f := range news {
		pending.Keys = append(pending.Keys, keyOf(f))
	}
	for _, n := range v.notices {
		pending.Notices = append(pending.Notices, n.ID)
	}
	if err := a.put(ctx, v); err != nil {
		return err
	}
	_, err := v.org.GitHub.CreateComment(ctx, v.alert.Issue, v.comment(news))
	if github.KindOf(err) == github.Closed { // the issue is locked, or has too many comments
		a.log.Warn().Err(err).Str("org", v.org.Login).Str("team", v.record.TeamSlug).Int("issue", v.alert.Issue).
			Msg("the issue about the team's runner group takes no comment, so the team was not mentioned; unlock the issue, or delete it so that the next finding opens a new one")
		err = nil
	}
	if err != nil {
		return err
	}
	return a.posted(ctx, v)
}

// posted records that the pending comment was posted.
func (a *Alerts) posted(ctx context.Context, v *view) error {
	pending := v.alert.State.Pending
	v.learn(pending.Keys)
	v.alert.State.Pending = nil
	if len(v.findings) == 0 {
		v.alert.ClearSince = a.o.Env.Now() // the notice is to be seen for a while
	}
	return a.put(ctx, v, pending.Notices...)
}
