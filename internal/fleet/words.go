package fleet

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

// words returns the message and the remedy of a finding: the line of a comment that ends
// it, or a sentence if no command does.
func (s Settings) words(kind Kind, subject string, values []string) (message, remedy string) {
	name := dispatch.Quote(subject)
	value := func(i int) string {
		if i < len(values) {
			return dispatch.Quote(values[i])
		}
		return "``"
	}
	switch kind {
	case GroupDeleted:
		return fmt.Sprintf("The runner group %s was deleted on GitHub.", name), s.line("group-create")
	case NoRunnerOnline:
		return "No runner of the group is online, so its jobs wait.",
			fmt.Sprintf("Start a runner on its machine, or set up another one with `%s`.", s.line("token-register"))
	case VisibilityChanged:
		return fmt.Sprintf("The group's visibility is %s, and was %s.", value(1), value(0)), s.ownerRemedy()
	case PublicAllowed:
		return "Public repositories may use the group, so anybody's pull request can run code on its runners.", s.ownerRemedy()
	case WorkflowsChanged:
		return fmt.Sprintf("The group is %s now, and was %s. Nothing here changed that.", plain(values, 1), plain(values, 0)), s.line("group-accept")
	case GroupRenamed:
		return fmt.Sprintf("The group is called %s now, and was called %s.", name, value(0)), s.line("group-accept")
	case NoMaintainer:
		return fmt.Sprintf("The team `%s` has no maintainer, so nobody can manage its group.", s.Team),
			fmt.Sprintf("An owner of %s can make a member of the team its maintainer: %s", s.Org, s.teamPage())
	case RunnerBlocked, RunnerOutdated, RunnerOffline, RunnerUnexpected:
		return s.runnerWords(kind, subject, value)
	}
	return s.repoWords(kind, subject, value)
}

func (s Settings) runnerWords(kind Kind, subject string, value func(int) string) (message, remedy string) {
	name := dispatch.Quote(subject)
	switch kind {
	case RunnerBlocked:
		return fmt.Sprintf("Runner %s has version %s. A newer release has been out for more than 30 days, so GitHub sends it no jobs.", name, value(0)), s.update(name, value(1))
	case RunnerOutdated:
		return fmt.Sprintf("Runner %s has version %s. GitHub sends it no more jobs once a newer release has been out for 30 days.", name, value(0)), s.update(name, value(1))
	case RunnerOffline:
		return fmt.Sprintf("Runner %s is offline. Start it on its machine, or remove it.", name), s.line("runners-remove", subject)
	}
	return fmt.Sprintf("Runner %s joined the group although the team got no token for it here. "+
		"If it is not yours, remove it. If it is, accept it with `%s`.", name, s.line("group-accept")), s.line("runners-remove", subject)
}

func (s Settings) repoWords(kind Kind, subject string, value func(int) string) (message, remedy string) {
	name := dispatch.Quote(subject)
	switch kind {
	case RepoPublic:
		return fmt.Sprintf("Repository %s is public, so anybody's pull request can run code on the group's runners.", name), s.line("repos-remove", subject)
	case RepoAttachedOutside:
		return fmt.Sprintf("Repository %s was attached, but not through this server.", name), s.line("repos-remove", subject)
	case RepoPermissionLost:
		return fmt.Sprintf("The team `%s` does not have the permission `%s` on the attached repository %s any more.", s.Team, s.RepoPermission, name), s.line("repos-remove", subject)
	case RepoDetachedOutside:
		return fmt.Sprintf("Repository %s was detached, but not through this server.", name), s.line("repos-add", subject)
	case AccessOverdue:
		return fmt.Sprintf("Repository %s is still attached, although its access ended at %s. This server keeps trying to detach it.", name, value(0)), s.line("repos-remove", subject)
	case RepoArchived:
		return fmt.Sprintf("Repository %s is archived, so it runs no workflows.", name), s.line("repos-remove", subject)
	}
	return kind, ""
}

// line is a command for the team, as a comment has it.
func (s Settings) line(command string, words ...string) string {
	all := append([]string{s.Slash, command, "--team", s.Team}, words...)
	for i, word := range all {
		if strings.ContainsAny(word, " \t'\"\\=,") {
			all[i] = strconv.Quote(word)
		}
	}
	return strings.Join(all, " ")
}

func (s Settings) update(name, latest string) string {
	return fmt.Sprintf("Update %s to %s on its machine. `%s` answers with the lines that install it.", name, latest, s.line("token-register"))
}

// ownerRemedy is for what only an owner of the organization can undo or accept.
func (s Settings) ownerRemedy() string {
	return fmt.Sprintf("An owner of %s can change it back at %s, or accept it with `%s`.", s.Org, s.groupsPage(), s.line("group-accept"))
}

func (s Settings) groupsPage() string {
	return strings.TrimSuffix(s.GitHubURL, "/") + "/organizations/" + s.Org + "/settings/actions/runner-groups"
}

func (s Settings) teamPage() string {
	return strings.TrimSuffix(s.GitHubURL, "/") + "/orgs/" + s.Org + "/teams/" + s.Team
}

// workflowsText says what a group is limited to.
func workflowsText(workflows *[]string) string {
	switch {
	case workflows == nil:
		return "open to all workflows"
	case len(*workflows) == 0:
		return "limited to no workflow"
	}
	return "limited to " + dispatch.Quote(strings.Join(*workflows, ", "))
}

func plain(values []string, i int) string {
	if i < len(values) {
		return values[i]
	}
	return ""
}
