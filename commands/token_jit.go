package commands

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/secret"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// JITArgs are the arguments of token-jit. The group is never among them: the server
// chooses the team's own.
type JITArgs struct {
	Team       dispatch.Team `arg:"team,required" doc:"the team's slug" example:"platform"`
	Name       string        `arg:"name,required,positional" doc:"the new runner's name" example:"build-1"`
	Labels     []string      `arg:"labels" doc:"labels of the runner beside self-hosted" example:"gpu"`
	NoDefault  bool          `arg:"no-default-labels" doc:"do not add the label self-hosted"`
	WorkFolder string        `arg:"work-folder" doc:"the folder it works in, relative to its installation (_work)" example:"_work"`
}

var (
	runnerNameShape = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	// No {0,255}: that many copies of Unicode's letters take 10 MB and 25 ms.
	labelShape  = regexp.MustCompile(`^[\p{L}\p{N}][\p{L}\p{N}._:/ -]*$`)
	folderShape = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._/-]{0,254}$`)
)

// maxLabel is how long a label may be, in letters.
const maxLabel = 256

// maxLabels is how many labels GitHub takes for a just-in-time runner.
const maxLabels = 100

// labels returns the labels of the runner. generate-jitconfig adds none by itself, but jobs
// mostly ask for self-hosted.
func (a JITArgs) labels() []string {
	const selfHosted = "self-hosted"
	if a.NoDefault || slices.ContainsFunc(a.Labels, func(l string) bool { return strings.EqualFold(l, selfHosted) }) {
		return a.Labels
	}
	return append([]string{selfHosted}, a.Labels...)
}

// checkJIT refuses names that GitHub or a file system would take amiss.
func checkJIT(call *dispatch.Call, a JITArgs) error {
	if err := checkRunnerName(call, a.Name); err != nil {
		return err
	}
	if err := checkLabels(call, "labels", a.labels()); err != nil {
		return err
	}
	if len(a.labels()) == 0 {
		return dispatch.Refuse(dispatch.ReasonMissingArgument, "A runner needs a label: with %s give it at least one by %s.", call.ArgumentName("no-default-labels"), call.ArgumentName("labels"))
	}
	if a.WorkFolder != "" && (!folderShape.MatchString(a.WorkFolder) || strings.Contains("/"+a.WorkFolder+"/", "/../")) {
		return dispatch.Refuse(dispatch.ReasonInvalidArgument, "%s: %s is not a relative path without `..`.", call.ArgumentName("work-folder"), dispatch.Quote(a.WorkFolder))
	}
	return nil
}

func checkRunnerName(call *dispatch.Call, name string) error {
	if !runnerNameShape.MatchString(name) {
		return dispatch.Refuse(dispatch.ReasonInvalidArgument, "%s: %s is not a runner's name: at most 64 letters, digits, dots, dashes and underscores, a letter or digit first.", call.ArgumentName("name"), dispatch.Quote(name))
	}
	return nil
}

func checkLabels(call *dispatch.Call, argument string, labels []string) error {
	if len(labels) > maxLabels {
		return dispatch.Refuse(dispatch.ReasonInvalidArgument, "%s: a runner takes at most %d labels.", call.ArgumentName(argument), maxLabels)
	}
	for _, label := range labels {
		if !labelShape.MatchString(label) || utf8.RuneCountInString(label) > maxLabel {
			return dispatch.Refuse(dispatch.ReasonInvalidArgument, "%s: %s is not a label: letters, digits, dots, dashes and underscores.", call.ArgumentName(argument), dispatch.Quote(label))
		}
	}
	return nil
}

// JITAnswer is what token-jit answers. It holds a secret.
type JITAnswer struct {
	Runner           RunnerInfo `json:"runner"`
	EncodedJITConfig string     `json:"encoded_jit_config"`
	Command          string     `json:"command"` // the ready command line
	Message          string     `json:"message"`
	Undo             string     `json:"undo,omitempty"`
}

func tokenJIT() dispatch.Command {
	return dispatch.Define(dispatch.Spec{
		Name: "token-jit", Method: http.MethodPost,
		Summary:  "Get the configuration of one runner that does one job",
		Task:     dispatch.TaskRunners,
		Refusals: []dispatch.Reason{dispatch.ReasonRunnerExists, dispatch.ReasonLimitReached},
		Details:  "The configuration works once, for one runner, in the team's group only. After its one job GitHub removes the runner; for one that stays use token-register. In a comment it is answered encrypted, never in plain.",
		Needs:    dispatch.Maintainer, Group: dispatch.OwnsGroup, Trustable: true, Effect: dispatch.Reveals, EncryptedOnly: true, Example: "build-1", Undo: undoTokenJIT,
		Sample: undoneBy(jitResult(sampleCall(), "build-1", github.JIT{
			Runner:        github.Runner{ID: 31, Name: "build-1", OS: "unknown", Status: "offline", Labels: []string{"self-hosted"}},
			EncodedConfig: secret.New("THE-CONFIGURATION"),
		}), "runners-remove build-1"),
	}, runTokenJIT, checkJIT)
}

func runTokenJIT(ctx context.Context, call *dispatch.Call, args JITArgs) (dispatch.Result, error) {
	if err := checkRunnerLimit(ctx, call, call.Group, args.Name); err != nil {
		return dispatch.Result{}, err
	}
	if call.Preview {
		return dispatch.Result{Message: fmt.Sprintf("This would make a runner %s in the runner group %s, for one job.", dispatch.Quote(args.Name), groupOfTeam(call.Group))}, nil
	}
	if err := beginJIT(ctx, call, args.Name); err != nil {
		return dispatch.Result{}, err
	}
	request := github.JITRequest{Name: args.Name, GroupID: call.Group.GroupID, Labels: args.labels(), WorkFolder: args.WorkFolder}
	if request.WorkFolder == "" {
		request.WorkFolder = "_work"
	}
	jit, err := makeJIT(ctx, call, request)
	if highest := call.FirstHighestRunner(); github.KindOf(err) == github.Conflict && highest != nil {
		// the first attempt at this request was cut off after GitHub made the runner,
		// and nobody has its configuration: it is made again
		removed, removeErr := removeUnused(ctx, call, args.Name, *highest)
		if removeErr != nil {
			err = removeErr
		} else if removed {
			jit, err = makeJIT(ctx, call, request)
		}
	}
	switch kind := github.KindOf(err); {
	case err == nil:
	case kind == github.NotFound:
		return dispatch.Result{}, noJIT(ctx, call, err)
	case kind == github.Conflict:
		return dispatch.Result{}, &dispatch.Error{Reason: dispatch.ReasonRunnerExists, Cause: err, Message: fmt.Sprintf("A runner named %s exists in %s already. Choose another name.", dispatch.Quote(args.Name), call.Org.Login)}
	case kind == github.Invalid:
		return dispatch.Result{}, &dispatch.Error{Reason: dispatch.ReasonInvalidArgument, Cause: err, Message: "GitHub refused the runner: " + dispatch.QuoteSentence(dispatch.GitHubFailure(err).Message) + "."}
	default:
		return dispatch.Result{}, dispatch.GitHubError(err, "make the runner")
	}
	return jitResult(call, args.Name, jit), nil
}

// noJIT explains a 404: the group is gone, or this GitHub does not know the endpoint, which
// came with Enterprise Server 3.10.
func noJIT(ctx context.Context, c *dispatch.Call, err error) error {
	_, lookErr := c.Org.GitHub.Group(ctx, c.Group.GroupID)
	if lookErr != nil {
		return groupError(ctx, c, lookErr, "read the runner group")
	}
	refusal := lacksFeature("just-in-time runners", "Enterprise Server 3.10 or later", err)
	refusal.Message += " `token-register` makes a runner that stays."
	return refusal
}

func jitResult(c *dispatch.Call, name string, jit github.JIT) dispatch.Result {
	line := "./run.sh --jitconfig " + shellQuote(jit.EncodedConfig.Reveal())
	message := fmt.Sprintf("The runner %s can start in the runner group %s. It does one job, then GitHub removes it. Its labels: %s.",
		dispatch.Quote(name), groupOfTeam(c.Group), joinNames(jit.Runner.Labels))
	return dispatch.Result{
		Response: JITAnswer{Runner: runnerInfo(jit.Runner), EncodedJITConfig: jit.EncodedConfig.Reveal(), Command: line, Message: message},
		Message:  message,
		Notes:    []string{"For a runner that stays use `token-register`. " + firstRunner("a-container-for-one-job") + " shows both."},
		Secret:   &dispatch.Secret{Kind: "runner configuration", Text: secret.New(line), EncryptedOnly: true},
		Changed:  true,
	}
}

func makeJIT(ctx context.Context, c *dispatch.Call, request github.JITRequest) (jit github.JIT, err error) {
	err = c.Change(ctx, func(ctx context.Context) (err error) {
		jit, err = c.Org.GitHub.JITConfig(ctx, request)
		return err
	}, dispatch.ARunnerName(request.Name))
	if err == nil {
		c.NoteChange(dispatch.ARunner(jit.Runner.ID)) // by which runners-remove knows it
		c.Replan(func(d *store.Diff) { d.After = runnerParts([]github.Runner{jit.Runner}, c.Group) })
	}
	return jit, err
}

// beginJIT makes sure that the secret can be handed over, and notes the newest runner of
// the group, if the command may be repeated: a repeated attempt removes only newer ones.
func beginJIT(ctx context.Context, c *dispatch.Call, name string) error {
	if err := prepareSecret(ctx, c); err != nil {
		return err
	}
	if c.Repeatable() && c.FirstHighestRunner() == nil {
		runners, err := c.Org.GitHub.GroupRunners(ctx, c.Group.GroupID)
		if err != nil {
			return groupError(ctx, c, err, "list the group's runners")
		}
		var highest int64
		for _, r := range runners {
			highest = max(highest, r.ID)
		}
		c.Seen.HighestRunner = &highest
	}
	return c.Begin(ctx, store.Diff{}, nil, dispatch.ARunnerName(name))
}

// removeUnused removes the runner of that name if it is in this group, newer than the
// runners that the first attempt saw, and never connected.
func removeUnused(ctx context.Context, c *dispatch.Call, name string, highest int64) (removed bool, err error) {
	runners, err := c.Org.GitHub.GroupRunners(ctx, c.Group.GroupID)
	if err != nil {
		return false, err
	}
	for _, runner := range runners {
		if strings.EqualFold(runner.Name, name) && runner.ID > highest && runner.Status == "offline" && !runner.Busy {
			return true, c.Org.GitHub.RemoveRunner(ctx, runner.ID)
		}
	}
	return false, nil
}
