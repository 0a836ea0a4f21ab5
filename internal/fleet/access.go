package fleet

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

const (
	// accessPoll is how often ends of access are looked for. It bounds how late they are.
	accessPoll = time.Second
	// endsTogether is of how many groups access ends side by side.
	endsTogether = 4
	// endTimeout bounds one call. Other servers leave a group to the one that claimed it for
	// endClaim.
	endTimeout = time.Minute
	endClaim   = endTimeout + 15*time.Second
	// retryEnd is the longest wait between tries if GitHub or this server could not work, and
	// retryRefused the wait if nothing will help until somebody changes a setting.
	retryEnd     = time.Minute
	retryRefused = 10 * time.Minute
	// AccessGrace is how late an end of access may be before it counts as overdue.
	AccessGrace = time.Minute
	// remindEvery is how often ends are looked for that come within remindBefore.
	remindEvery  = time.Minute
	remindBefore = 24 * time.Hour
	// endCommand is the command that detaches what is over.
	endCommand = "repos-remove"
)

// An AccessEnder detaches repositories when their time is over, and tries again until GitHub
// has done it. The record says what is over: a crash of this or another server only makes it
// look again.
type AccessEnder struct {
	Dispatch func(context.Context, dispatch.Request) (dispatch.Result, error)
	Env      *dispatch.Env
	Logger   zerolog.Logger

	remindedAt time.Time
}

// Run ends access until ctx ends. What ended while no server ran is tried at once.
func (e *AccessEnder) Run(ctx context.Context) {
	ctx = e.Logger.WithContext(ctx)
	if err := e.Env.Store.RetryOverdueAccess(ctx); err != nil && ctx.Err() == nil {
		e.Logger.Error().Err(err).Msg("cannot look for access that ended while no server ran")
	}
	ticker := time.NewTicker(accessPoll)
	defer ticker.Stop()
	for {
		for e.Tick(ctx) && ctx.Err() == nil { // there may be more
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// Tick ends what is over of some groups, and reports whether there was any.
func (e *AccessEnder) Tick(ctx context.Context) bool {
	now := e.Env.Now()
	if now.Sub(e.remindedAt) >= remindEvery {
		e.remindedAt = now
		e.remind(ctx, now)
	}
	due, err := e.Env.Store.ClaimAccess(ctx, now.Add(endClaim), endsTogether)
	if err != nil && ctx.Err() == nil {
		e.Logger.Error().Err(err).Msg("cannot look for access that is over")
	}
	var all sync.WaitGroup
	for group, tries := range due {
		all.Go(func() { e.end(ctx, group, tries) })
	}
	all.Wait()
	return len(due) > 0
}

// end detaches what is over of the group, and sets when to try again what is left.
func (e *AccessEnder) end(ctx context.Context, group store.AccessGroup, tries int) {
	log := e.Logger.With().Int64("org_id", group.OrgID).Int64("team_id", group.TeamID).Int64("group_id", group.GroupID).Logger()
	oldest, err := e.detach(ctx, group)
	if ctx.Err() != nil {
		return // the server stops; its next start tries again at once
	}
	now, wait := e.Env.Now(), time.Duration(0)
	switch {
	case err == nil:
		tries = 0
	case dispatch.ReasonOf(err).Transient():
		wait = min(max(time.Second<<min(tries, 6), dispatch.AsError(err).RetryAfter), retryEnd)
	default:
		wait = retryRefused
	}
	if err != nil {
		event := log.Warn()
		if overdue := now.Sub(oldest); !oldest.IsZero() && overdue > AccessGrace {
			event = log.Error().Dur("overdue", overdue)
		}
		event.Err(err).Stringer("retry_in", wait).Msg("repositories are attached although their time is over; it is retried")
	}
	if err := e.Env.Store.RetryAccess(ctx, group, now.Add(wait), tries); err != nil {
		log.Error().Err(err).Msg("cannot note when to end access")
	}
}

// detach has what is over of the group detached, and returns when the first of it was over.
func (e *AccessEnder) detach(ctx context.Context, group store.AccessGroup) (oldest time.Time, err error) {
	over, err := e.Env.Store.AccessOver(ctx, group.OrgID, group.GroupID, 1000)
	if err != nil || len(over) == 0 {
		return oldest, err
	}
	names := dispatch.NamedArg{Name: "repos"}
	for _, a := range slices.SortedFunc(maps.Values(over), func(a, b store.Access) int { return a.Until.Compare(b.Until) }) {
		if oldest.IsZero() {
			oldest = a.Until
		}
		names.Values = append(names.Values, dispatch.WholeItem(a.Repo))
	}
	org, err := e.org(ctx, group.OrgID)
	if err != nil {
		return oldest, err
	}
	record, err := e.Env.Store.RecordOf(ctx, group.OrgID, group.TeamID)
	if err != nil {
		return oldest, fmt.Errorf("find the team whose access is over: %w", err)
	}
	_, err = e.Dispatch(ctx, dispatch.Request{
		ID: "schedule/" + rand.Text(), Channel: dispatch.Schedule, Command: endCommand, Org: org.Login,
		Caller: dispatch.Principal{Login: serverLogin}, TeamID: group.TeamID, EndsAccess: true, Deadline: endTimeout,
		Args: dispatch.Args{Named: []dispatch.NamedArg{{Name: "team", Values: []string{record.TeamSlug}}, names}},
	})
	return oldest, err
}

// org returns the organization with that id. GitHub is asked only for ids that are not on
// record.
func (e *AccessEnder) org(ctx context.Context, id int64) (*dispatch.Org, error) {
	refusal := error(dispatch.Refuse(dispatch.ReasonInvalidArgument, "This server does not serve the organization with the id %d any more.", id))
	for _, org := range e.Env.Orgs {
		got := org.GitHub.ID()
		if got == 0 {
			var err error
			if got, err = org.ID(ctx); err != nil {
				refusal = err
			}
		}
		if got == id {
			return org, nil
		}
	}
	return nil, refusal
}

// remind tells teams what ends within a day: in the issue of the team's group, or on the
// issue where it was granted.
func (e *AccessEnder) remind(ctx context.Context, now time.Time) {
	for {
		soon, err := e.Env.Store.RemindAccess(ctx, now.Add(remindBefore))
		if err != nil && ctx.Err() == nil {
			e.Logger.Error().Err(err).Msg("cannot look for access that ends soon")
		}
		if err != nil || len(soon) == 0 {
			return
		}
		if err := e.tell(ctx, soon); err != nil {
			e.Logger.Warn().Err(err).Int64("team_id", soon[0].TeamID).Msg("a team could not be told that access ends soon")
		}
	}
}

// tell tells a team that access to its group ends soon.
func (e *AccessEnder) tell(ctx context.Context, soon []store.Access) error {
	team := soon[0]
	org, err := e.org(ctx, team.OrgID)
	if err != nil {
		return err
	}
	record, err := e.Env.Store.RecordOf(ctx, team.OrgID, team.TeamID)
	if err != nil {
		return fmt.Errorf("find the team whose access ends soon: %w", err)
	}
	if e.Env.Notify != nil {
		return e.Env.Notify(ctx, team.OrgID, team.TeamID, reminder(org, record, soon))
	}
	byIssue := map[int][]store.Access{}
	for _, a := range soon {
		byIssue[a.Source.Issue] = append(byIssue[a.Source.Issue], a)
	}
	delete(byIssue, 0) // over REST: the caller knows the end, and there is no other place
	for _, issue := range slices.Sorted(maps.Keys(byIssue)) {
		if _, err := org.GitHub.CreateComment(ctx, issue, reminder(org, record, byIssue[issue])); err != nil {
			return err
		}
	}
	return nil
}

// reminder says in Markdown what ends when, and how it is extended.
func reminder(org *dispatch.Org, record store.Record, soon []store.Access) string {
	slices.SortFunc(soon, func(a, b store.Access) int { return strings.Compare(a.Repo, b.Repo) })
	var lines, own []string
	for _, a := range soon {
		line := fmt.Sprintf("- %s: %s", dispatch.Quote(a.Repo), a.Until.UTC().Format("2006-01-02 15:04 UTC"))
		if a.Request == 0 {
			own = append(own, a.Repo)
		} else {
			line += fmt.Sprintf(". Request %d attached it, so it takes a new `access-request`.", a.Request)
		}
		lines = append(lines, line)
	}
	text := fmt.Sprintf("Access to the runner group %s ends soon. Then these repositories are detached:\n\n%s", dispatch.Quote(record.GroupName), strings.Join(lines, "\n"))
	if len(own) > 0 {
		text += fmt.Sprintf("\n\nTo keep them for another week from now:\n\n```\n%s repos-add %s --for 7d --team %s\n```",
			dispatch.Spec{Trigger: org.Trigger}.Slash(), strings.Join(own, ","), record.TeamSlug)
	}
	return text
}
