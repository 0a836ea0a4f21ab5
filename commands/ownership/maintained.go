package ownership

import (
	"context"
	"fmt"
	"slices"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/errgroup"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// MaintainedTeams returns the teams that own a group here and that the caller
// maintains: of all teams, or of those in only. It asks for each team's
// maintainers, an answer that serves all callers, and confirms the teams found by
// the caller's own membership. More than 100 candidates are refused.
func (r *Registry) MaintainedTeams(ctx context.Context, call *dispatch.Call, only []string) ([]store.Record, error) {
	return r.teamsOf(ctx, call, only, asMaintainer)
}

// ReadableTeams returns the teams that own a group here which the caller may read, as
// [Registry.MaintainedTeams] does: those of which they are a member if the policy lets
// members read, else those that they maintain.
func (r *Registry) ReadableTeams(ctx context.Context, call *dispatch.Call, only []string) ([]store.Record, error) {
	if call.Org.Policy.MembersRead {
		return r.teamsOf(ctx, call, only, asMember)
	}
	return r.MaintainedTeams(ctx, call, only)
}

// A standing is what the caller must be in a team.
type standing int

const (
	asMaintainer standing = iota
	asMember              // or a maintainer
)

// list lists who is that in the team. An answer serves all callers.
func (s standing) list(ctx context.Context, org *github.Org, slug string) ([]github.User, error) {
	if s == asMember {
		return org.TeamMembers(ctx, slug)
	}
	return org.TeamMaintainers(ctx, slug)
}

// confirms reports whether a membership is enough.
func (s standing) confirms(m github.Membership) bool {
	return m.State == github.StateActive && (s == asMember || m.Role == github.RoleMaintainer)
}

func (r *Registry) teamsOf(ctx context.Context, call *dispatch.Call, only []string, as standing) ([]store.Record, error) {
	const most = 100
	var records []store.Record
	if len(only) == 0 {
		n, err := r.Store.CountRecords(ctx, call.OrgID)
		if err != nil {
			return nil, dispatch.StoreError(err)
		}
		if n > most {
			return nil, dispatch.Refuse(dispatch.ReasonMissingArgument, "More than %d teams own a group here: say which teams with %s.", most, call.Channel.Argument("team", "a,b"))
		}
		if records, err = r.Store.Records(ctx, call.OrgID); err != nil {
			return nil, dispatch.StoreError(err)
		}
	} else {
		unknown := 0
		for _, name := range only {
			slug, err := call.Slug("team", name)
			if err != nil {
				return nil, err
			}
			found, err := r.recordsNamed(ctx, call, slug, &unknown)
			if err != nil {
				return nil, err
			}
			records = append(records, found...)
		}
	}
	maintained := make([]bool, len(records))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(16)
	for i := range records {
		g.Go(func() error {
			ok, err := r.isIn(gctx, call, &records[i], as)
			maintained[i] = ok
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, dispatch.GitHubError(err, "look up your teams")
	}
	var found []store.Record
	for i, ok := range maintained {
		if ok {
			found = append(found, records[i])
		}
	}
	return found, nil
}

// maxUnknownNames is for how many names that no record has GitHub is asked in one call: a
// team that was renamed may have a record under its old slug.
const maxUnknownNames = 3

// recordsNamed returns the record of the team that has that slug today, also if
// the record still knows it by an older one.
func (r *Registry) recordsNamed(ctx context.Context, call *dispatch.Call, slug string, unknown *int) ([]store.Record, error) {
	records, err := r.Store.RecordsBySlug(ctx, call.OrgID, slug)
	if err != nil {
		return nil, dispatch.StoreError(err)
	}
	if len(records) > 0 {
		return records, nil
	}
	if *unknown++; *unknown > maxUnknownNames {
		return nil, nil
	}
	team, err := call.Org.GitHub.Team(ctx, slug)
	if err != nil {
		if github.KindOf(err) == github.NotFound {
			return nil, nil
		}
		return nil, dispatch.GitHubError(err, "look up the team")
	}
	record, err := r.Store.RecordOf(ctx, call.OrgID, team.ID)
	if isNotFound(err) {
		return nil, nil
	}
	return []store.Record{record}, dispatch.StoreError(err)
}

// isIn reports whether the caller is that in the recorded team, and updates the record's
// slug if the team was renamed.
func (r *Registry) isIn(ctx context.Context, call *dispatch.Call, record *store.Record, as standing) (bool, error) {
	org := call.Org.GitHub
	if r.rosters.excludes(record.TeamID, as, call.Caller.ID, r.Now()) {
		return false, nil
	}
	users, err := as.list(ctx, org, record.TeamSlug)
	if github.KindOf(err) == github.NotFound {
		team, err := org.TeamByID(ctx, record.TeamID)
		if err != nil {
			return false, dispatch.IgnoreNotFound(err) // the team is gone
		}
		record.TeamSlug = team.Slug
		if err := r.Store.SetSlug(ctx, call.OrgID, record.TeamID, team.Slug); isNotFound(err) {
			return false, nil // it was released just now
		} else if err != nil {
			return false, dispatch.StoreError(err)
		}
		if users, err = as.list(ctx, org, team.Slug); err != nil {
			return false, dispatch.IgnoreNotFound(err)
		}
	} else if err != nil {
		return false, fmt.Errorf("members of %s: %w", record.TeamSlug, err)
	}
	r.rosters.keep(record.TeamID, as, users, r.Now())
	if !slices.ContainsFunc(users, func(u github.User) bool { return u.ID == call.Caller.ID }) {
		return false, nil
	}
	m, err := org.TeamMembership(ctx, record.TeamID, call.Caller.Login)
	if github.KindOf(err) == github.NotFound {
		var team github.Team // the slug on record may be another team's by now
		if team, err = org.Team(ctx, record.TeamSlug); err == nil && team.ID == record.TeamID {
			m, err = dispatch.MembershipBySlug(ctx, call, team)
		}
	}
	return err == nil && as.confirms(m), dispatch.IgnoreNotFound(err)
}

const (
	// rosterKept is how long a list of a team's members can exclude a caller without asking
	// again. It never includes one.
	rosterKept = time.Minute
	maxRosters = 1_000
)

type rosterKey struct {
	team int64
	as   standing
}

// A roster is a list of a team's members or maintainers that GitHub gave lately.
type roster struct {
	ids map[int64]bool
	at  time.Time
}

type rosters struct{ lists *lru.Cache[rosterKey, roster] }

// excludes reports whether a list of the last minute does not have the user.
func (r rosters) excludes(team int64, as standing, user int64, now time.Time) bool {
	list, ok := r.lists.Get(rosterKey{team, as})
	return ok && now.Sub(list.at) < rosterKept && !list.ids[user]
}

func (r rosters) keep(team int64, as standing, users []github.User, now time.Time) {
	ids := make(map[int64]bool, len(users))
	for _, user := range users {
		ids[user.ID] = true
	}
	r.lists.Add(rosterKey{team, as}, roster{ids: ids, at: now})
}
