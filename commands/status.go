package commands

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

// NoArgs are the arguments of a command that takes none.
type NoArgs struct{}

func status() dispatch.Command {
	return dispatch.Define(dispatch.Spec{
		Name: "status", Method: http.MethodGet,
		Summary:  "Show the server's version and whether it can work",
		Task:     dispatch.TaskActivity,
		Refusals: []dispatch.Reason{dispatch.ReasonGitHubError, dispatch.ReasonUnavailable},
		Needs:    dispatch.Anyone, Effect: dispatch.Reads,
		Sample: dispatch.Result{Response: dispatch.Status{Ready: true, Version: "1.0.0", GitHub: "ok"}},
	}, func(ctx context.Context, call *dispatch.Call, _ NoArgs) (dispatch.Result, error) {
		s := call.Env.Status(ctx)
		if s.GitHub != "ok" {
			return dispatch.Result{}, &dispatch.Error{
				Reason: dispatch.ReasonGitHubError, Code: http.StatusServiceUnavailable,
				Message: "The server runs, but it cannot work with GitHub: " + s.GitHub + ". Comments that GitHub delivers are kept and answered later.",
			}
		}
		if !s.Ready {
			return dispatch.Result{}, dispatch.Refuse(dispatch.ReasonUnavailable, "The server runs, but it cannot take work: %s.", strings.Join(s.Reasons, "; "))
		}
		return dispatch.Result{Response: s, Message: fmt.Sprintf("Actions Runner Manager %s is ready, and GitHub answers.", s.Version)}, nil
	})
}
