package fleet_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/fleet"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

var settings = fleet.Settings{
	Org: "acme", Team: "platform", Group: "p", Slash: "/runner-group", GitHubURL: "https://github.com",
	OfflineAfter: 15 * time.Minute, RepoPermission: "admin",
}

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func ago(d time.Duration) time.Time { return noon.Add(-d) }

// healthy is a group with nothing wrong: one repository, one runner.
func healthy() fleet.Look {
	return fleet.Look{
		At: noon,
		Group: store.PolledGroup{
			Name: "p", Visibility: "selected", Repos: []store.PolledRepo{{ID: 5, Name: "api"}},
			Team: &store.PolledTeam{Maintainers: 1, Permissions: map[int64]string{5: "admin"}},
		},
		Runners:  []store.Runner{{ID: 7, GroupID: 100, Name: "build-1", Version: "2.330.0", Online: true, FirstSeen: ago(time.Hour), JoinedAt: ago(time.Hour)}},
		Latest:   "2.330.0",
		Releases: []dispatch.Release{{Version: "2.330.0", FirstSeen: ago(time.Hour)}},
		Expected: &store.Expected{Seq: 1, At: ago(24 * time.Hour), Name: "p", Visibility: "selected", Repos: map[int64]string{5: "api"}, Runners: map[int64]bool{7: true}},
	}
}

func offline(l *fleet.Look, since time.Time) {
	l.Runners[0].Online, l.Runners[0].OfflineSince = false, since
}

func joined(l *fleet.Look, absent time.Time) {
	l.Runners = append(l.Runners, store.Runner{ID: 8, Name: "new", Online: true, FirstSeen: ago(time.Minute), JoinedAt: ago(time.Minute), AbsentAt: absent})
}

// Each kind of finding, and what keeps it from being one.
func TestJudge(t *testing.T) {
	ci := []string{"acme/api/.github/workflows/ci.yml@main"}
	finding := func(kind, subject, severity, remedy string) store.Finding {
		return store.Finding{Kind: kind, Subject: subject, Severity: severity, Remedy: remedy}
	}
	ownerRemedy := "An owner of acme can change it back at https://github.com/organizations/acme/settings/actions/runner-groups, or accept it with `/runner-group group-accept --team platform`."
	update := "Update `build-1` to `2.331.0` on its machine. `/runner-group token-register --team platform` answers with the lines that install it."
	remove := "/runner-group repos-remove --team platform "
	for _, tt := range []struct {
		name   string
		change func(*fleet.Look, *fleet.Settings)
		want   []store.Finding
	}{
		{"healthy", func(*fleet.Look, *fleet.Settings) {}, nil},
		{"deleted", func(l *fleet.Look, _ *fleet.Settings) { l.Group.Deleted = true; l.Runners = nil }, []store.Finding{finding("group_deleted", "p", "critical", "/runner-group group-create --team platform")}},
		{"all offline", func(l *fleet.Look, _ *fleet.Settings) { l.NoneOnlineSince = ago(16 * time.Minute) }, []store.Finding{
			finding("no_runner_online", "p", "critical", "Start a runner on its machine, or set up another one with `/runner-group token-register --team platform`."),
		}},
		{"all offline, not long", func(l *fleet.Look, _ *fleet.Settings) { l.NoneOnlineSince = ago(15 * time.Minute) }, nil},
		{"visible to all", func(l *fleet.Look, _ *fleet.Settings) { l.Group.Visibility, l.Group.Repos = "all", nil }, []store.Finding{finding("visibility_changed", "p", "critical", ownerRemedy)}},
		{"public allowed", func(l *fleet.Look, _ *fleet.Settings) { l.Group.Public = true }, []store.Finding{finding("public_allowed", "p", "critical", ownerRemedy)}},
		{"public allowed, as the policy", func(l *fleet.Look, s *fleet.Settings) { l.Group.Public, s.PublicRepos = true, true }, nil},
		{"public allowed, as expected", func(l *fleet.Look, _ *fleet.Settings) { l.Group.Public, l.Expected.Public = true, true }, nil},
		{"public repository", func(l *fleet.Look, _ *fleet.Settings) { l.Group.Repos[0].Public = true }, []store.Finding{finding("repo_public", "api", "critical", remove+"api")}},
		{"public repository, as the policy", func(l *fleet.Look, s *fleet.Settings) { l.Group.Repos[0].Public, s.PublicRepos = true, true }, nil},
		{"outdated", func(l *fleet.Look, _ *fleet.Settings) {
			l.Latest, l.Releases = "2.331.0", append(l.Releases, dispatch.Release{Version: "2.331.0", FirstSeen: ago(30 * 24 * time.Hour)})
		}, []store.Finding{finding("runner_outdated", "build-1", "warning", update)}},
		{"blocked", func(l *fleet.Look, _ *fleet.Settings) {
			l.Latest, l.Releases = "2.331.0", append(l.Releases, dispatch.Release{Version: "2.331.0", FirstSeen: ago(30*24*time.Hour + 1)})
		}, []store.Finding{finding("runner_blocked", "build-1", "critical", update)}},
		{"no version", func(l *fleet.Look, _ *fleet.Settings) { l.Latest, l.Runners[0].Version = "2.331.0", "" }, nil},
		{"unexpected runner", func(l *fleet.Look, _ *fleet.Settings) { joined(l, ago(5*time.Minute)) }, []store.Finding{finding("runner_unexpected", "new", "critical", "/runner-group runners-remove --team platform new")}},
		{"unexpected runner, an old token", func(l *fleet.Look, _ *fleet.Settings) {
			joined(l, ago(5*time.Minute))
			l.Tokens = []time.Time{ago(2*time.Hour + 5*time.Minute + 1), ago(0)} // and one that came later
		}, []store.Finding{finding("runner_unexpected", "new", "critical", "/runner-group runners-remove --team platform new")}},
		{"a runner with a token", func(l *fleet.Look, _ *fleet.Settings) {
			joined(l, ago(5*time.Minute))
			l.Tokens = []time.Time{ago(2*time.Hour + 5*time.Minute)}
		}, nil},
		{"a runner that does one job", func(l *fleet.Look, _ *fleet.Settings) { joined(l, ago(5*time.Minute)); l.Runners[1].Ephemeral = true }, nil},
		{"a runner, nothing expected", func(l *fleet.Look, _ *fleet.Settings) { joined(l, ago(5*time.Minute)); l.Expected = nil }, nil},
		{"offline", func(l *fleet.Look, _ *fleet.Settings) { offline(l, ago(16*time.Minute)) }, []store.Finding{finding("runner_offline", "build-1", "warning", "/runner-group runners-remove --team platform build-1")}},
		{"offline, not long", func(l *fleet.Look, _ *fleet.Settings) { offline(l, ago(15*time.Minute)) }, nil},
		{"offline, made for one job", func(l *fleet.Look, _ *fleet.Settings) { offline(l, ago(time.Hour)); l.Runners[0].Ephemeral = true }, nil},
		{"never connected", func(l *fleet.Look, _ *fleet.Settings) {
			offline(l, ago(time.Hour))
			l.Runners[0].OS = "unknown"
		}, nil},
		{"attached outside", func(l *fleet.Look, _ *fleet.Settings) { l.Expected.Repos = nil }, []store.Finding{finding("repo_attached_outside", "api", "warning", remove+"api")}},
		{"permission lost", func(l *fleet.Look, _ *fleet.Settings) { l.Group.Team.Permissions[5] = "push" }, []store.Finding{finding("repo_permission_lost", "api", "warning", remove+"api")}},
		{"no permission, by request", func(l *fleet.Look, _ *fleet.Settings) {
			l.Group.Team.Permissions[5], l.Access = "", map[int64]store.Access{5: {RepoID: 5, Request: 17}}
		}, nil},
		{"access that ended", func(l *fleet.Look, _ *fleet.Settings) {
			l.Access = map[int64]store.Access{5: {RepoID: 5, Until: ago(fleet.AccessGrace + 1)}}
		}, []store.Finding{finding("access_overdue", "api", "warning", remove+"api")}},
		{"access that has just ended", func(l *fleet.Look, _ *fleet.Settings) {
			l.Access = map[int64]store.Access{5: {RepoID: 5, Until: ago(fleet.AccessGrace)}, 6: {RepoID: 6, Until: ago(time.Hour)}}
		}, nil},
		{"permission not asked", func(l *fleet.Look, _ *fleet.Settings) { delete(l.Group.Team.Permissions, 5) }, nil},
		{"workflows changed", func(l *fleet.Look, _ *fleet.Settings) { l.Group.Workflows = &ci }, []store.Finding{finding("workflows_changed", "p", "warning", "/runner-group group-accept --team platform")}},
		{"workflows lifted", func(l *fleet.Look, _ *fleet.Settings) { l.Expected.Workflows = &ci }, []store.Finding{finding("workflows_changed", "p", "warning", "/runner-group group-accept --team platform")}},
		{"no maintainer", func(l *fleet.Look, _ *fleet.Settings) { l.Group.Team.Maintainers = 0 }, []store.Finding{
			finding("no_maintainer", "platform", "warning", "An owner of acme can make a member of the team its maintainer: https://github.com/orgs/acme/teams/platform"),
		}},
		{"an enterprise team", func(l *fleet.Look, s *fleet.Settings) { l.Group.Team.Maintainers, s.Team = 0, "ent:platform" }, nil},
		{"detached outside", func(l *fleet.Look, _ *fleet.Settings) { l.Group.Repos, l.Exists = nil, map[int64]bool{5: true} }, []store.Finding{finding("repo_detached_outside", "api", "info", "/runner-group repos-add --team platform api")}},
		{"deleted repository", func(l *fleet.Look, _ *fleet.Settings) { l.Group.Repos, l.Exists = nil, map[int64]bool{5: false} }, nil},
		{"archived", func(l *fleet.Look, _ *fleet.Settings) { l.Group.Repos[0].Archived = true }, []store.Finding{finding("repo_archived", "api", "info", remove+"api")}},
		{"renamed", func(l *fleet.Look, _ *fleet.Settings) { l.Group.Name = "q" }, []store.Finding{finding("group_renamed", "q", "info", "/runner-group group-accept --team platform")}},
		{"a command meanwhile", func(l *fleet.Look, _ *fleet.Settings) {
			l.Overlapped, l.Group.Name, l.Expected.Repos = true, "q", nil
			joined(l, ago(time.Minute))
		}, nil},
		{"the worst first", func(l *fleet.Look, _ *fleet.Settings) {
			l.Group.Name, l.Expected.Repos, l.Group.Repos[0].Public = "q", nil, true
		}, []store.Finding{
			finding("repo_public", "api", "critical", remove+"api"), finding("repo_attached_outside", "api", "warning", remove+"api"),
			finding("group_renamed", "q", "info", "/runner-group group-accept --team platform"),
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			look, s := healthy(), settings
			tt.change(&look, &s)
			var got []store.Finding
			for _, f := range fleet.Judge(look, s).Findings {
				assert.NotEmpty(t, f.Message)
				assert.False(t, f.Since.IsZero())
				got = append(got, store.Finding{Kind: f.Kind, Subject: f.Subject, Severity: f.Severity, Remedy: f.Remedy})
			}
			assert.Equal(t, tt.want, got)
		})
	}
}

// What a look does not say anything about stays as it was.
func TestJudgeKeeps(t *testing.T) {
	known := []store.Finding{
		{Kind: "no_maintainer", Subject: "platform", Since: ago(time.Hour), Polls: 2},
		{Kind: "repo_attached_outside", SubjectID: 5, Subject: "api", Since: ago(time.Hour), Polls: 1},
		{Kind: "runner_offline", SubjectID: 7, Subject: "build-1", Since: ago(time.Hour), Polls: 2},
	}
	look := healthy()
	look.Known, look.Group.Team, look.Overlapped = known, nil, true
	assert.ElementsMatch(t, known[:2], fleet.Judge(look, settings).Findings)

	detached := store.Finding{Kind: "repo_detached_outside", SubjectID: 5, Subject: "api", Severity: "info", Since: ago(time.Hour), Polls: 2}
	look = healthy()
	look.Known, look.Group.Repos = []store.Finding{detached}, nil
	assert.Equal(t, []store.Finding{detached}, fleet.Judge(look, settings).Findings, "nobody was asked whether it exists")
}

// A finding begins when it was found first, unless what it is about says more.
func TestJudgeSince(t *testing.T) {
	look := healthy()
	look.Group.Repos[0].Archived = true
	offline(&look, ago(20*time.Minute))
	since := func() map[string]time.Time {
		times := map[string]time.Time{}
		for _, f := range fleet.Judge(look, settings).Findings {
			times[f.Kind] = f.Since
		}
		return times
	}
	assert.Equal(t, map[string]time.Time{"repo_archived": noon, "runner_offline": ago(20 * time.Minute)}, since())
	look.Known = []store.Finding{{Kind: "repo_archived", SubjectID: 5, Since: ago(time.Hour), Polls: 1}}
	assert.Equal(t, ago(time.Hour), since()["repo_archived"])
}

// What is explained is expected from now on, and what is deleted is not any more.
func TestJudgeEdits(t *testing.T) {
	look := healthy()
	joined(&look, ago(5*time.Minute))
	look.Tokens = []time.Time{ago(3 * time.Minute)}
	look.Group.Repos, look.Exists = nil, map[int64]bool{5: false}
	assert.Equal(t, []store.Edit{{Kind: store.DetachRepo, ID: 5}, {Kind: store.AddRunner, ID: 8}}, fleet.Judge(look, settings).Edits)
}
