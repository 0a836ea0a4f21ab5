package server

import (
	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/handlers/comment"
)

// Explain reports which commands the server would find in a comment in an organization, and
// what it would refuse of them whoever wrote it. An empty org is whichever they name. Nobody
// is asked, and nothing is run.
func Explain(org, markdown string) []comment.Explanation {
	return comment.Explain(dispatch.NewDispatcher(&dispatch.Env{}, commands.All()), org, markdown)
}
