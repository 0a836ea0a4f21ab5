package commands

import (
	"context"
	"net/http"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

func tokenRemove() dispatch.Command {
	return dispatch.Define(dispatch.Spec{
		Name: "token-remove", Method: http.MethodPost, Legacy: true,
		Summary: "Get a token to unregister a runner from its machine",
		Task:    dispatch.TaskRunners,
		Details: "The token is good for an hour. runners-remove needs none.",
		Needs:   dispatch.Maintainer, Group: dispatch.OwnsGroup, Effect: dispatch.Reveals, Concurrent: true,
		Sample: removeTokenResult(sampleCall(), sampleToken()),
	}, func(ctx context.Context, call *dispatch.Call, _ TeamArgs) (dispatch.Result, error) {
		if err := mayReveal(ctx, call); err != nil {
			return dispatch.Result{}, err
		}
		token, err := call.Org.GitHub.RemovalToken(ctx)
		if err != nil {
			return dispatch.Result{}, dispatch.GitHubError(err, "make a removal token")
		}
		return removeTokenResult(call, token), nil
	})
}

func removeTokenResult(call *dispatch.Call, token github.Token) dispatch.Result {
	line := "./config.sh remove --token " + shellQuote(token.Token.Reveal())
	note := "This token can remove any runner of " + call.Org.Login + " until it expires, so guard it. `runners-remove` removes runners of this group without one."
	return tokenResult(call, "removal token", token, line, line, note)
}
