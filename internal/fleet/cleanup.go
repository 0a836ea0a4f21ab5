package fleet

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

const (
	// mostRemoved is how many runners of a group are removed in an hour.
	mostRemoved = 20
	// removeTimeout bounds the removal of one runner, most of which waits for other commands
	// on the group.
	removeTimeout = 20 * time.Second
	// removeCommand is the command that removes runners.
	removeCommand = "runners-remove"
	// serverLogin is the caller of what the server does by itself, in the audit.
	serverLogin = "server"
)

// A Cleaner removes runners that were offline for too long, by policy.removeOffline.
type Cleaner struct {
	Dispatch func(context.Context, dispatch.Request) (dispatch.Result, error)
	Store    *store.Store
	Now      func() time.Time
}

// Observe removes the runners of a group that a poll has shown offline for too long. It is for
// [Options].Observe.
func (c *Cleaner) Observe(ctx context.Context, polled Polled) {
	after := polled.Org.Policy.RemoveOffline
	if polled.Err != nil || polled.Poll.Group.Deleted || after <= 0 {
		return
	}
	for _, runner := range removable(polled, after) {
		if goOn := c.remove(ctx, polled, runner); !goOn {
			return
		}
	}
}

// removable returns the runners that are to be removed, those first that are offline longest.
// One runner of the group always stays.
func removable(polled Polled, after time.Duration) []store.Runner {
	var due []store.Runner
	for _, r := range polled.Runners {
		if !r.Online && !r.Busy && !r.WatchedSince.IsZero() && polled.Poll.At.Sub(r.WatchedSince) >= after {
			due = append(due, r)
		}
	}
	slices.SortStableFunc(due, func(a, b store.Runner) int { return a.OfflineSince.Compare(b.OfflineSince) })
	if len(due) == len(polled.Runners) && len(due) > 0 {
		due = due[:len(due)-1]
	}
	return due
}

// remove removes one runner, and reports whether others may be removed now.
func (c *Cleaner) remove(ctx context.Context, polled Polled, runner store.Runner) bool {
	log := zerolog.Ctx(ctx).With().Str("org", polled.Org.Login).Str("team", polled.Record.TeamSlug).Str("runner", runner.Name).Logger()
	if refusal := stillRemovable(ctx, polled, runner); refusal != nil {
		return dispatch.ReasonOf(refusal) == dispatch.ReasonRunnerBusy
	}
	now := c.Now()
	removal := store.Removal{
		OrgID: polled.OrgID, GroupID: polled.Record.GroupID, RunnerID: runner.ID, Name: runner.Name,
		OfflineSince: runner.OfflineSince, At: now,
	}
	ok, err := c.Store.BeginRemoval(ctx, removal, now.Add(-time.Hour), mostRemoved)
	if err != nil {
		log.Warn().Err(err).Msg("an offline runner cannot be removed now; the next poll tries again")
	}
	if err != nil || !ok {
		return false
	}
	_, err = c.Dispatch(ctx, dispatch.Request{
		ID: "schedule/" + rand.Text(), Channel: dispatch.Schedule, Command: removeCommand, Org: polled.Org.Login,
		Caller: dispatch.Principal{Login: serverLogin}, TeamID: polled.Record.TeamID, Deadline: removeTimeout,
		Args: dispatch.Args{Named: []dispatch.NamedArg{
			{Name: "team", Values: []string{polled.Record.TeamSlug}},
			{Name: "runners", Values: []string{dispatch.WholeItem(runner.Name)}},
		}},
		StillWanted: func(ctx context.Context) error { return stillRemovable(ctx, polled, runner) },
	})
	if err == nil {
		log.Info().Time("offline_since", runner.OfflineSince).Msg("the runner was offline for too long and was removed")
		return true
	}
	if !dispatch.Ambiguous(err) {
		if undone := c.Store.UndoRemoval(context.WithoutCancel(ctx), removal); undone != nil {
			log.Debug().Err(undone).Msg("the removal stays on record; the issue does not show it while the runner exists")
		}
	}
	return dispatch.ReasonOf(err) == dispatch.ReasonRunnerBusy
}

// stillRemovable asks GitHub whether the runner is in the group, offline, not busy, and not
// its last one.
func stillRemovable(ctx context.Context, polled Polled, runner store.Runner) error {
	const doing = "look at an offline runner again"
	runners, err := polled.Org.GitHub.GroupRunners(ctx, polled.Record.GroupID)
	if err != nil {
		return dispatch.GitHubError(err, doing)
	}
	for _, r := range runners {
		switch {
		case r.ID != runner.ID || !strings.EqualFold(r.Name, runner.Name):
		case r.Status != "offline" || r.Busy:
			return dispatch.Refuse(dispatch.ReasonRunnerBusy, "Runner %s is not offline any more.", dispatch.Quote(runner.Name))
		case len(runners) == 1:
			return dispatch.Refuse(dispatch.ReasonRunnerNotFound, "Runner %s is the last one of its group.", dispatch.Quote(runner.Name))
		default:
			return nil
		}
	}
	return dispatch.Refuse(dispatch.ReasonRunnerBusy, "Runner %s is not in the group any more.", dispatch.Quote(runner.Name))
}
