// Package commands holds the commands of Actions Runner Manager, one file each, named
// like the command. Nothing else changes GitHub's runner groups.
package commands

import "github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"

// All lists every command, in the order in which help shows them. Adding one is a
// file beside this one, and a line here.
func All() []dispatch.Command {
	return []dispatch.Command{
		groupCreate(),
		groupDelete(),
		groupList(),
		groupsList(),
		groupCheck(),
		groupAccept(),
		reposAdd(),
		reposRemove(),
		reposSet(),
		tokenJIT(),
		tokenRegister(),
		tokenRemove(),
		runnersList(),
		runnersLabel(),
		runnersTransfer(),
		runnersRemove(),
		repoRunners(),
		workflowsSet(),
		trustAdd(),
		trustList(),
		trustRemove(),
		accessRequest(),
		requestsList(),
		requestApprove(),
		requestDeny(),
		requestWithdraw(),
		groupAdopt(),
		groupRelease(),
		auditList(),
		whoami(),
		status(),
		help(),
	}
}
