package commands

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/commands/ownership"
)

// WhoAmI is what whoami answers.
type WhoAmI struct {
	Login string   `json:"login"`
	ID    int64    `json:"id"`
	Org   string   `json:"org"`
	Role  string   `json:"role"`  // in the organization: "member" or "owner"; "workflow" for a job
	Teams []string `json:"teams"` // that own a group here and that the caller maintains
	// TeamsWithoutGroup are the other teams that the caller maintains, as far as the server
	// knows: the one that was named, or those that the caller acted for within the last hour. It is
	// left out if the server knows none, which does not mean that there are none.
	TeamsWithoutGroup []string `json:"teamsWithoutGroup,omitzero"`

	// Workflow and Trusts are only in the answer to a job of GitHub Actions.
	Workflow *WorkflowInfo `json:"workflow,omitempty"`
	Trusts   []TrustMatch  `json:"trusts,omitzero"`
}

func whoami() dispatch.Command {
	return dispatch.Define(dispatch.Spec{
		Name: "whoami", Method: http.MethodGet,
		Summary:  "Show who you are here, and which of the teams that you maintain own a runner group",
		Task:     dispatch.TaskActivity,
		Refusals: []dispatch.Reason{dispatch.ReasonMissingArgument},
		Details:  "Of teams without a group it shows those that you acted for within the last hour; to see another, name it. To a workflow's token it shows what the token says, which trusts are for it, and which conditions of the others fail.",
		Needs:    dispatch.Member, AnyWorkflow: true, Effect: dispatch.Reads,
		Sample: dispatch.Result{Response: WhoAmI{Login: "mona", ID: 583231, Org: "acme", Role: "member", Teams: []string{"platform"}, TeamsWithoutGroup: []string{"web"}}},
	}, runWhoami, checkTeams)
}

func runWhoami(ctx context.Context, call *dispatch.Call, args TeamsArgs) (dispatch.Result, error) {
	if call.Caller.Workflow != nil {
		return whoamiWorkflow(ctx, call)
	}
	var role string
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		owner, err := call.Env.IsOwner(gctx, call)
		role = "member"
		if owner {
			role = "owner"
		}
		return err
	})
	teams := []string{}
	g.Go(func() error {
		records, err := ownership.New(call.Env).MaintainedTeams(gctx, call, args.Team)
		for _, r := range records {
			teams = append(teams, r.TeamSlug)
		}
		return err
	})
	var proved []string
	if len(args.Team) == 0 {
		g.Go(func() (err error) { proved, err = call.Env.ProvedTeams(gctx, call); return err })
	}
	if err := g.Wait(); err != nil {
		return dispatch.Result{}, err
	}
	without := slices.DeleteFunc(proved, func(team string) bool { return slices.Contains(teams, team) })
	if len(args.Team) > 0 {
		var err error
		if without, err = namedWithoutGroup(ctx, call, args.Team, teams); err != nil {
			return dispatch.Result{}, err
		}
	}
	message := fmt.Sprintf("You are `%s`, %s of %s.", call.Caller.Login, article(role), call.Org.Login)
	with, tables := sentenceOf("You maintain these teams that own a runner group here", "Teams with a group", teams, "team")
	if len(teams) == 0 {
		with = "You maintain no team that owns a runner group here."
	}
	message += " " + with
	if len(without) > 0 {
		sentence, table := sentenceOf("You also maintain, without a group here", "Teams without a group", without, "team")
		message, tables = message+" "+sentence+" `group-create` makes one.", append(tables, table...)
	}
	if len(args.Team) == 0 {
		message += " To see another team that you maintain, name it: " + call.Channel.Argument("team", "SLUG") + "."
	}
	return dispatch.Result{
		Response: WhoAmI{Login: call.Caller.Login, ID: call.Caller.ID, Org: call.Org.Login, Role: role, Teams: teams, TeamsWithoutGroup: without},
		Message:  message,
		Tables:   tables,
	}, nil
}

// namedWithoutGroup returns the team that was named and owns no group here, if the caller
// maintains it. It is asked for one team only, to keep what a caller may cost low.
func namedWithoutGroup(ctx context.Context, c *dispatch.Call, names, withGroup []string) ([]string, error) {
	var slugs []string
	for _, name := range names {
		slug, err := c.Slug("team", name)
		if err != nil {
			return nil, err
		}
		records, err := c.Env.Store.RecordsBySlug(ctx, c.OrgID, slug)
		if err != nil {
			return nil, dispatch.StoreError(err)
		}
		if len(records) == 0 && !slices.Contains(withGroup, slug) {
			slugs = append(slugs, slug)
		}
	}
	if len(slugs) != 1 {
		return nil, nil
	}
	return c.Env.MaintainedAmong(ctx, c, slugs)
}

func article(role string) string {
	if role == "owner" {
		return "an owner"
	}
	return "a " + role
}
