package commands

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// TrustAddArgs are the arguments of trust-add.
type TrustAddArgs struct {
	Team        dispatch.Team `arg:"team,required" doc:"the team's slug" example:"platform"`
	Repo        string        `arg:"repo,required,positional" doc:"the repository whose workflows are trusted" example:"api"`
	Commands    []string      `arg:"commands,required" doc:"what they may use" example:"repos-add,token-jit"`
	Ref         string        `arg:"ref" doc:"only jobs on this branch (main) or full ref (refs/tags/v1); this or an environment is needed" example:"main"`
	Environment string        `arg:"environment" doc:"only jobs that use this environment of the repository" example:"production"`
	Workflow    string        `arg:"workflow" doc:"only jobs of this workflow file" example:".github/workflows/runners.yml"`
	For         time.Duration `arg:"for" doc:"how long the trust lasts (90m, 24h, 30d); by default as long as the operator allows" example:"30d"`
}

// minTrust is the least time that a trust lasts.
const minTrust = time.Minute

var (
	// refShape leaves out what git does, and so every pattern:
	// https://git-scm.com/docs/git-check-ref-format
	refShape     = regexp.MustCompile(`^refs/(heads|tags)/[^\x00-\x20\x7f~^:?*\[\\]+$`)
	workflowFile = regexp.MustCompile(`^\.github/workflows/[A-Za-z0-9_][A-Za-z0-9 ._@+-]{0,200}\.ya?ml$`)
)

const (
	maxRef         = 500 // bytes
	maxEnvironment = 255 // letters: https://docs.github.com/en/rest/deployments/environments
	noEnvironment  = "'\"`,;\\*?"
)

func trustAdd() dispatch.Command {
	return dispatch.Define(dispatch.Spec{
		Name: "trust-add", Method: http.MethodPost,
		Summary:  "Let workflows of a repository use commands for the team, without a stored token",
		Task:     dispatch.TaskRepos,
		Refusals: []dispatch.Reason{dispatch.ReasonMissingArgument, dispatch.ReasonRepoNotPermitted},
		Details: "The workflow sends the OpenID Connect token that GitHub gives to its job. Only jobs for a push, a schedule, a release or a manual run count, never those of pull requests. " +
			"The team needs a permission on the repository (policy.repoPermission), when the trust is made and at each use. The trust is the team's: it stays if whoever made it leaves. The same trust again extends it.",
		Needs: dispatch.Maintainer, Group: dispatch.OwnsGroup, Effect: dispatch.Changes, Example: "api --commands repos-add,token-jit --ref main", Undo: undoTrustAdd,
		Sample: undoneBy(trustAddResult(sampleCall(), sampleTrust()), "trust-remove 3"),
	}, runTrustAdd, checkTrustAdd)
}

// checkTrustAdd refuses conditions that no job meets, or that too many do.
func checkTrustAdd(call *dispatch.Call, a TrustAddArgs) error {
	invalid := func(argument, format string, args ...any) error {
		return dispatch.Refuse(dispatch.ReasonInvalidArgument, "%s: %s", call.ArgumentName(argument), fmt.Sprintf(format, args...))
	}
	if _, err := repoNamed(call, a.Repo); dispatch.ReasonOf(err) == dispatch.ReasonInvalidArgument {
		return err
	}
	if err := checkTrustCommands(call, a.Commands); err != nil {
		return err
	}
	maxAge := call.Org.Policy.Workflows.MaxAge
	switch {
	case a.Ref == "" && a.Environment == "":
		return dispatch.Refuse(dispatch.ReasonMissingArgument, "A trust needs a ref (%s), an environment (%s) or both: else every branch of the repository could use it.",
			call.Channel.Argument("ref", "main"), call.Channel.Argument("environment", "production"))
	case a.Ref != "" && !isRef(fullRef(a.Ref)):
		return invalid("ref", "%s is no branch or tag: write `main`, `refs/heads/main` or `refs/tags/v1`. Patterns do not count.", dispatch.Quote(a.Ref))
	case strings.ContainsAny(a.Environment, noEnvironment) || utf8.RuneCountInString(a.Environment) > maxEnvironment:
		return invalid("environment", "%s is not the name of an environment. Patterns do not count.", dispatch.Quote(a.Environment))
	case a.Workflow != "" && !workflowFile.MatchString(a.Workflow):
		return invalid("workflow", "%s is not the path of a workflow: write `.github/workflows/FILE.yml`.", dispatch.Quote(a.Workflow))
	case a.For != 0 && a.For < minTrust:
		return invalid("for", "a trust lasts a minute at least.")
	case maxAge != 0 && a.For > maxAge:
		return invalid("for", "a trust lasts %s at most here (policy.workflows.maxAge).", LengthOf(maxAge))
	}
	return nil
}

// checkTrustCommands refuses commands that no trust can allow.
func checkTrustCommands(call *dispatch.Call, names []string) error {
	var able []string
	for _, spec := range call.Specs() {
		if spec.Trustable {
			able = append(able, spec.Name)
		}
	}
	var items []dispatch.Item
	for _, name := range names {
		item := dispatch.Item{Item: name}
		if !slices.Contains(able, strings.ToLower(name)) {
			item.Error = fmt.Sprintf("%s cannot be trusted to workflows. These can: %s.", dispatch.Quote(name), strings.Join(able, ", "))
			item.Reason = dispatch.ReasonInvalidArgument
		}
		items = append(items, item)
	}
	return dispatch.RefuseItems(items)
}

// fullRef returns the ref of a branch that is given by its name.
func fullRef(text string) string {
	if strings.HasPrefix(text, "refs/") {
		return text
	}
	return "refs/heads/" + text
}

func isRef(ref string) bool {
	return refShape.MatchString(ref) && len(ref) <= maxRef && !strings.Contains(ref, "..") && !strings.Contains(ref, "//") && !strings.Contains(ref, "@{") &&
		!strings.HasSuffix(ref, "/") && !strings.HasSuffix(ref, ".") && !strings.HasSuffix(ref, ".lock")
}

// LengthOf writes a duration for people: "7 days" if it is whole ones, else as an argument has it.
func LengthOf(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= day && d%day == 0 {
		return countOf(int(d/day), "day")
	}
	return dispatch.ShortDuration(d)
}

func runTrustAdd(ctx context.Context, call *dispatch.Call, args TrustAddArgs) (dispatch.Result, error) {
	policy := call.Org.Policy.Workflows
	if !policy.Enabled {
		return dispatch.Result{}, dispatch.Refuse(dispatch.ReasonPolicy, "Workflows may not use this server with their own tokens (policy.workflows.enabled). Ask its operator.")
	}
	if !call.Recorded {
		return dispatch.Result{}, dispatch.Refuse(dispatch.ReasonGroupNotOwned,
			"The runner group %s is found by its name and is not on record, so no trust can be for it. An owner of %s can record it with `group-adopt`.", groupOfTeam(call.Group), call.Org.Login)
	}
	repo, err := trustedRepo(ctx, call, args.Repo)
	if err != nil {
		return dispatch.Result{}, err
	}
	if args.For == 0 {
		args.For = policy.MaxAge
	}
	trust := store.Trust{
		OrgID: call.OrgID, TeamID: call.Team.ID, GroupID: call.Group.GroupID, RepoID: repo.ID, Repo: call.Org.Name() + "/" + repo.Name,
		Environment: args.Environment, Workflow: args.Workflow, Expires: call.Env.Now().Add(args.For), MadeBy: call.Caller.Login,
	}
	if args.Ref != "" {
		trust.Ref = fullRef(args.Ref)
	}
	for _, name := range args.Commands {
		trust.Commands = append(trust.Commands, strings.ToLower(name))
	}
	slices.Sort(trust.Commands)
	before, err := sameTrust(ctx, call, trust)
	if err != nil {
		return dispatch.Result{}, err
	}
	if call.Preview {
		return previewOf(trustAddResult(call, trust), "This would trust workflows: "+trustSentence(trust)), nil
	}
	if err := call.Begin(ctx, store.Diff{Before: before, After: []store.Part{trustPart(trust)}}, nil, call.TheTrusts()); err != nil {
		return dispatch.Result{}, err
	}
	err = call.Change(ctx, func(ctx context.Context) (err error) {
		trust.ID, err = call.Env.Store.AddTrust(ctx, trust)
		return err
	}, call.TheTrusts())
	if errors.Is(err, store.ErrNotFound) {
		return dispatch.Result{}, dispatch.Refuse(dispatch.ReasonGroupNotFound, "The team `%s` does not own that runner group any more.", call.Team.Slug)
	}
	if err != nil {
		return dispatch.Result{}, dispatch.StoreError(err)
	}
	call.Replan(func(d *store.Diff) { d.After = []store.Part{trustPart(trust)} })
	return trustAddResult(call, trust), nil
}

// trustedRepo returns the repository if the team has the permission on it.
func trustedRepo(ctx context.Context, call *dispatch.Call, text string) (github.Repository, error) {
	name, err := repoNamed(call, text)
	if err != nil {
		return github.Repository{}, err
	}
	repo, err := call.Org.GitHub.TeamRepository(ctx, call.Team.Slug, name)
	return repo, checkPermitted(call, repo, err, text)
}

// sameTrust returns the trust as it is if the team has it already. It refuses a team that has
// many others.
func sameTrust(ctx context.Context, call *dispatch.Call, trust store.Trust) ([]store.Part, error) {
	trusts, err := call.Env.Store.Trusts(ctx, call.OrgID, call.Team.ID)
	for _, t := range trusts {
		if t.RepoID == trust.RepoID && jobsOf(t) == jobsOf(trust) && slices.Equal(t.Commands, trust.Commands) {
			return []store.Part{trustPart(t)}, nil
		}
	}
	if err == nil && len(trusts) >= store.MaxTrusts {
		return nil, dispatch.Refuse(dispatch.ReasonInvalidArgument, "The team `%s` has %d trusts already. Remove one with `trust-remove` first.", call.Team.Slug, len(trusts))
	}
	return nil, dispatch.StoreError(err)
}

// trustSentence says what a trust allows.
func trustSentence(t store.Trust) string {
	return fmt.Sprintf("jobs of %s %s may use %s until %s.", dispatch.Quote(t.Repo), jobsOf(t), joinNames(t.Commands), minuteOf(t.Expires))
}

func trustAddResult(c *dispatch.Call, t store.Trust) dispatch.Result {
	message := fmt.Sprintf("Trust %d: %s", t.ID, trustSentence(t))
	result := dispatch.Result{
		Response: TrustAnswer{Team: c.Team.Slug, Trust: trustInfo(t), Message: message},
		Message:  message, Changed: true,
	}
	if c.Env.PublicURL != "" {
		result.Notes = []string{
			fmt.Sprintf("The job needs `permissions: {id-token: write}` and a step with `uses: actions-runner-manager/actions-runner-manager/contrib/action@main`, `server: %s` and `command: %s … --team %s`.",
				c.Env.PublicURL, t.Commands[0], c.Team.Slug),
			fmt.Sprintf("[The whole workflow](%s), and the same with curl: its token is for the audience `%s`.", workflowsPage, c.Env.PublicURL),
		}
	}
	return result
}
