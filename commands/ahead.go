package commands

import (
	"context"
	"sync"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

// An ahead is what a view begins to read of a group beside the caller's authorization, if the
// caller was proved to have the right lately.
type ahead[T any] struct {
	group int64 // its id on record, which may not be the team's any more
	wait  func() (T, error)
}

// readAhead returns what a command gives as its Prefetch, to read the group of its team with read.
// It begins nothing if the caller only wants the command's answer, and no page.
func readAhead[T any](read func(ctx context.Context, org *dispatch.Org, group int64) (T, error)) func(context.Context, *dispatch.Call, string, any) any {
	return func(ctx context.Context, call *dispatch.Call, teamSlug string, _ any) any {
		if call.View == nil {
			return nil
		}
		records, err := call.Env.Store.RecordsBySlug(ctx, call.OrgID, teamSlug)
		if err != nil || len(records) != 1 || !call.WasProvedIn(teamSlug, records[0].TeamID) {
			return nil
		}
		group, org := records[0].GroupID, call.Org
		begun := ahead[T]{group: group, wait: sync.OnceValues(func() (T, error) { return read(call.Recent(ctx), org, group) })}
		go func() { _, _ = begun.wait() }()
		return begun
	}
}
