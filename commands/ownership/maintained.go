package ownership

import (
	"context"
	"fmt"
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
			ok, err := r.isMaintainer(gctx, call, &records[i])
			maintained[i] = ok
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, dispatch.GitHubError(err, "look up the teams that you maintain")
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

// isMaintainer reports whether the caller maintains the recorded team, and updates the
// record's slug if the team was renamed.
func (r *Registry) isMaintainer(ctx context.Context, call *dispatch.Call, record *store.Record) (bool, error) {
	org := call.Org.GitHub
	if r.maintainers.excludes(record.TeamID, call.Caller.ID, r.Now()) {
		return false, nil
	}
	maintainers, err := org.TeamMaintainers(ctx, record.TeamSlug)
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
		if maintainers, err = org.TeamMaintainers(ctx, team.Slug); err != nil {
			return false, dispatch.IgnoreNotFound(err)
		}
	} else if err != nil {
		return false, fmt.Errorf("maintainers of %s: %w", record.TeamSlug, err)
	}
	r.maintainers.keep(record.TeamID, maintainers, r.Now())
	for _, user := range maintainers {
		if user.ID == call.Caller.ID {
			m, err := org.TeamMembership(ctx, record.TeamID, call.Caller.Login)
			if github.KindOf(err) == github.NotFound {
				var team github.Team // the slug on record may be another team's by now
				if team, err = org.Team(ctx, record.TeamSlug); err == nil && team.ID == record.TeamID {
					m, err = dispatch.MembershipBySlug(ctx, call, team)
				}
			}
			return err == nil && m.State == "active" && m.Role == "maintainer", dispatch.IgnoreNotFound(err)
		}
	}
	return false, nil
}

const (
	// maintainersKept is how long a list of maintainers can exclude a caller without
	// asking again. It never includes one.
	maintainersKept = time.Minute
	maxMaintainers  = 1_000 // lists
)

// maintainers are the lists of maintainers that GitHub gave lately, by team.
type maintainers struct {
	lists *lru.Cache[int64, maintainerList]
}

type maintainerList struct {
	ids map[int64]bool
	at  time.Time
}

// excludes reports whether a list of the last minute does not have the user.
func (m maintainers) excludes(team, user int64, now time.Time) bool {
	list, ok := m.lists.Get(team)
	return ok && now.Sub(list.at) < maintainersKept && !list.ids[user]
}

func (m maintainers) keep(team int64, users []github.User, now time.Time) {
	ids := make(map[int64]bool, len(users))
	for _, user := range users {
		ids[user.ID] = true
	}
	m.lists.Add(team, maintainerList{ids: ids, at: now})
}
