package commands

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/fleet"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// GroupAccepted is what group-accept answers.
type GroupAccepted struct {
	Team     string        `json:"team"`
	Group    string        `json:"group"`
	Accepted []FindingInfo `json:"accepted"`
	Message  string        `json:"message"`
}

func groupAccept() dispatch.Command {
	return dispatch.Define(dispatch.Spec{
		Name: "group-accept", Method: http.MethodPatch,
		Summary:  "Accept the team's runner group as it is now, so that its changes are no findings",
		Task:     dispatch.TaskOwnGroup,
		Refusals: []dispatch.Reason{dispatch.ReasonOwnerOnly},
		Details:  "Nothing in the group is changed. Only findings about what others changed end: group-check lists them. If others made the group visible to more repositories or allowed public ones against the policy, only owners of the organization can accept that; they can for every team.",
		Needs:    dispatch.Maintainer, OwnersToo: true, Group: dispatch.OwnsGroup, Effect: dispatch.Changes,
		Sample: acceptResult(sampleCall(), fleet.Checked{At: sampleTime(), Name: "platform"}, sampleFindings()[:1], nil),
	}, runGroupAccept)
}

func runGroupAccept(ctx context.Context, call *dispatch.Call, _ TeamArgs) (dispatch.Result, error) {
	if !call.Recorded {
		return dispatch.Result{}, dispatch.Refuse(dispatch.ReasonGroupNotOwned,
			"The runner group %s is found by its name and is not on record, so nothing is expected of it. An owner of %s can record it with `group-adopt`.", groupOfTeam(call.Group), call.Org.Login)
	}
	checked, err := fleet.Check(ctx, call, true)
	switch {
	case err != nil:
		return dispatch.Result{}, checkError(ctx, call, err)
	case checked.Deleted:
		return dispatch.Result{}, groupGone(call, nil)
	}
	accepted := aboutExpected(checked.Findings)
	refused, err := forOwners(ctx, call, accepted, &checked)
	if err != nil {
		return dispatch.Result{}, err
	}
	accepted = slices.DeleteFunc(accepted, func(f store.Finding) bool { return slices.Contains(refused, f) })
	if len(accepted) == 0 && len(refused) > 0 {
		return dispatch.Result{}, dispatch.Refuse(dispatch.ReasonOwnerOnly, "Only owners of %s can accept this: %s Ask one of them.", call.Org.Login, refused[0].Message)
	}
	if call.Preview {
		result := acceptResult(call, checked, accepted, refused)
		if !result.Changed {
			result.Needless = true
			return result, nil
		}
		preview := previewOf(result, "This would accept the group as it is now. "+countOf(len(accepted), "finding")+" would end.", result.Tables...)
		preview.Notes = result.Notes
		return preview, nil
	}
	plan := expectedDiff(call.Group.GroupID, checked.Before, checked.Expected, slices.Concat(checked.Findings, checked.Known))
	if err := call.Begin(ctx, plan, nil, call.TheExpected()); err != nil {
		return dispatch.Result{}, err
	}
	ended := slices.DeleteFunc(aboutExpected(checked.Known), func(f store.Finding) bool {
		return slices.ContainsFunc(refused, func(r store.Finding) bool { return r.Kind == f.Kind && r.SubjectID == f.SubjectID })
	})
	call.Accept(checked.Expected, ended)
	return acceptResult(call, checked, accepted, refused), nil
}

// aboutExpected returns the findings about what the group is expected to be.
func aboutExpected(list []store.Finding) []store.Finding {
	return slices.DeleteFunc(slices.Clone(list), func(f store.Finding) bool { return !fleet.IsAboutExpected(f.Kind) })
}

// forOwners returns the findings that only an owner of the organization can accept, if the
// caller is none, and leaves what they are about as it was expected before.
func forOwners(ctx context.Context, c *dispatch.Call, findings []store.Finding, checked *fleet.Checked) (refused []store.Finding, err error) {
	for _, f := range findings {
		if f.Kind == fleet.PublicAllowed || f.Kind == fleet.VisibilityChanged && checked.Expected.Visibility != github.VisibilitySelected {
			refused = append(refused, f)
		}
	}
	if len(refused) == 0 || c.Channel == dispatch.CLI {
		return nil, nil
	}
	owner, err := c.Env.IsOwner(ctx, c)
	if err != nil || owner {
		return nil, err
	}
	for _, f := range refused {
		if f.Kind == fleet.PublicAllowed {
			checked.Expected.Public = checked.Before.Public
		} else {
			checked.Expected.Visibility, checked.Expected.Repos = checked.Before.Visibility, checked.Before.Repos
		}
	}
	return refused, nil
}

func acceptResult(c *dispatch.Call, checked fleet.Checked, accepted, refused []store.Finding) dispatch.Result {
	record := c.Group
	record.GroupName = checked.Name
	message := fmt.Sprintf("Accepted the runner group %s as it is now. %s ended.", groupOfTeam(record), countOf(len(accepted), "finding"))
	if len(accepted) == 0 {
		message = fmt.Sprintf("The runner group %s is accepted as it is now. There was nothing to accept.", groupOfTeam(record))
	}
	result := dispatch.Result{
		Response: GroupAccepted{Team: c.Team.Slug, Group: checked.Name, Accepted: findingInfos(accepted), Message: message},
		Message:  message, Changed: len(accepted) > 0 || checked.Before == nil,
	}
	if len(accepted) > 0 {
		result.Tables = []dispatch.Table{findingTable("Accepted", accepted)}
	}
	for _, f := range refused {
		result.Notes = append(result.Notes, fmt.Sprintf("Only owners of %s can accept this: %s", c.Org.Login, f.Message))
	}
	return result
}
