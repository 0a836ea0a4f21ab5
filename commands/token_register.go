package commands

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/rs/zerolog"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

// RegisterArgs are the arguments of token-register: which runner its lines set up.
type RegisterArgs struct {
	Team   dispatch.Team `arg:"team,required" doc:"the team's slug" example:"platform"`
	Name   string        `arg:"name" doc:"the runner's name; the machine's name if not given" example:"build-1"`
	Labels []string      `arg:"labels" doc:"labels beside self-hosted, the system and the architecture" example:"gpu"`
	OS     string        `arg:"os" doc:"the machine's system; linux if not given" values:"linux,osx,win" example:"linux"`
	Arch   string        `arg:"arch" doc:"the machine's architecture; arm64 for osx, else x64, if not given" values:"x64,arm64" example:"x64"`
}

func checkRegister(call *dispatch.Call, a RegisterArgs) error {
	if a.Name != "" {
		if err := checkRunnerName(call, a.Name); err != nil {
			return err
		}
	}
	return checkLabels(call, "labels", a.Labels)
}

func tokenRegister() dispatch.Command {
	args := RegisterArgs{Team: "platform", Name: "build-1", Labels: []string{"gpu"}}
	return dispatch.Define(dispatch.Spec{
		Name: "token-register", Method: http.MethodPost, Legacy: true,
		Summary: "Get a registration token, with the lines that set up a permanent runner",
		Task:    dispatch.TaskRunners, Refusals: []dispatch.Reason{dispatch.ReasonLimitReached},
		Details: "The lines download the newest release, register the runner and install it as a service. The token is good for an hour, and for any group of the organization. For runners that do one job use token-jit.",
		Needs:   dispatch.Maintainer, Group: dispatch.OwnsGroup, Effect: dispatch.Reveals, Concurrent: true, Example: "--name build-1 --labels gpu",
		Sample: registerResult(sampleCall(), args, sampleToken(), sampleDownloads(), ""),
	}, runTokenRegister, checkRegister)
}

func runTokenRegister(ctx context.Context, call *dispatch.Call, args RegisterArgs) (dispatch.Result, error) {
	if err := mayReveal(ctx, call); err != nil {
		return dispatch.Result{}, err
	}
	if err := checkRunnerLimit(ctx, call, call.Group, args.Name); err != nil {
		return dispatch.Result{}, err
	}
	var downloads []github.Download
	var taken string
	var beside sync.WaitGroup
	beside.Go(func() {
		var err error
		if downloads, err = call.Org.GitHub.RunnerDownloads(ctx); err != nil { // the lines can do without
			zerolog.Ctx(ctx).Warn().Err(err).Msg("the newest release of the runner is not known")
		}
	})
	beside.Go(func() { taken = nameTaken(ctx, call, args.Name) })
	token, err := call.Org.GitHub.RegistrationToken(ctx)
	beside.Wait()
	if err != nil {
		return dispatch.Result{}, dispatch.GitHubError(err, "make a registration token")
	}
	return registerResult(call, args, token, downloads, taken), nil
}

// nameTaken warns if a runner of that name exists already; config.sh would refuse it.
func nameTaken(ctx context.Context, c *dispatch.Call, name string) string {
	if name == "" {
		return ""
	}
	found, err := c.Org.GitHub.RunnersNamed(ctx, name)
	if err != nil {
		zerolog.Ctx(ctx).Warn().Err(err).Msg("whether the runner's name is taken is not known")
	}
	switch {
	case len(found) == 0:
		return ""
	case found[0].GroupID == c.Group.GroupID:
		return fmt.Sprintf("Your group has a runner named %s already, so the lines below fail. Choose another name, or remove that runner first: `%s runners-remove %s --team %s`.",
			dispatch.Quote(name), c.Spec.Slash(), name, c.Team.Slug)
	}
	return fmt.Sprintf("A runner named %s exists in another group of %s. Choose another name: with `--replace` the machine would stay in that group.", dispatch.Quote(name), c.Org.Login)
}

const replaceNote = "`config.sh --replace` ignores `--runnergroup`: a runner that is replaced stays in its old group. Remove it first with `runners-remove`."

func registerResult(call *dispatch.Call, args RegisterArgs, token github.Token, downloads []github.Download, taken string) dispatch.Result {
	lines, missing := permanentRunner(call, args, token, downloads)
	notes := slices.DeleteFunc([]string{
		taken,
		"This token can register a runner in any group of " + call.Org.Login + " until it expires, so guard it.",
		missing,
	}, func(note string) bool { return note == "" })
	line := fmt.Sprintf("./config.sh --url %s --runnergroup %s --token %s", shellQuote(orgURL(call)), shellQuote(call.Group.GroupName), shellQuote(token.Token.Reveal()))
	if args.OS == "win" {
		line = fmt.Sprintf(`.\config.cmd --url %s --runnergroup %s --token %s`, powerShellQuote(orgURL(call)), powerShellQuote(call.Group.GroupName), powerShellQuote(token.Token.Reveal()))
	}
	text := slices.Concat(lines, []string{
		"# If the runner is unpacked already, this asks for the rest: " + line,
		"# " + strings.ReplaceAll(replaceNote, "`", ""),
	})
	result := tokenResult(call, "registration token", token, line, strings.Join(text, "\n"), notes...)
	answer, _ := result.Response.(TokenAnswer)
	answer.Commands, answer.Notes = lines, append(slices.Clone(notes), replaceNote)
	result.Response = answer
	result.Notes = append(result.Notes, firstRunner("a-machine-that-stays")+" explains the lines, and how a workflow uses the runner.")
	return result
}

// groupsPage is where an owner of the organization sees its runner groups on GitHub.
func groupsPage(c *dispatch.Call) string {
	return strings.TrimSuffix(c.Env.GitHubURL, "/") + "/organizations/" + c.Org.Name() + "/settings/actions/runner-groups"
}
