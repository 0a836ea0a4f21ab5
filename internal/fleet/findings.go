package fleet

import (
	"slices"
	"strings"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// Settings are what findings depend on beside the group.
type Settings struct {
	Org            string // login, for sentences
	Team           string // slug
	Group          string // name on record
	Slash          string // what a command in a comment begins with: "/runner-group"
	GitHubURL      string
	OfflineAfter   time.Duration // alerts.offlineAfter
	PublicRepos    bool          // policy.publicRepos
	RepoPermission string        // policy.repoPermission
}

// A Look is a group as GitHub showed it, with what is on record of it.
type Look struct {
	At       time.Time
	Group    store.PolledGroup // Team is nil if it was not asked, or could not be read
	Runners  []store.Runner    // that are there
	Known    []store.Finding   // that are open
	Latest   string            // the newest release of the runner; "": unknown
	Releases []dispatch.Release
	// NoneOnlineSince is since when all runners are offline; zero: they are not.
	NoneOnlineSince time.Time

	// Expected is what the group is expected to be; nil: nothing is recorded.
	Expected *store.Expected
	// Overlapped is set if a command changed the group during the look, so that nothing can
	// be said about what is expected.
	Overlapped bool
	// Exists says of repositories that are expected and not attached whether they exist.
	// Those that were not asked about are missing.
	Exists map[int64]bool
	// Access is what is on record of repositories that have an end or came by a request, by
	// their ids. The team needs no permission on those that a request attached.
	Access map[int64]store.Access
	// Tokens are when tokens that register runners were handed out to the team.
	Tokens []time.Time
}

// A Judgement is what a look comes to.
type Judgement struct {
	Findings []store.Finding // in order of severity, kind and subject; without Polls
	Edits    []store.Edit    // of what is expected: runners that a token explains, repositories that were renamed or deleted
}

// Judge finds what is wrong with a group. It keeps the findings of which the look says
// nothing.
func Judge(look Look, s Settings) Judgement {
	j := judge{Look: look, s: s}
	if look.Group.Deleted {
		j.find(GroupDeleted, subject{name: s.Group}, time.Time{})
		return Judgement{Findings: j.found}
	}
	j.runners()
	j.repositories()
	j.team()
	switch {
	case look.Overlapped:
		j.keep(aboutExpected)
	case look.Expected != nil:
		j.group()
		j.lists()
		j.unexpected()
	}
	slices.SortStableFunc(j.found, compareFindings)
	return Judgement{Findings: j.found, Edits: j.edits}
}

func compareFindings(a, b store.Finding) int {
	rank := func(f store.Finding) int { return slices.Index(Severities(), f.Severity) }
	if d := rank(a) - rank(b); d != 0 {
		return d
	}
	if d := strings.Compare(a.Kind, b.Kind); d != 0 {
		return d
	}
	return strings.Compare(strings.ToLower(a.Subject), strings.ToLower(b.Subject))
}

// judge collects the findings of a look.
type judge struct {
	Look
	s     Settings
	found []store.Finding
	edits []store.Edit
}

// A subject is what a finding is about; the zero id is the group or the team.
type subject struct {
	id   int64
	name string
}

// find adds a finding. since is when it began; zero: when a look found it first. values are
// for its message.
func (j *judge) find(kind Kind, about subject, since time.Time, values ...string) {
	f := store.Finding{Kind: kind, SubjectID: about.id, Subject: about.name, Severity: infoOf(kind).severity, Since: since}
	f.Message, f.Remedy = j.s.words(kind, about.name, values)
	if f.Since.IsZero() {
		f.Since = j.At
		if known, ok := j.known(kind, about.id); ok {
			f.Since = known.Since
		}
	}
	j.found = append(j.found, f)
}

func (j *judge) known(kind Kind, id int64) (store.Finding, bool) {
	for _, f := range j.Known {
		if f.Kind == kind && f.SubjectID == id {
			return f, true
		}
	}
	return store.Finding{}, false
}

// keep keeps the open findings that are judged by what the look does not say.
func (j *judge) keep(about about) {
	for _, f := range j.Known {
		if infoOf(f.Kind).about == about {
			j.found = append(j.found, f)
		}
	}
}

// runners judges the runners as they are.
func (j *judge) runners() {
	if since := j.NoneOnlineSince; !since.IsZero() && j.At.Sub(since) > j.s.OfflineAfter {
		j.find(NoRunnerOnline, subject{name: j.Group.Name}, since)
	}
	for _, r := range j.Runners {
		about := subject{r.ID, r.Name}
		if !r.Ephemeral && !neverConnected(r) && !r.Online && !r.OfflineSince.IsZero() && j.At.Sub(r.OfflineSince) > j.s.OfflineAfter {
			j.find(RunnerOffline, about, r.OfflineSince)
		}
		switch dispatch.RunnerState(r.Version, j.Latest, j.Releases, j.At) {
		case dispatch.StateOutdated:
			j.find(RunnerOutdated, about, time.Time{}, r.Version, j.Latest)
		case dispatch.StateBlocked:
			j.find(RunnerBlocked, about, time.Time{}, r.Version, j.Latest)
		}
	}
}

// neverConnected reports whether no machine has used the runner yet. An Enterprise Server that
// does not say which runners are ephemeral has no system for those of token-jit until then.
func neverConnected(r store.Runner) bool {
	return r.LastOnline.IsZero() && strings.EqualFold(r.OS, "unknown")
}

// repositories judges the attached repositories as they are.
func (j *judge) repositories() {
	for _, repo := range j.Group.Repos {
		if repo.Public && !j.s.PublicRepos {
			j.find(RepoPublic, subject{repo.ID, repo.Name}, time.Time{})
		}
		if repo.Archived {
			j.find(RepoArchived, subject{repo.ID, repo.Name}, time.Time{})
		}
		if end := j.Access[repo.ID].Until; !end.IsZero() && j.At.Sub(end) > AccessGrace {
			j.find(AccessOverdue, subject{repo.ID, repo.Name}, end, end.UTC().Format("2006-01-02 15:04 UTC"))
		}
	}
}

// team judges the team's maintainers and permissions.
func (j *judge) team() {
	team := j.Group.Team
	if team == nil {
		j.keep(aboutTeam)
		return
	}
	if team.Maintainers == 0 && !isEnterprise(j.s.Team) {
		j.find(NoMaintainer, subject{name: j.s.Team}, time.Time{})
	}
	if team.Deleted {
		return
	}
	for _, repo := range j.Group.Repos {
		permission, asked := team.Permissions[repo.ID]
		if asked && j.Access[repo.ID].Request == 0 && !github.PermissionAtLeast(permission, j.s.RepoPermission) {
			j.find(RepoPermissionLost, subject{repo.ID, repo.Name}, time.Time{})
		}
	}
}

// group compares the group itself with what it is expected to be.
func (j *judge) group() {
	about := subject{name: j.Group.Name}
	if j.Group.Visibility != j.Expected.Visibility {
		j.find(VisibilityChanged, about, time.Time{}, j.Expected.Visibility, j.Group.Visibility)
	}
	if j.Group.Public && !j.Expected.Public && !j.s.PublicRepos {
		j.find(PublicAllowed, about, time.Time{})
	}
	if !sameWorkflows(j.Group.Workflows, j.Expected.Workflows) {
		j.find(WorkflowsChanged, about, time.Time{}, workflowsText(j.Expected.Workflows), workflowsText(j.Group.Workflows))
	}
	if j.Group.Name != j.Expected.Name {
		j.find(GroupRenamed, about, time.Time{}, j.Expected.Name)
	}
}

func sameWorkflows(a, b *[]string) bool {
	if a == nil || b == nil {
		return a == b
	}
	return slices.Equal(slices.Sorted(slices.Values(*a)), slices.Sorted(slices.Values(*b)))
}

// lists compares the attached repositories with those that are expected.
func (j *judge) lists() {
	if j.Group.Visibility != github.VisibilitySelected {
		return // the list has no effect
	}
	attached := map[int64]bool{}
	for _, repo := range j.Group.Repos {
		attached[repo.ID] = true
		switch name, ok := j.Expected.Repos[repo.ID]; {
		case !ok:
			j.find(RepoAttachedOutside, subject{repo.ID, repo.Name}, time.Time{})
		case name != repo.Name: // it was renamed
			j.edits = append(j.edits, store.Edit{Kind: store.AttachRepo, ID: repo.ID, Name: repo.Name})
		}
	}
	for id, name := range j.Expected.Repos {
		if attached[id] {
			continue
		}
		switch exists, asked := j.Exists[id]; {
		case exists:
			j.find(RepoDetachedOutside, subject{id, name}, time.Time{})
		case asked:
			j.edits = append(j.edits, store.Edit{Kind: store.DetachRepo, ID: id})
		default:
			if f, ok := j.known(RepoDetachedOutside, id); ok {
				j.found = append(j.found, f)
			}
		}
	}
}

// tokenBefore is how long before the last poll without a runner a token may have been handed
// out that explains it: a registration token is good for an hour.
const tokenBefore = 2 * time.Hour

// unexpected finds runners that joined the group although nothing here made that possible.
// One that a token explains is expected from now on.
func (j *judge) unexpected() {
	for _, r := range j.Runners {
		if r.Ephemeral || j.Expected.Runners[r.ID] {
			continue
		}
		if slices.ContainsFunc(j.Tokens, func(at time.Time) bool {
			return !at.Before(tokensFrom(r, j.Expected)) && !at.After(r.JoinedAt)
		}) {
			j.edits = append(j.edits, store.Edit{Kind: store.AddRunner, ID: r.ID})
			continue
		}
		j.find(RunnerUnexpected, subject{r.ID, r.Name}, r.JoinedAt)
	}
}

// tokensFrom is from when on a token explains that the runner is in the group.
func tokensFrom(r store.Runner, expected *store.Expected) time.Time {
	absent := expected.At
	if r.AbsentAt.After(absent) {
		absent = r.AbsentAt
	}
	return absent.Add(-tokenBefore)
}
