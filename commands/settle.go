package commands

import (
	"context"
	"errors"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// intentCreate is the kind of intent that group-create puts on record.
const intentCreate = "group-create"

// standing is the team's record, zero where it has none, once a group-create that was
// cut off, perhaps after it made a group, is settled.
func (e *Env) standing(ctx context.Context, call *Call, team github.Team, settle func(context.Context, *Call, github.Team) (store.Record, error)) (store.Record, error) {
	record, open, err := e.Store.Standing(ctx, call.OrgID, team.ID)
	if err != nil || !open {
		return record, storeError(err)
	}
	if record, err = settle(ctx, call, team); err != nil || record.TeamID != 0 {
		return record, err
	}
	record, err = e.Store.RecordOf(ctx, call.OrgID, team.ID)
	return record, unlessNotFound(err)
}

// settle finishes a group-create of the team that was cut off between GitHub's
// effect and the record, so that its group is owned and not orphaned. Where one is
// at work, it waits for its end. It returns the zero record where there was nothing
// to settle.
func (e *Env) settle(ctx context.Context, call *Call, team github.Team) (store.Record, error) {
	if _, err := e.Store.IntentOf(ctx, call.OrgID, team.ID, intentCreate); err != nil {
		return store.Record{}, unlessNotFound(err)
	}
	key, holder := teamKey(call.OrgID, team.ID), e.Holder+"/settle/"+call.ID
	if err := e.acquire(ctx, call, key, holder, nil); err != nil {
		return store.Record{}, err
	}
	defer func() { _ = e.Store.Release(context.WithoutCancel(ctx), key, holder) }()
	return e.settleHeld(ctx, call, team)
}

// settleHeld is settle for who holds the team's lease.
func (e *Env) settleHeld(ctx context.Context, call *Call, team github.Team) (store.Record, error) {
	intent, err := e.Store.IntentOf(ctx, call.OrgID, team.ID, intentCreate)
	if err != nil {
		return store.Record{}, unlessNotFound(err)
	}
	// a record made since says that the work was finished, or that an owner gave the
	// team another group; an older one is of a group that was gone
	record, err := e.Store.RecordOf(ctx, call.OrgID, team.ID)
	if err == nil && !record.At.Before(intent.At) {
		return record, storeError(e.Store.DeleteIntent(ctx, intent.OrgID, intent.TeamID, intent.Kind))
	}
	if err := unlessNotFound(err); err != nil {
		return store.Record{}, err
	}
	return e.claim(ctx, call.Org, intent)
}

func unlessNotFound(err error) error {
	if isNotFound(err) {
		return nil
	}
	return storeError(err)
}

// claim makes the group that an intent was to create the team's own, where it
// stands just as group-create makes one. A group that holds a repository or a
// runner, or is anybody's, is not taken: it may be older than the intent.
func (e *Env) claim(ctx context.Context, org *Org, intent store.Intent) (store.Record, error) {
	group, err := org.GitHub.GroupByName(ctx, intent.Name)
	if github.KindOf(err) == github.NotFound {
		return store.Record{}, storeError(e.Store.DeleteIntent(ctx, intent.OrgID, intent.TeamID, intent.Kind))
	}
	if err != nil {
		return store.Record{}, GitHubError(err, "find the group of an interrupted group-create")
	}
	fresh, err := e.asCreated(ctx, org, intent.OrgID, group)
	if err != nil {
		return store.Record{}, err
	}
	if !fresh {
		return store.Record{}, storeError(e.Store.DeleteIntent(ctx, intent.OrgID, intent.TeamID, intent.Kind))
	}
	record := store.Record{
		OrgID: intent.OrgID, TeamID: intent.TeamID, TeamSlug: intent.TeamSlug,
		GroupID: group.ID, GroupName: group.Name, Visibility: group.Visibility,
		Origin: store.Created, By: intent.By, At: e.Now(),
	}
	if err := e.Store.CompleteIntent(ctx, record); err != nil {
		return store.Record{}, storeError(err)
	}
	zerolog.Ctx(ctx).Info().Str("team", intent.TeamSlug).Int64("group_id", group.ID).Msg("an interrupted group-create is settled; the team owns its group")
	return record, nil
}

// asCreated reports whether a group stands as group-create leaves one, and is nobody's.
func (e *Env) asCreated(ctx context.Context, org *Org, orgID int64, group github.Group) (bool, error) {
	if group.Default || group.Inherited || group.Visibility != "selected" || group.RestrictedToWorkflows ||
		group.AllowsPublicRepositories != org.Policy.PublicRepos {
		return false, nil
	}
	if _, err := e.Store.RecordOfGroup(ctx, orgID, group.ID); !isNotFound(err) {
		return false, storeError(err)
	}
	var repos []github.Repository
	var runners []github.Runner
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) { repos, err = org.GitHub.GroupRepositories(gctx, group.ID); return err })
	g.Go(func() (err error) { runners, err = org.GitHub.GroupRunners(gctx, group.ID); return err })
	if err := g.Wait(); err != nil {
		return false, GitHubError(err, "look into the group of an interrupted group-create")
	}
	return len(repos) == 0 && len(runners) == 0, nil
}

// Settle finishes every group-create that was cut off, by a crash or by GitHub.
// The server calls it on start and from time to time. What keeps one from being
// settled does not keep the others.
func (e *Env) Settle(ctx context.Context) error {
	var failures []error
	for _, org := range e.Orgs {
		id, err := org.id(ctx)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		intents, err := e.Store.Intents(ctx, id)
		if err != nil {
			return storeError(err)
		}
		for _, intent := range intents {
			call := &Call{Env: e, Org: org, OrgID: id, Request: Request{ID: "settle/" + intent.RequestID}}
			_, err := e.settle(ctx, call, github.Team{ID: intent.TeamID, Slug: intent.TeamSlug})
			failures = append(failures, err)
		}
	}
	return errors.Join(failures...)
}
