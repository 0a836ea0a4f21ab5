package dispatch

import (
	"context"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

// A Sighting is what this server has recorded of a runner. A zero time is never, as far as
// this server knows.
type Sighting struct {
	FirstSeen, LastOnline, LastBusy time.Time
}

// A Release is a release of the runner.
type Release struct {
	Version   string
	FirstSeen time.Time // when this server first learned that it is the newest
}

// A Fleet is what only this server knows about runners, since GitHub keeps no history.
type Fleet interface {
	// Sightings returns what is recorded of an organization's runners, by their ids. Those
	// without a record are missing.
	Sightings(ctx context.Context, orgID int64, runnerIDs []int64) (map[int64]Sighting, error)
	// NoteRelease records that version is the newest release, unless it is recorded already,
	// and returns all recorded releases.
	NoteRelease(ctx context.Context, version string) ([]Release, error)
}

// The states of a runner.
const (
	StateOK       = "ok"
	StateOutdated = "outdated" // a newer release exists
	StateBlocked  = "blocked"  // GitHub sends it no jobs: it has not taken a release for too long
)

// blockedAfter is how long a runner may miss a release before GitHub sends it no more jobs:
// https://docs.github.com/en/actions/reference/runners/self-hosted-runners#runner-software-updates-on-self-hosted-runners
const blockedAfter = 30 * 24 * time.Hour

// RunnerState returns the state of a runner of that version. latest is the newest release,
// releases are those on record. The state of a runner whose version GitHub does not say is
// StateOK.
func RunnerState(version, latest string, releases []Release, now time.Time) string {
	if version == "" || github.CompareVersions(version, latest) >= 0 {
		return StateOK
	}
	for _, r := range releases {
		if github.CompareVersions(version, r.Version) < 0 && now.Sub(r.FirstSeen) > blockedAfter {
			return StateBlocked
		}
	}
	return StateOutdated
}
