package commands

// All lists every command, in the order in which help shows them. Adding one is a
// file beside this one, and a line here.
func All() []Command {
	return []Command{
		groupCreate(),
		groupDelete(),
		groupList(),
		groupsList(),
		reposAdd(),
		reposRemove(),
		reposSet(),
		tokenJIT(),
		tokenRegister(),
		tokenRemove(),
		runnersTransfer(),
		runnersRemove(),
		workflowsSet(),
		groupAdopt(),
		groupRelease(),
		auditList(),
		whoami(),
		status(),
		help(),
	}
}
