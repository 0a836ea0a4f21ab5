// Package ownership is the record of which team owns which runner group, by ids.
package ownership

import (
	"context"
	"errors"
	"slices"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/rs/zerolog"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// A Registry knows which team owns which runner group. Its state is the store's; it keeps
// in memory only what saves calls.
type Registry struct {
	*dispatch.Env
	rosters rosters
}

// New returns env's registry, and makes one if it has none.
func New(env *dispatch.Env) *Registry {
	if r, ok := env.Ownership.(*Registry); ok {
		return r
	}
	lists, _ := lru.New[rosterKey, roster](maxRosters) // fails only for a size below 1
	return &Registry{Env: env, rosters: rosters{lists}}
}

// Resolve finds the group that the call's team owns, and that of its second team. Names
// grant nothing: under the policy "owned" only the record says which group is whose, by
// numeric ids.
func (r *Registry) Resolve(ctx context.Context, call *dispatch.Call) error {
	if call.Team.ID == 0 {
		return nil // no team, or one that is gone: the command deals with it
	}
	var err error
	call.Group, call.Recorded, err = r.groupOf(ctx, call, call.Team)
	if err != nil {
		return err
	}
	if call.Spec.Group == dispatch.OwnsGroup && !call.Recorded {
		if call.Group, err = r.groupWithoutRecord(ctx, call, call.Team); err != nil {
			if call.First == nil || !call.Spec.EndsOwnership || dispatch.ReasonOf(err) != dispatch.ReasonGroupNotFound {
				return err
			}
			// the first attempt ended the ownership before it was cut off
		}
	}
	if err := sameGroup(call); err != nil {
		return err
	}
	if call.Other.ID == 0 {
		return nil
	}
	group, recorded, err := r.groupOf(ctx, call, call.Other)
	if err == nil && !recorded {
		group, err = r.groupWithoutRecord(ctx, call, call.Other)
	}
	if err != nil {
		return err
	}
	call.OtherGroup = group
	if call.First != nil && call.First.OtherGroup != 0 && call.First.OtherGroup != group.GroupID {
		return call.SupersededOutside()
	}
	return nil
}

// sameGroup refuses a repeated attempt whose team owns another group now than the one that
// the first attempt saw.
func sameGroup(call *dispatch.Call) error {
	if call.First == nil || call.First.Group == 0 || call.Spec.Group != dispatch.OwnsGroup || call.Group.GroupID == 0 ||
		call.Group.GroupID == call.First.Group {
		return nil
	}
	return call.SupersededOutside()
}

// groupOf returns the group on record for the team. A renamed team keeps its group,
// and its record follows; a team whose slug is on record for another team has none.
func (r *Registry) groupOf(ctx context.Context, call *dispatch.Call, team github.Team) (store.Record, bool, error) {
	record, err := r.currentRecord(ctx, call, team, r.resumeCreate)
	if err != nil {
		return store.Record{}, false, dispatch.StoreError(err)
	}
	if record.TeamID == 0 {
		return store.Record{}, false, r.notAnothers(ctx, call, team)
	}
	if record.TeamSlug != team.Slug {
		if err := r.Store.SetSlug(ctx, call.OrgID, team.ID, team.Slug); isNotFound(err) {
			return store.Record{}, false, nil // it was released just now
		} else if err != nil {
			return store.Record{}, false, dispatch.StoreError(err)
		}
		zerolog.Ctx(ctx).Info().Str("was", record.TeamSlug).Str("team", team.Slug).Int64("team_id", team.ID).Msg("the team was renamed; its record follows")
		record.TeamSlug = team.Slug
	}
	return record, true, nil
}

// notAnothers refuses a team whose slug is on record for another team: one that was
// deleted and made again is another team.
func (r *Registry) notAnothers(ctx context.Context, call *dispatch.Call, team github.Team) error {
	if call.Spec.Needs == dispatch.Owner {
		return nil // this is what an owner is needed to fix
	}
	others, err := r.Store.RecordsBySlug(ctx, call.OrgID, team.Slug)
	if err != nil {
		return dispatch.StoreError(err)
	}
	own := func(record store.Record) bool { return record.TeamID == team.ID } // a group-create has ended just now
	if len(others) == 0 || slices.ContainsFunc(others, own) {
		return nil
	}
	return dispatch.Refuse(dispatch.ReasonGroupNotOwned,
		"The runner group on record for `%s` belongs to an earlier team of that name, not to this one. An owner of %s can give it to this team with `group-adopt`, or forget it with `group-release`.",
		team.Slug, call.Org.Login)
}

// groupWithoutRecord finds the group of a team that has no record: by name if
// the policy says so, else there is none.
func (r *Registry) groupWithoutRecord(ctx context.Context, call *dispatch.Call, team github.Team) (store.Record, error) {
	if !call.Org.Policy.Named {
		return store.Record{}, dispatch.Refuse(dispatch.ReasonGroupNotFound,
			"The team `%s` owns no runner group yet. Create one with `group-create`, or ask an owner of %s to assign an existing group with `group-adopt`.",
			team.Slug, call.Org.Login)
	}
	if err := call.CheckTeamPolicy(team); err != nil {
		return store.Record{}, err // before GitHub is asked about a group
	}
	name := call.Org.Policy.GroupNameOf(team.Slug)
	group, err := call.Org.GitHub.GroupByName(ctx, name)
	switch {
	case github.KindOf(err) == github.NotFound:
		return store.Record{}, dispatch.Refuse(dispatch.ReasonGroupNotFound, "There is no runner group %s. `group-create` makes it.", dispatch.Quote(name))
	case err != nil:
		return store.Record{}, dispatch.GitHubError(err, "find the runner group")
	case group.Default, group.Inherited:
		return store.Record{}, dispatch.Refuse(dispatch.ReasonGroupNotOwned, "The runner group %s is the organization's default group or the enterprise's; no team manages it here.", dispatch.Quote(name))
	}
	if holder, err := r.Store.RecordOfGroup(ctx, call.OrgID, group.ID); err == nil && holder.TeamID != team.ID {
		return store.Record{}, dispatch.Refuse(dispatch.ReasonGroupNotOwned, "The runner group %s is registered to another team.", dispatch.Quote(name))
	} else if err != nil && !isNotFound(err) {
		return store.Record{}, dispatch.StoreError(err)
	}
	call.Visibility = group.Visibility
	return store.Record{OrgID: call.OrgID, TeamID: team.ID, TeamSlug: team.Slug, GroupID: group.ID, GroupName: group.Name, Visibility: group.Visibility}, nil
}

func isNotFound(err error) bool { return errors.Is(err, store.ErrNotFound) }

// Confirm looks at the record again once the group is held: the call before this
// one may have changed it.
func (r *Registry) Confirm(ctx context.Context, call *dispatch.Call) error {
	if call.Team.ID == 0 {
		return nil
	}
	record, err := r.currentRecord(ctx, call, call.Team, r.resumeCreateHeld)
	if err != nil {
		return dispatch.StoreError(err)
	}
	if call.Recorded && record.GroupID != call.Group.GroupID && call.Spec.Group == dispatch.OwnsGroup {
		return dispatch.Refuse(dispatch.ReasonGroupNotFound, "Another command has just changed which group the team `%s` owns. Look with `group-list`.", call.Team.Slug)
	}
	call.Recorded = record.TeamID != 0
	if call.Recorded {
		call.Group = record
	}
	if call.OtherGroup.GroupID == 0 || call.Org.Policy.Named {
		return nil
	}
	other, err := r.Store.RecordOf(ctx, call.OrgID, call.Other.ID)
	if errors.Is(err, store.ErrNotFound) || err == nil && other.GroupID != call.OtherGroup.GroupID {
		return dispatch.Refuse(dispatch.ReasonGroupNotFound, "Another command has just changed which group the team `%s` owns.", call.Other.Slug)
	}
	return dispatch.StoreError(err)
}

// Refresh keeps the name and visibility that GitHub gives the call's group now. It never
// brings back a record that ended meanwhile.
func (r *Registry) Refresh(ctx context.Context, c *dispatch.Call, group github.Group) error {
	if !c.Recorded || c.Group.GroupName == group.Name && c.Group.Visibility == group.Visibility {
		return nil
	}
	c.Group.GroupName, c.Group.Visibility = group.Name, group.Visibility
	return dispatch.StoreError(r.Store.UpdateSeen(ctx, c.Group))
}
