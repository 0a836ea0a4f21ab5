// Package requests ends requests that nobody decided, finishes what a server began to approve
// before it was stopped, and posts the outcome of each where it was requested.
package requests

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github/pacing"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

const (
	// sweepEvery is how often the database is asked for what is due.
	sweepEvery = 5 * time.Second
	// heldFor is how long a call may need to carry out a request: more than any deadline of one.
	// The queue runs a comment's call again within resumedFor, and within heldFor of a start.
	heldFor    = 2 * time.Minute
	resumedFor = time.Hour
	// tellAgainAfter is when the next attempt is made to tell an outcome, and tellFor how long
	// after the decision the last one.
	tellAgainAfter = time.Minute
	tellFor        = 7 * 24 * time.Hour
)

// Options is what a Keeper is made of.
type Options struct {
	Env *dispatch.Env
	// Wrote reports whether this App wrote a comment.
	Wrote func(ctx context.Context, appID int64, login string) (bool, error)
	// Escape makes Markdown with text from outside in it fit for a comment.
	Escape func(markdown string) string
	Logger zerolog.Logger
}

// A Keeper does what is due for requests. Several servers may do so at once.
type Keeper struct {
	o     Options
	wake  chan struct{}
	since time.Time
}

// New returns a keeper.
func New(o Options) *Keeper { return &Keeper{o: o, wake: make(chan struct{}, 1), since: o.Env.Now()} }

// Wake has the keeper look at once.
func (k *Keeper) Wake() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// Run works until ctx ends.
func (k *Keeper) Run(ctx context.Context) {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		k.Tick(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-k.wake:
		}
	}
}

// Tick does what is due.
func (k *Keeper) Tick(ctx context.Context) {
	ctx = github.Background(github.WithCaller(k.o.Logger.WithContext(ctx), pacing.Caller{Kind: pacing.Background}))
	for _, step := range []func(context.Context) error{k.expire, k.finish, k.tell} {
		if err := step(ctx); err != nil && ctx.Err() == nil {
			k.o.Logger.Warn().Err(err).Msg("requests cannot be kept up to date; the next attempt is in a moment")
		}
	}
}

func (k *Keeper) expire(ctx context.Context) error {
	_, err := k.o.Env.Store.ExpireRequests(ctx)
	return err
}

// finish ends what calls began to carry out and did not end, by what GitHub has of it.
func (k *Keeper) finish(ctx context.Context) error {
	now := k.o.Env.Now()
	if now.Sub(k.since) < heldFor {
		return nil // the queue may be about to run it again
	}
	stuck, err := k.o.Env.Store.StuckRequests(ctx, now.Add(-heldFor))
	if err != nil {
		return err
	}
	var failed error
	for _, r := range stuck {
		if err := k.finishOne(ctx, r); err != nil {
			failed = fmt.Errorf("request %d: %w", r.Number, err) // the others do not wait for it
		}
	}
	return failed
}

func (k *Keeper) finishOne(ctx context.Context, r store.Request) error {
	// calls of comments are on record, because the queue runs them again
	_, err := k.o.Env.Store.AttemptOf(ctx, r.Holder)
	if err == nil && k.o.Env.Now().Sub(r.HeldAt) < resumedFor {
		return nil
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	org := k.orgOf(ctx, r.OrgID)
	if org == nil {
		return nil
	}
	d, err := k.outcome(ctx, org, r)
	if err != nil {
		return err
	}
	d.Holder, d.By = r.Holder, r.DecidedBy
	_, err = k.o.Env.Store.MoveRequest(ctx, r.OrgID, r.Number, d)
	return err
}

// outcome says what became of a request that a server was stopped at: all of its repositories
// are attached, none, or some.
func (k *Keeper) outcome(ctx context.Context, org *dispatch.Org, r store.Request) (store.Decision, error) {
	if r.Kind != store.AccessRequest {
		return store.Decision{Event: store.FailRequest, Note: "The server was stopped while it ran the command. `audit-list` shows how far it came; repeating it is safe."}, nil
	}
	access, err := k.o.Env.Store.AccessOf(ctx, r.OrgID, r.GroupID)
	if err != nil {
		return store.Decision{}, err
	}
	repos, err := org.GitHub.GroupRepositories(ctx, r.GroupID)
	if github.KindOf(err) == github.NotFound {
		return store.Decision{Event: store.FailRequest, Note: "The runner group does not exist any more."}, nil
	}
	if err != nil {
		return store.Decision{}, err
	}
	var done, missing []string
	var ids []int64 // of what is on record and missing
	d := store.Decision{Event: store.ApproveRequest}
	for _, t := range r.TargetsOf("repo") {
		a := access[t.ID]
		if !slices.ContainsFunc(repos, func(repo github.Repository) bool { return repo.ID == t.ID }) {
			missing = append(missing, t.Name)
			if a.Request == r.Number {
				ids = append(ids, t.ID)
			}
			continue
		}
		if done = append(done, t.Name); a.Request == r.Number {
			d.Until = a.Until
		}
	}
	if err := k.o.Env.Store.DropAccess(ctx, r.OrgID, r.GroupID, ids...); err != nil {
		return store.Decision{}, err
	}
	switch {
	case len(missing) == 0:
		return d, nil
	case len(done) == 0:
		return store.Decision{Event: store.ReleaseRequest}, nil
	}
	return store.Decision{Event: store.FailRequest, Note: fmt.Sprintf("The server was stopped while it attached the repositories. Attached: %s. Not attached: %s. Request these again.",
		strings.Join(done, ", "), strings.Join(missing, ", "))}, nil
}

func (k *Keeper) orgOf(ctx context.Context, id int64) *dispatch.Org {
	for _, org := range k.o.Env.Orgs {
		if known, err := org.ID(ctx); err == nil && known == id {
			return org
		}
	}
	return nil
}

// tell posts the outcomes that were not posted yet.
func (k *Keeper) tell(ctx context.Context) error {
	untold, err := k.o.Env.Store.UntoldRequests(ctx)
	if err != nil {
		return err
	}
	for _, r := range untold {
		now := k.o.Env.Now()
		if ours, err := k.o.Env.Store.ClaimTelling(ctx, r, now.Add(tellAgainAfter)); err != nil {
			return err
		} else if !ours {
			continue
		}
		err := k.tellOne(ctx, r)
		if permanent(err) || err != nil && now.Sub(r.DecidedAt) > tellFor {
			k.o.Logger.Warn().Err(err).Int64("request", r.Number).Int("issue", r.Source.Issue).Msg("the outcome of a request cannot be posted on its issue")
			err = nil
		}
		if err != nil {
			if ctx.Err() == nil {
				k.o.Logger.Warn().Err(err).Int64("request", r.Number).Msg("the outcome of a request is posted later")
			}
			continue
		}
		if err := k.o.Env.Store.Told(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// permanent reports whether another attempt will not help: the issue was deleted, or takes no
// comments.
func permanent(err error) bool {
	switch github.KindOf(err) {
	case github.NotFound, github.Closed, github.Invalid:
		return true
	}
	return false
}

func (k *Keeper) tellOne(ctx context.Context, r store.Request) error {
	org := k.orgOf(ctx, r.OrgID)
	if org == nil || org.GitHub.AdminRepo() != r.Source.Repo {
		return nil // nobody can be told there any more
	}
	if r.Tells > 0 { // an earlier attempt may have posted it
		if posted, err := k.isPosted(ctx, org, r); err != nil || posted {
			return err
		}
	}
	_, err := org.GitHub.CreateComment(ctx, r.Source.Issue, k.text(org, r))
	return err
}

func (k *Keeper) isPosted(ctx context.Context, org *dispatch.Org, r store.Request) (bool, error) {
	comments, err := org.GitHub.Comments(ctx, r.Source.Issue, time.Time{}) // GitHub's clock may differ
	if err != nil {
		return false, err
	}
	for _, c := range comments {
		if !strings.Contains(c.Body, marker(r)) {
			continue
		}
		if ours, err := k.o.Wrote(ctx, c.AppID, c.UserLogin); err != nil || ours {
			return ours, err
		}
	}
	return false, nil
}
