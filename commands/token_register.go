package commands

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

func tokenRegister() dispatch.Command {
	return dispatch.Define(dispatch.Spec{
		Name: "token-register", Method: http.MethodPost, Legacy: true,
		Summary: "Make a token that registers runners, with the ready command line",
		Details: "The token is good for an hour, and for any group of the organization: token-jit is safer.",
		Needs:   dispatch.Maintainer, Group: dispatch.OwnsGroup, Effect: dispatch.Reveals, Concurrent: true,
		Sample: registerResult(sampleCall(), sampleToken()),
	}, func(ctx context.Context, call *dispatch.Call, _ TeamArgs) (dispatch.Result, error) {
		if err := mayReveal(ctx, call); err != nil {
			return dispatch.Result{}, err
		}
		token, err := call.Org.GitHub.RegistrationToken(ctx)
		if err != nil {
			return dispatch.Result{}, dispatch.GitHubError(err, "make a registration token")
		}
		return registerResult(call, token), nil
	})
}

func registerResult(call *dispatch.Call, token github.Token) dispatch.Result {
	line := fmt.Sprintf("./config.sh --url %s --runnergroup %s --token %s",
		orgURL(call), shellQuote(call.Group.GroupName), token.Token.Reveal())
	note := "This token can register a runner in any group of " + call.Org.Login + " until it expires, so guard it. `token-jit` makes a runner for this group only, and is the better choice."
	return tokenResult(call, "registration token", token, line, note)
}

// groupsPage is where an owner of the organization sees its runner groups on GitHub.
func groupsPage(c *dispatch.Call) string {
	return strings.TrimSuffix(c.Env.GitHubURL, "/") + "/organizations/" + c.Org.Name() + "/settings/actions/runner-groups"
}
