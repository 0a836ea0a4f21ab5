package ownership

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// currentRecord is the team's record, zero if it has none, once a group-create that was
// cut off, perhaps after it made a group, is settled.
func (r *Registry) currentRecord(ctx context.Context, call *dispatch.Call, team github.Team, settle func(context.Context, *dispatch.Call, github.Team) (store.Record, error)) (store.Record, error) {
	record, open, err := r.Store.RecordAndIntents(ctx, call.OrgID, team.ID)
	if err != nil || !open {
		return record, dispatch.StoreError(err)
	}
	if record, err = settle(ctx, call, team); err != nil || record.TeamID != 0 {
		return record, err
	}
	record, err = r.Store.RecordOf(ctx, call.OrgID, team.ID)
	return record, unlessNotFound(err)
}

// resumeCreate finishes a group-create of the team that was cut off between GitHub's
// effect and the record, so that its group is owned and not orphaned. If one is
// running, it waits for its end. It returns the zero record if there was nothing
// to settle.
func (r *Registry) resumeCreate(ctx context.Context, call *dispatch.Call, team github.Team) (store.Record, error) {
	if _, err := r.Store.IntentOf(ctx, call.OrgID, team.ID, store.GroupCreate); err != nil {
		return store.Record{}, unlessNotFound(err)
	}
	release, err := r.AcquireTeam(ctx, call, team.ID)
	if err != nil {
		return store.Record{}, err
	}
	defer release()
	return r.resumeCreateHeld(ctx, call, team)
}

// resumeCreateHeld is settle for who holds the team's lease.
func (r *Registry) resumeCreateHeld(ctx context.Context, call *dispatch.Call, team github.Team) (store.Record, error) {
	intent, err := r.Store.IntentOf(ctx, call.OrgID, team.ID, store.GroupCreate)
	if err != nil {
		return store.Record{}, unlessNotFound(err)
	}
	// a record made since says that the work was finished, or that an owner gave the
	// team another group; an older one is of a group that was gone
	record, err := r.Store.RecordOf(ctx, call.OrgID, team.ID)
	if err == nil && !record.At.Before(intent.At) {
		return record, dispatch.StoreError(r.Store.DeleteIntent(ctx, intent.OrgID, intent.TeamID, intent.Kind))
	}
	if err := unlessNotFound(err); err != nil {
		return store.Record{}, err
	}
	return r.claimCreated(ctx, call.Org, intent)
}

func unlessNotFound(err error) error {
	if isNotFound(err) {
		return nil
	}
	return dispatch.StoreError(err)
}

// claimCreated makes the group that an intent was to create the team's own, if it is newer
// than every group that was known before GitHub was asked, and just as group-create makes
// one. A group that holds a repository or a runner, or is anybody's, is not taken.
func (r *Registry) claimCreated(ctx context.Context, org *dispatch.Org, intent store.Intent) (store.Record, error) {
	groups, err := org.GitHub.Groups(ctx)
	if err != nil {
		return store.Record{}, dispatch.GitHubError(err, "find the group of an interrupted group-create")
	}
	i := slices.IndexFunc(groups, func(g github.Group) bool { return g.Name == intent.Name })
	if i < 0 || !isNewer(groups[i], groups, intent) {
		return store.Record{}, dispatch.StoreError(r.Store.DeleteIntent(ctx, intent.OrgID, intent.TeamID, intent.Kind))
	}
	group := groups[i]
	fresh, err := r.isPristine(ctx, org, intent.OrgID, group)
	if err != nil {
		return store.Record{}, err
	}
	if !fresh {
		return store.Record{}, dispatch.StoreError(r.Store.DeleteIntent(ctx, intent.OrgID, intent.TeamID, intent.Kind))
	}
	record := store.Record{
		OrgID: intent.OrgID, TeamID: intent.TeamID, TeamSlug: intent.TeamSlug,
		GroupID: group.ID, GroupName: group.Name, Visibility: group.Visibility,
		Origin: store.Created, By: intent.By, At: r.Now(), Workflows: &[]string{}, Expected: asCreated(org, group),
	}
	if err := r.Store.CompleteIntent(ctx, intent, record); err != nil {
		return store.Record{}, dispatch.StoreError(err)
	}
	zerolog.Ctx(ctx).Info().Str("team", intent.TeamSlug).Int64("group_id", group.ID).Msg("an interrupted group-create is settled; the team owns its group")
	return record, nil
}

// isNewer reports whether the group, one of the organization's, is certainly newer than the
// intent. GitHub's ids grow. If not all groups were listed then, there must be more up to this
// one than there were at all: had it existed, all up to it had, too. So a group is not claimed
// if another one was deleted meanwhile, and an owner can adopt it.
func isNewer(group github.Group, groups []github.Group, intent store.Intent) bool {
	if intent.HighestGroup == nil || group.ID <= *intent.HighestGroup {
		return false
	}
	upTo := 0
	for _, g := range groups {
		if g.ID <= group.ID {
			upTo++
		}
	}
	return upTo > intent.GroupCount
}

// asCreated is what a group is expected to be that group-create just made.
func asCreated(org *dispatch.Org, group github.Group) *store.Expected {
	return &store.Expected{Name: group.Name, Visibility: github.VisibilitySelected, Public: org.Policy.PublicRepos}
}

// isPristine reports whether a group is just as group-create leaves one, and has no owner.
func (r *Registry) isPristine(ctx context.Context, org *dispatch.Org, orgID int64, group github.Group) (bool, error) {
	if group.Default || group.Inherited || group.Visibility != "selected" || group.RestrictedToWorkflows ||
		group.AllowsPublicRepositories != org.Policy.PublicRepos {
		return false, nil
	}
	if _, err := r.Store.RecordOfGroup(ctx, orgID, group.ID); !isNotFound(err) {
		return false, dispatch.StoreError(err)
	}
	var repos []github.Repository
	var runners []github.Runner
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) { repos, err = org.GitHub.GroupRepositories(gctx, group.ID); return err })
	g.Go(func() (err error) { runners, err = org.GitHub.GroupRunners(gctx, group.ID); return err })
	if err := g.Wait(); err != nil {
		return false, dispatch.GitHubError(err, "look into the group of an interrupted group-create")
	}
	return len(repos) == 0 && len(runners) == 0, nil
}

// ResumeCreates finishes every group-create that was cut off, by a crash or by GitHub.
// The server calls it on start and from time to time. What keeps one from being
// settled does not keep the others.
func (r *Registry) ResumeCreates(ctx context.Context) error {
	var failures []error
	for _, org := range r.Orgs {
		id, err := org.ID(ctx)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		intents, err := r.Store.Intents(ctx, id)
		if err != nil {
			return dispatch.StoreError(err)
		}
		for _, intent := range intents {
			call := &dispatch.Call{Env: r.Env, Org: org, OrgID: id, Request: dispatch.Request{ID: "settle/" + intent.RequestID}}
			_, err := r.resumeCreate(ctx, call, github.Team{ID: intent.TeamID, Slug: intent.TeamSlug})
			failures = append(failures, err)
		}
	}
	return errors.Join(failures...)
}

// CheckName refuses the name of a new group if one of the groups has it.
func CheckName(call *dispatch.Call, name string, groups []github.Group) error {
	if slices.ContainsFunc(groups, func(g github.Group) bool { return strings.EqualFold(g.Name, name) }) {
		return groupExists(call, name, nil)
	}
	return nil
}

// Create has GitHub create a runner group of that name, and records the team as its
// owner. known is what is known of those that exist. What it is about to do is recorded first,
// so that a group made just before a crash becomes owned and not orphaned, and no older one
// does.
func (r *Registry) Create(ctx context.Context, call *dispatch.Call, name string, known github.KnownGroups) (github.Group, error) {
	if err := CheckName(call, name, known.Groups); err != nil {
		return github.Group{}, err
	}
	highest, err := r.highestGroup(ctx, call, known.Groups)
	if err != nil {
		return github.Group{}, err
	}
	count := 0
	if known.Count > len(known.Groups) {
		count = known.Count
	}
	intent := store.Intent{
		OrgID: call.OrgID, TeamID: call.Team.ID, TeamSlug: call.Team.Slug, Kind: store.GroupCreate,
		Name: name, RequestID: call.ID, By: call.Caller.Login, At: r.Now(), HighestGroup: &highest, GroupCount: count,
	}
	if err := r.Store.PutIntent(ctx, intent); err != nil {
		return github.Group{}, dispatch.StoreError(err)
	}
	var group github.Group
	err = call.Change(ctx, func(ctx context.Context) (err error) {
		group, err = call.Org.GitHub.CreateGroup(ctx, github.NewGroup{Name: name, AllowsPublic: call.Org.Policy.PublicRepos})
		return err
	}, call.TheGroup())
	if err != nil {
		return r.notCreated(ctx, call, intent, err)
	}
	record := store.Record{
		OrgID: call.OrgID, TeamID: call.Team.ID, TeamSlug: call.Team.Slug,
		GroupID: group.ID, GroupName: group.Name, Visibility: group.Visibility,
		Origin: store.Created, By: call.Caller.Login, At: r.Now(), Workflows: &[]string{}, Expected: asCreated(call.Org, group),
	}
	// The group exists: it must become the team's even if the caller's time is up.
	if err := r.Store.CompleteIntent(context.WithoutCancel(ctx), intent, record); err != nil {
		return github.Group{}, dispatch.StoreError(err)
	}
	return group, nil
}

// highestGroup is the highest id of a group that is known: listed now, or on record.
func (r *Registry) highestGroup(ctx context.Context, call *dispatch.Call, groups []github.Group) (int64, error) {
	highest, err := r.Store.HighestGroup(ctx, call.OrgID)
	if err != nil {
		return 0, dispatch.StoreError(err)
	}
	for _, group := range groups {
		highest = max(highest, group.ID)
	}
	return highest, nil
}

func groupExists(call *dispatch.Call, name string, cause error) error {
	return &dispatch.Error{
		Reason: dispatch.ReasonGroupExists, Cause: cause,
		Message: fmt.Sprintf("A runner group named %s already exists and isn't registered to this team. An owner of %s can give it to the team: `%s group-adopt --team %s`.", dispatch.Quote(name), call.Org.Login, call.Spec.Slash(), call.Team.Slug),
	}
}

// settleWithin bounds the look for a group that GitHub did not confirm.
const settleWithin = 10 * time.Second

// notCreated answers for a group that GitHub did not confirm. The intent is kept if
// nobody knows whether the group was created; it is resumed later.
func (r *Registry) notCreated(ctx context.Context, call *dispatch.Call, intent store.Intent, cause error) (github.Group, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleWithin)
	defer cancel()
	if dispatch.Ambiguous(cause) {
		record, err := r.claimCreated(ctx, call.Org, intent)
		if err == nil && record.GroupID != 0 {
			return github.Group{ID: record.GroupID, Name: record.GroupName, Visibility: record.Visibility}, nil
		}
		return github.Group{}, dispatch.GitHubError(cause, "create the runner group")
	}
	if err := r.Store.DeleteIntent(ctx, intent.OrgID, intent.TeamID, intent.Kind); err != nil {
		return github.Group{}, dispatch.StoreError(err)
	}
	kind := github.KindOf(cause)
	if kind == github.Conflict || kind == github.Invalid {
		return github.Group{}, groupExists(call, intent.Name, cause)
	}
	return github.Group{}, dispatch.GitHubError(cause, "create the runner group")
}
