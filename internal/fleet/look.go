package fleet

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// A looker looks at one group.
type looker struct {
	env    *dispatch.Env
	org    *dispatch.Org
	orgID  int64
	record store.Record
	team   bool   // whether what is asked hourly is asked now
	held   bool   // whether the caller has the group, so that no other command does
	slug   string // of the team, if it was just asked; else ""
	missed time.Duration
}

// A looked is what a look came to.
type looked struct {
	Look
	Judgement
	reading  reading
	history  store.GroupHistory
	observed observation
	slug     string // of the team, if it was asked; else ""
	// teamFailed says that the look failed only because the team could not be read.
	teamFailed bool
	settled    []string // requests of which it is known now what they changed
}

func (l looker) leaseKey() string { return dispatch.TeamKey(l.orgID, l.record.TeamID) }

// look reads the group and compares it with what is on record.
func (l looker) look(ctx context.Context) (looked, error) {
	st := l.env.Store
	history, err := st.GroupHistory(ctx, l.orgID, l.record.GroupID, l.leaseKey())
	if err != nil {
		return looked{}, err
	}
	out := looked{history: history}
	if err := l.ask(ctx, &out); err != nil {
		return out, err
	}
	end, err := st.ChangeState(ctx, l.orgID, l.record.GroupID, l.leaseKey())
	if err != nil {
		return looked{}, err
	}
	out.At = l.env.Now().UTC().Truncate(time.Microsecond) // as the database keeps it
	out.Known, out.Expected = history.Findings, history.Expected
	out.Overlapped = l.overlapped(history, end)
	if err := l.observe(ctx, &out); err != nil {
		return looked{}, err
	}
	if !out.Overlapped && out.Expected != nil && !out.reading.deleted {
		if err := l.compare(ctx, &out); err != nil {
			return looked{}, err
		}
	}
	if out.Access, err = st.AccessOf(ctx, l.orgID, l.record.GroupID); err != nil {
		return looked{}, err
	}
	edits := out.Edits // of changes without an answer
	out.Judgement = Judge(out.Look, l.settings(out.slug))
	out.Edits = append(edits, out.Edits...)
	for i := range out.Edits {
		out.Edits[i].GroupID = l.record.GroupID
	}
	for i := range out.Findings {
		out.Findings[i].OrgID, out.Findings[i].GroupID = l.orgID, l.record.GroupID
	}
	return out, nil
}

// ask asks GitHub for the group, and for the team if that is due.
func (l looker) ask(ctx context.Context, out *looked) error {
	org := l.org.GitHub
	maintainers := 0
	beside, bctx := errgroup.WithContext(ctx)
	beside.Go(func() (err error) { out.reading, err = read(bctx, org, l.record.GroupID); return err })
	beside.Go(func() error { out.Latest, out.Releases = latest(bctx, l.env, l.org); return nil })
	if l.slug != "" {
		beside.Go(func() (err error) { maintainers, err = countMaintainers(bctx, org, l.slug); return err })
	}
	if err := beside.Wait(); err != nil {
		return err
	}
	out.Group = out.reading.polled(out.history.Poll.Group)
	if !l.team || out.reading.deleted {
		return nil
	}
	var err error
	if l.slug == "" {
		out.Group.Team, out.slug, err = readTeam(ctx, org, l.record, out.reading.repos)
	} else {
		out.Group.Team, out.slug = &store.PolledTeam{Maintainers: maintainers}, l.slug
		out.Group.Team.Permissions, err = readPermissions(ctx, org, l.slug, out.reading.repos)
	}
	out.teamFailed = err != nil
	return err
}

// overlapped reports whether a command may have changed the group while it was read.
func (l looker) overlapped(h store.GroupHistory, end store.ChangeState) bool {
	var seq int64
	if h.Expected != nil {
		seq = h.Expected.Seq
	}
	if !l.held && (h.Leased || end.Leased) || seq != end.Seq {
		return true
	}
	return slices.ContainsFunc(end.Changes, func(m store.ChangeMark) bool {
		return !slices.ContainsFunc(h.Changes, func(o store.ChangeMark) bool { return o.RequestID == m.RequestID && o.At.Equal(m.At) })
	})
}

// observe adds the runners to out.
func (l looker) observe(ctx context.Context, out *looked) error {
	known := make(map[int64]store.Runner, len(out.history.Runners))
	for _, r := range out.history.Runners {
		known[r.ID] = r
	}
	var others []int64
	for _, r := range out.reading.runners {
		if _, ok := known[r.ID]; !ok {
			others = append(others, r.ID)
		}
	}
	elsewhere, err := l.env.Store.Runners(ctx, l.orgID, others)
	if err != nil {
		return err
	}
	maps.Copy(known, elsewhere)
	out.observed = observe(out.At, l.record.GroupID, out.history, known, out.reading.runners, l.missed)
	out.Runners, out.NoneOnlineSince = out.observed.runners, out.observed.noneOnlineSince
	return nil
}

// compare reads what it takes to compare the group with what it is expected to be.
func (l looker) compare(ctx context.Context, out *looked) error {
	l.settle(out)
	missing := maps.Clone(out.Expected.Repos)
	for _, repo := range out.Group.Repos {
		delete(missing, repo.ID)
	}
	if len(missing) > 0 && out.Group.Visibility == github.VisibilitySelected {
		out.Exists = existing(ctx, l.org.GitHub, missing, out.Known)
	}
	var from time.Time
	for _, r := range out.Runners {
		if !r.Ephemeral && !out.Expected.Runners[r.ID] {
			if at := tokensFrom(r, out.Expected); from.IsZero() || at.Before(from) {
				from = at
			}
		}
	}
	if from.IsZero() {
		return nil
	}
	var err error
	out.Tokens, err = l.env.Store.TokensSince(ctx, l.orgID, l.record.TeamID, from)
	return err
}

// settledAfter is how long after a change without an answer GitHub may still make it.
const settledAfter = 2 * time.Minute

// settle accepts what became of changes by commands that were cut off, or that GitHub did
// not answer: whether it made them or not.
func (l looker) settle(out *looked) {
	expected := *out.Expected
	expected.Repos, expected.Runners = maps.Clone(expected.Repos), maps.Clone(expected.Runners)
	for _, mark := range out.history.Changes {
		for _, thing := range mark.Things {
			out.Edits = append(out.Edits, settleThing(&expected, dispatch.Thing(thing), out.reading)...)
		}
		if out.At.Sub(mark.At) >= settledAfter {
			out.settled = append(out.settled, mark.RequestID)
		}
	}
	out.Expected = &expected
}

// settleThing makes the thing in expected what it is in the reading, and returns the edits
// that do the same.
func settleThing(expected *store.Expected, thing dispatch.Thing, r reading) (edits []store.Edit) {
	now := r.expected()
	kind, id := thing.Parse()
	repo := func(id int64) {
		before, was := expected.Repos[id]
		name, is := now.Repos[id]
		switch {
		case is && !was:
			expected.Repos[id] = name
			edits = append(edits, store.Edit{Kind: store.AttachRepo, ID: id, Name: name})
		case was && !is:
			delete(expected.Repos, id)
			edits = append(edits, store.Edit{Kind: store.DetachRepo, ID: id, Name: before})
		}
	}
	switch kind {
	case dispatch.OneRepo:
		repo(id)
	case dispatch.RepoList:
		for id := range maps.Clone(expected.Repos) {
			repo(id)
		}
		for id := range now.Repos {
			repo(id)
		}
	case dispatch.Workflows:
		if !sameWorkflows(expected.Workflows, now.Workflows) {
			expected.Workflows = now.Workflows
			edits = append(edits, store.Edit{Kind: store.SetWorkflows, Workflows: now.Workflows})
		}
	case dispatch.OneRunner:
		if now.Runners[id] && !expected.Runners[id] {
			expected.Runners[id] = true
			edits = append(edits, store.Edit{Kind: store.AddRunner, ID: id})
		}
	}
	return edits
}

// settings are what the findings of the group depend on. slug is the team's; "": as recorded.
func (l looker) settings(slug string) Settings {
	if slug == "" {
		slug = l.record.TeamSlug
	}
	p := l.org.Policy
	return Settings{
		Org: l.org.Name(), Team: slug, Group: l.record.GroupName, Slash: dispatch.Spec{Trigger: l.org.Trigger}.Slash(), GitHubURL: l.env.GitHubURL,
		OfflineAfter: l.env.OfflineAfter, PublicRepos: p.PublicRepos, RepoPermission: p.RepoPermission,
	}
}

// latest returns the newest release of the runner and all that are on record. Without an
// answer of GitHub the newest is unknown.
func latest(ctx context.Context, env *dispatch.Env, org *dispatch.Org) (string, []dispatch.Release) {
	downloads, err := org.GitHub.RunnerDownloads(ctx)
	version := github.LatestVersion(downloads)
	var releases []dispatch.Release
	if err == nil && env.Fleet != nil {
		releases, err = env.Fleet.NoteRelease(ctx, version)
	}
	if err != nil {
		zerolog.Ctx(ctx).Debug().Err(err).Str("org", org.Login).Msg("the newest release of the runner is not known")
	}
	return version, releases
}
