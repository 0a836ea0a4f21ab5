package commands

import (
	"context"
	"errors"

	"github.com/rs/zerolog"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// own finds the group that the team owns. A name is not a right: under the policy
// "owned" only the record says which group is whose, by numeric ids.
func (e *Env) own(next Func) Func {
	return func(ctx context.Context, call *Call) (Result, error) {
		if call.Team.ID == 0 {
			return next(ctx, call) // no team, or one that is gone, which is the command's affair
		}
		var err error
		call.Group, call.Recorded, err = e.groupOf(ctx, call, call.Team)
		if err != nil {
			return Result{}, err
		}
		if call.Spec.Group == OwnsGroup && !call.Recorded {
			if call.Group, err = e.groupWithoutRecord(ctx, call, call.Team); err != nil {
				if !call.Resumed || !call.Spec.Ends {
					return Result{}, err
				}
				// the first attempt may have ended the ownership before it was cut off
				asked, auditErr := e.Store.AuditAsked(ctx, call.ID)
				if auditErr != nil {
					return Result{}, storeError(auditErr)
				}
				if asked.IsZero() {
					return Result{}, err
				}
			}
		}
		if call.Other.ID != 0 {
			group, recorded, err := e.groupOf(ctx, call, call.Other)
			if err == nil && !recorded {
				group, err = e.groupWithoutRecord(ctx, call, call.Other)
			}
			if err != nil {
				return Result{}, err
			}
			call.OtherGroup = group
		}
		return next(ctx, call)
	}
}

// groupOf returns the group on record for the team. A renamed team keeps its group,
// and its record follows; a team whose slug is on record for another team has none.
func (e *Env) groupOf(ctx context.Context, call *Call, team github.Team) (store.Record, bool, error) {
	record, err := e.standing(ctx, call, team, e.settle)
	if err != nil {
		return store.Record{}, false, storeError(err)
	}
	if record.TeamID == 0 {
		return store.Record{}, false, e.notAnothers(ctx, call, team)
	}
	if record.TeamSlug != team.Slug {
		if err := e.Store.SetSlug(ctx, call.OrgID, team.ID, team.Slug); err != nil {
			return store.Record{}, false, storeError(err)
		}
		zerolog.Ctx(ctx).Info().Str("was", record.TeamSlug).Str("team", team.Slug).Int64("team_id", team.ID).Msg("the team was renamed; its record follows")
		record.TeamSlug = team.Slug
	}
	return record, true, nil
}

// notAnothers refuses a team whose slug is on record for another team: one that was
// deleted and made again is another team.
func (e *Env) notAnothers(ctx context.Context, call *Call, team github.Team) error {
	if call.Spec.Needs == Owner {
		return nil // an owner is there to mend just this
	}
	others, err := e.Store.RecordsBySlug(ctx, call.OrgID, team.Slug)
	if err != nil {
		return storeError(err)
	}
	if len(others) == 0 {
		return nil
	}
	return Refuse(ReasonGroupNotOwned,
		"The runner group on record for `%s` belongs to an earlier team of that name, not to this one. An owner of %s can give it to this team with `group-adopt`, or forget it with `group-release`.",
		team.Slug, call.Org.Login)
}

// groupWithoutRecord finds the group of a team that has no record: by name where
// the policy says so, else there is none.
func (e *Env) groupWithoutRecord(ctx context.Context, call *Call, team github.Team) (store.Record, error) {
	if !call.Org.Policy.Named {
		return store.Record{}, Refuse(ReasonGroupNotFound,
			"The team `%s` owns no runner group yet. `group-create` makes one; where a group already stands, an owner of %s can give it to the team with `group-adopt`.",
			team.Slug, call.Org.Login)
	}
	if err := call.mayAct(team); err != nil {
		return store.Record{}, err // before GitHub is asked about a group
	}
	name := call.Org.Policy.GroupNameOf(team.Slug)
	group, err := call.Org.GitHub.GroupByName(ctx, name)
	switch {
	case github.KindOf(err) == github.NotFound:
		return store.Record{}, Refuse(ReasonGroupNotFound, "There is no runner group %s. `group-create` makes it.", Quote(name))
	case err != nil:
		return store.Record{}, GitHubError(err, "find the runner group")
	case group.Default, group.Inherited:
		return store.Record{}, Refuse(ReasonGroupNotOwned, "The runner group %s is the organization's default group or the enterprise's; no team manages it here.", Quote(name))
	}
	if holder, err := e.Store.RecordOfGroup(ctx, call.OrgID, group.ID); err == nil && holder.TeamID != team.ID {
		return store.Record{}, Refuse(ReasonGroupNotOwned, "The runner group %s is on record as another team's.", Quote(name))
	} else if err != nil && !isNotFound(err) {
		return store.Record{}, storeError(err)
	}
	call.Visibility = group.Visibility
	return store.Record{OrgID: call.OrgID, TeamID: team.ID, TeamSlug: team.Slug, GroupID: group.ID, GroupName: group.Name, Visibility: group.Visibility}, nil
}

// obey applies the policy on teams.
func (e *Env) obey(next Func) Func {
	return func(ctx context.Context, call *Call) (Result, error) {
		for _, team := range []github.Team{call.Team, call.Other} {
			if err := call.mayAct(team); err != nil {
				return Result{}, err
			}
		}
		return next(ctx, call)
	}
}

// mayAct refuses a team that the policy keeps from using the server; the operator
// may act for any.
func (c *Call) mayAct(team github.Team) error {
	if team.ID == 0 || c.Channel == CLI {
		return nil
	}
	if rule, ok := c.Org.Policy.allows(team.Slug); !ok {
		return Refuse(ReasonPolicy, "The operator does not let the team `%s` use this server (%s).", team.Slug, rule)
	}
	return nil
}

func isNotFound(err error) bool { return errors.Is(err, store.ErrNotFound) }
