package server

import (
	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/config"
	"github.com/actions-runner-manager/actions-runner-manager/handlers/comment"
)

// Explain reports which commands the server with that configuration would find in a comment,
// and what it would refuse of them whoever wrote it. If it serves several organizations or
// none, the comment is in whichever the commands name. Nobody is asked, and nothing is run.
func Explain(c *config.Config, markdown string) []comment.Explanation {
	org, trigger := "", c.Chatops.Trigger
	if all := c.Organizations(); len(all) == 1 {
		org, trigger = all[0].Org, all[0].Chatops.Trigger
	}
	env := &dispatch.Env{GitHubURL: c.GitHub.URL}
	return comment.Explain(dispatch.NewDispatcher(env, commands.All()), org, trigger, markdown)
}
