package commands

import (
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/secret"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// The samples are what commands answer to their examples: made by what makes the real
// answers, so that they stay true, for a team platform of acme and its group.

func sampleCall() *dispatch.Call {
	return &dispatch.Call{
		Env: &dispatch.Env{GitHubURL: "https://github.com"}, Org: &dispatch.Org{Login: "acme"},
		Team: github.Team{Slug: "platform"}, Group: store.Record{TeamSlug: "platform", GroupID: 7, GroupName: "platform", Visibility: "selected"},
		Other: github.Team{Slug: "web"}, OtherGroup: store.Record{TeamSlug: "web", GroupID: 8, GroupName: "web"},
	}
}

// undoneBy adds to a sample the line that reverses it.
func undoneBy(result dispatch.Result, line string) dispatch.Result {
	return result.WithUndo(dispatch.Spec{}.Slash() + " " + line + " --team platform")
}

func sampleGroup() github.Group {
	return github.Group{ID: 7, Name: "platform", Visibility: "selected"}
}

func sampleRepos() []github.Repository {
	return []github.Repository{{Name: "api"}, {Name: "web"}}
}

func sampleRunners() []github.Runner {
	return []github.Runner{{ID: 31, Name: "build-1", OS: "linux", Status: "online", Labels: []string{"self-hosted", "linux"}, Version: "2.323.0"}}
}

func sampleNames() []string { return []string{"build-1", "build-2"} }

func sampleTime() time.Time { return time.Date(2026, 1, 31, 13, 0, 0, 0, time.UTC) }

func sampleToken() github.Token {
	return github.Token{Token: secret.New("THE-TOKEN"), ExpiresAt: sampleTime()}
}

func sampleDownloads() []github.Download {
	const file = "actions-runner-linux-x64-2.323.0.tar.gz"
	return []github.Download{{OS: "linux", Arch: "x64", File: file, URL: "https://github.com/actions/runner/releases/download/v2.323.0/" + file, SHA256: "THE-CHECKSUM"}}
}
