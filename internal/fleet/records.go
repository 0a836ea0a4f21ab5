package fleet

import (
	"context"
	"sync"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// releasesKept is how long the releases that were read are used without reading them again.
const releasesKept = time.Minute

// Records are what the database holds about runners. It implements [dispatch.Fleet].
type Records struct {
	Store *store.Store

	mu       sync.Mutex
	releases []dispatch.Release
	readAt   time.Time
}

// Sightings implements [dispatch.Fleet].
func (r *Records) Sightings(ctx context.Context, orgID int64, runnerIDs []int64) (map[int64]dispatch.Sighting, error) {
	runners, err := r.Store.Runners(ctx, orgID, runnerIDs)
	seen := make(map[int64]dispatch.Sighting, len(runners))
	for id, runner := range runners {
		seen[id] = dispatch.Sighting{FirstSeen: runner.FirstSeen, LastOnline: runner.LastOnline, LastBusy: runner.LastBusy}
	}
	return seen, err
}

// NoteRelease implements [dispatch.Fleet]. The empty version is not recorded.
func (r *Records) NoteRelease(ctx context.Context, version string) ([]dispatch.Release, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	known := version == ""
	for _, release := range r.releases {
		known = known || release.Version == version
	}
	if known && r.Store.Now().Sub(r.readAt) < releasesKept {
		return r.releases, nil
	}
	if !known {
		if err := r.Store.NoteRelease(ctx, version); err != nil {
			return nil, err
		}
	}
	list, err := r.Store.Releases(ctx)
	if err != nil {
		return nil, err
	}
	releases := make([]dispatch.Release, len(list))
	for i, release := range list {
		releases[i] = dispatch.Release(release)
	}
	r.releases, r.readAt = releases, r.Store.Now()
	return releases, nil
}
