package commands

import (
	"context"
	"fmt"
	"net/http"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/commands/ownership"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

func groupRelease() dispatch.Command {
	return dispatch.Define(dispatch.Spec{
		Name: "group-release", Method: http.MethodPatch,
		Summary:  "Forget that a team owns its runner group (owners only)",
		Task:     dispatch.TaskOwners,
		Refusals: []dispatch.Reason{dispatch.ReasonGroupNotFound},
		Details:  "The group stays as it is; no team manages it until it is adopted again.",
		Needs:    dispatch.Owner, Effect: dispatch.Destroys, Undo: undoGroupRelease,
		Sample: undoneBy(releaseResult(sampleCall().Group), "group-adopt --group platform"),
	}, runGroupRelease)
}

func runGroupRelease(ctx context.Context, call *dispatch.Call, args TeamArgs) (dispatch.Result, error) {
	record := call.Group
	if call.First != nil && call.First.Group != 0 && call.Recorded && record.GroupID != call.First.Group {
		return dispatch.Result{}, call.SupersededOutside()
	}
	if !call.Recorded {
		// the team may be gone, or be another than the one on record
		records, err := call.Env.Store.RecordsBySlug(ctx, call.OrgID, string(args.Team))
		if err != nil {
			return dispatch.Result{}, dispatch.StoreError(err)
		}
		if len(records) == 0 && call.First != nil {
			return dispatch.Result{Message: fmt.Sprintf("The team `%s` owns no runner group here any more.", args.Team), Changed: true}, nil
		}
		if len(records) == 0 {
			return dispatch.Result{}, dispatch.Refuse(dispatch.ReasonGroupNotFound, "The team `%s` owns no runner group here.", args.Team)
		}
		record = records[0]
	}
	if call.Preview {
		return previewOf(releaseResult(record), fmt.Sprintf("This would forget that the runner group %s is owned; the group stays as it is on GitHub.", groupOfTeam(record))), nil
	}
	if err := call.Begin(ctx, store.Diff{Before: recordParts(record)}, nil, dispatch.GroupOf(record.TeamID)); err != nil {
		return dispatch.Result{}, err
	}
	if err := ownership.New(call.Env).Release(ctx, call, record); err != nil {
		return dispatch.Result{}, dispatch.StoreError(err)
	}
	return releaseResult(record), nil
}

func releaseResult(record store.Record) dispatch.Result {
	message := fmt.Sprintf("Released the runner group %s. It stays as it is on GitHub; `group-adopt` gives it back.", groupOfTeam(record))
	return dispatch.Result{
		Response: GroupAnswer{Team: record.TeamSlug, Group: GroupInfo{ID: record.GroupID, Name: record.GroupName, Visibility: record.Visibility}, Message: message},
		Message:  message, Changed: true,
	}
}
