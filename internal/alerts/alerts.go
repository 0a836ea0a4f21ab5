// Package alerts keeps one issue for each team in the admin repository while something is
// wrong with the team's runner group.
//
// [Alerts.Tick] compares what the polls of package fleet found with what is on record of the
// issues. For each team that differs, it takes the next step again and again until none is
// left: open the issue, edit it, mention the team, close it. Each step is recorded when GitHub
// has confirmed it. A step that was cut off is looked for before it is taken again.
package alerts

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/fleet"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github/pacing"
)

const (
	// sweepEvery is how often all teams are looked at, beside the calls of [Alerts.Wake].
	sweepEvery = 15 * time.Second
	// restEvery is the least time between two looks at all teams.
	restEvery = 200 * time.Millisecond
	// teamTimeout bounds the work for one team. The lease must outlast it.
	teamTimeout = 20 * time.Second
	leaseFor    = 30 * time.Second
	// settleFor is how long after an attempt to create an issue or a comment it is looked for:
	// GitHub's lists lag behind.
	settleFor = 15 * time.Second
	// mostSteps bounds the steps for one team in one look.
	mostSteps = 10

	retryAfter = time.Minute // after a failure
	// secretAfter is how long a team that is secret or gone is not looked at again.
	secretAfter = 10 * time.Minute
	// publicFor is how long the admin repository is taken for one that is not private. That it
	// is private is asked each time before something is written.
	publicFor = time.Minute
)

// Options are for [New]. All must be set.
type Options struct {
	Env *dispatch.Env
	// Wrote reports whether this App wrote an issue or a comment, of which GitHub says that an
	// App (0: none) and an author did.
	Wrote func(ctx context.Context, appID int64, login string) (bool, error)
	// Escape makes Markdown with text from outside in it fit for a comment, as in replies.
	Escape func(markdown string) string
	Logger zerolog.Logger
}

// Alerts keeps the issues. Its methods may be called concurrently, but for Tick.
type Alerts struct {
	o    Options
	log  zerolog.Logger
	wake chan struct{}

	mu    sync.Mutex
	found map[groupKey]string // digests of what the last polls found, if they found something

	// Only Tick uses these.
	later   map[teamKey]time.Time // when a team is looked at again
	public  map[int64]time.Time   // when an organization's admin repository was not private
	failing map[int64]bool        // organizations of which a failure was logged
}

type (
	teamKey  struct{ org, team int64 }
	groupKey struct{ org, group int64 }
)

// New returns Alerts. [Alerts.Run] makes them work.
func New(o Options) *Alerts {
	return &Alerts{
		o: o, log: o.Logger, wake: make(chan struct{}, 1), found: map[groupKey]string{},
		later: map[teamKey]time.Time{}, public: map[int64]time.Time{}, failing: map[int64]bool{},
	}
}

// Wake makes Run look at all teams soon: something may have changed.
func (a *Alerts) Wake() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// Observe calls Wake if a poll found something else than the one before. It is for
// [fleet.Options].Observe.
func (a *Alerts) Observe(_ context.Context, polled fleet.Polled) {
	if polled.Err != nil {
		return
	}
	var all strings.Builder
	for _, f := range polled.Findings {
		if f.Counts() {
			all.WriteString(keyOf(f) + f.Message + "\n")
		}
	}
	found := ""
	if all.Len() > 0 {
		found = digest(all.String())
	}
	key := groupKey{polled.OrgID, polled.Record.GroupID}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.found[key] == found {
		return
	}
	if found == "" {
		delete(a.found, key)
	} else {
		a.found[key] = found
	}
	a.Wake()
}

// Notify implements [dispatch.Env].Notify.
func (a *Alerts) Notify(ctx context.Context, orgID, teamID int64, markdown string) error {
	err := a.o.Env.Store.AddNotice(ctx, orgID, teamID, markdown)
	a.Wake()
	return err
}

// Run works until ctx ends.
func (a *Alerts) Run(ctx context.Context) {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		a.Tick(ctx)
		rest := time.NewTimer(restEvery)
		select {
		case <-ctx.Done():
			rest.Stop()
			return
		case <-rest.C:
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-a.wake:
		}
	}
}

// Tick does what is due for all teams.
func (a *Alerts) Tick(ctx context.Context) {
	ctx = github.Background(github.WithCaller(a.log.WithContext(ctx), pacing.Caller{Kind: pacing.Background}))
	for _, org := range a.o.Env.Orgs {
		if org.GitHub.AdminRepo() == "" {
			continue
		}
		orgID, err := org.ID(ctx)
		if err == nil {
			err = a.tickOrg(ctx, org, orgID)
		}
		if err != nil && ctx.Err() == nil {
			a.log.Debug().Err(err).Str("org", org.Login).Msg("what is wrong with runner groups cannot be read; the next attempt is in a moment")
		}
	}
}

func (a *Alerts) tickOrg(ctx context.Context, org *dispatch.Org, orgID int64) error {
	teams, err := a.views(ctx, org, orgID, 0)
	if err != nil {
		return err
	}
	for _, v := range teams {
		key := teamKey{orgID, v.alert.TeamID}
		if now := a.o.Env.Now(); a.later[key].After(now) || v.next(now) == nothing {
			continue
		}
		wait := a.serve(ctx, v)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the server stops
		}
		if wait > 0 {
			a.later[key] = a.o.Env.Now().Add(wait)
		} else {
			delete(a.later, key)
		}
	}
	return nil
}

// serve takes the steps that are due for the team. It returns how long to leave the team
// alone afterwards.
func (a *Alerts) serve(ctx context.Context, v *view) time.Duration {
	lease := fmt.Sprintf("alert/%d/%d", v.orgID, v.alert.TeamID)
	st := a.o.Env.Store
	ok, err := st.Lease(ctx, lease, a.o.Env.Holder, leaseFor)
	if err != nil || !ok {
		return 0 // another server works on it
	}
	defer func() { _ = st.Release(context.WithoutCancel(ctx), lease, a.o.Env.Holder) }() // else it ends by itself
	bounded, cancel := context.WithTimeout(ctx, teamTimeout)
	defer cancel()
	wait, err := a.steps(bounded, v)
	if err == nil {
		a.failed(v, nil)
		return wait
	}
	if ctx.Err() == nil {
		a.failed(v, err)
	}
	var failure *github.Error
	if errors.As(err, &failure) {
		return max(failure.RetryAfter, retryAfter)
	}
	return retryAfter
}

// failed logs the first failure of an organization's issues, and that they work again.
func (a *Alerts) failed(v *view, err error) {
	was := a.failing[v.orgID]
	a.failing[v.orgID] = err != nil
	switch {
	case err != nil && !was:
		a.log.Warn().Err(err).Str("org", v.org.Login).Str("team", v.record.TeamSlug).
			Msg("the issue about a runner group cannot be kept up to date; the next attempt is in a minute")
	case err == nil && was:
		a.log.Info().Str("org", v.org.Login).Msg("the issues about runner groups are kept up to date again")
	}
}

// steps takes steps until none is due.
func (a *Alerts) steps(ctx context.Context, v *view) (wait time.Duration, err error) {
	for range mostSteps {
		views, err := a.views(ctx, v.org, v.orgID, v.alert.TeamID) // another server may have been at work
		if err != nil || len(views) == 0 {
			return 0, err
		}
		v = views[0]
		step := v.next(a.o.Env.Now())
		if step == nothing {
			return 0, nil
		}
		if wait, err = a.take(ctx, v, step); wait > 0 || err != nil {
			return wait, err
		}
	}
	return 0, nil
}

func (a *Alerts) take(ctx context.Context, v *view, step step) (wait time.Duration, err error) {
	if step == remember {
		return 0, a.put(ctx, v)
	}
	if wait := v.settling(step, a.o.Env.Now()); wait > 0 {
		return wait, nil
	}
	private, err := a.isPrivate(ctx, v)
	if err != nil || !private {
		return publicFor, err
	}
	if step == open || step == mention || step == edit {
		if shown, err := a.resolveTeam(ctx, v); err != nil || !shown {
			return secretAfter, err
		}
	}
	switch step {
	case open:
		return 0, a.open(ctx, v)
	case edit:
		return 0, a.edit(ctx, v)
	case mention:
		return 0, a.mention(ctx, v)
	case resume:
		return 0, a.resume(ctx, v)
	default:
		return 0, a.closeIssue(ctx, v)
	}
}

// isPrivate asks whether the admin repository is private: "internal" is not. One that was not
// private a moment ago is not asked about again.
func (a *Alerts) isPrivate(ctx context.Context, v *view) (bool, error) {
	now := a.o.Env.Now()
	at, was := a.public[v.orgID]
	if age := now.Sub(at); was && age >= 0 && age < publicFor {
		return false, nil
	}
	repo, err := v.org.GitHub.AdminRepository(ctx)
	if err != nil {
		return false, err
	}
	if repo.Visibility == "private" {
		delete(a.public, v.orgID)
		return true, nil
	}
	if !was {
		a.log.Warn().Str("org", v.org.Login).Str("repo", v.org.GitHub.AdminRepo()).
			Msg("alerts.issues is set, but the admin repository is not private: no issue is opened, edited or closed until it is")
	}
	a.public[v.orgID] = now
	return false, nil
}

// resolveTeam asks for the team by its id, and reports whether it exists and is not secret.
func (a *Alerts) resolveTeam(ctx context.Context, v *view) (shown bool, err error) {
	team, err := v.org.GitHub.TeamByID(ctx, v.record.TeamID)
	if github.KindOf(err) == github.NotFound { // also if this GitHub does not know that address
		team, err = v.org.GitHub.Team(ctx, v.record.TeamSlug)
	}
	switch {
	case github.KindOf(err) == github.NotFound:
		return false, nil
	case err != nil:
		return false, err
	}
	if team.ID != v.record.TeamID {
		return false, nil // another team has its slug now
	}
	if team.Slug != v.record.TeamSlug {
		if err := a.o.Env.Store.SetSlug(ctx, v.orgID, team.ID, team.Slug); err != nil {
			return false, err
		}
		v.record.TeamSlug = team.Slug
	}
	return team.Privacy != "secret", nil
}
