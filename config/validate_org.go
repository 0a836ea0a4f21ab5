package config

import (
	"fmt"
	"strings"
	"time"
	"unicode"
)

// validateOrgs checks who is served and what each organization's chatops and policy say.
func (l *loader) validateOrgs(c *Config) {
	if c.Org != "" && len(c.Orgs) > 0 {
		l.refuseKey("orgs", "replaces org: keep one of them")
	}
	if len(c.Orgs) > 0 && c.InstallationID != 0 {
		l.refuseKey("installationID", "belongs to org: give each entry of orgs its own, or none")
	}
	if c.Org == "" && len(c.Orgs) == 0 && !l.refused["orgs"] {
		l.need(c.SetupMode() || l.refused["appID"], "org", "is missing: set org (or ARM_ORG), or several in orgs")
	}
	l.need(c.Org == "" || orgShape.MatchString(c.Org), "org", "must be an organization's name as in its address: letters, digits and hyphens")
	l.validateChatops(&c.Chatops, c.Org, "")
	l.validatePolicy(&c.Policy, "")
	l.validateRemoveOffline(c.Policy.RemoveOffline, c.Fleet.PollInterval, "")

	orgs, installations := map[string]int{}, map[int64]int{}
	for i := range c.Orgs {
		entry, key := &c.Orgs[i], fmt.Sprintf("orgs[%d]", i)
		if l.refused[key] {
			continue
		}
		l.need(entry.Org != "", key+".org", "is missing")
		l.need(entry.Org == "" || orgShape.MatchString(entry.Org), key+".org", "must be an organization's name as in its address: letters, digits and hyphens")
		l.need(entry.InstallationID >= 0, key+".installationID", "must be a positive number")
		name := strings.ToLower(entry.Org)
		if before, repeated := orgs[name]; repeated && name != "" {
			l.refuseKey(key+".org", fmt.Sprintf("is the organization of orgs[%d], too", before))
		} else {
			orgs[name] = i
		}
		if before, repeated := installations[entry.InstallationID]; repeated && entry.InstallationID != 0 {
			l.refuseKey(key+".installationID", fmt.Sprintf("is the installation of orgs[%d], too: each organization has its own", before))
		} else {
			installations[entry.InstallationID] = i
		}
		l.validateChatops(&entry.Chatops, entry.Org, key)
		l.validatePolicy(&entry.Policy, key)
		l.validateRemoveOffline(entry.Policy.RemoveOffline, c.Fleet.PollInterval, key)
	}
}

// validateRemoveOffline checks that the server can know how long runners are offline.
func (l *loader) validateRemoveOffline(after, pollInterval time.Duration, entry string) {
	l.needBelow(after == 0 || after >= time.Hour, entry, "policy.removeOffline", "must be 0, or at least 1h")
	l.needBelow(after == 0 || pollInterval != 0 || l.refused["fleet.pollInterval"], entry, "policy.removeOffline",
		"needs fleet.pollInterval, which is 0: only polls show how long a runner is offline")
}

// needBelow notes a mistake of a key of an entry of orgs, unless the key is inherited:
// then it was noted at the top.
func (l *loader) needBelow(holds bool, entry, key, message string) {
	if entry != "" && !l.wasGiven(entry+"."+key) {
		return
	}
	l.need(holds, join(entry, key), message)
}

func (l *loader) validateChatops(c *Chatops, org, entry string) {
	// At the top, org is empty if orgs names several: then a full name fits none of them.
	repo := c.AdminRepo
	if owner, name, full := strings.Cut(repo, "/"); full {
		if !strings.EqualFold(owner, org) {
			if org != "" {
				l.need(false, join(entry, "chatops.adminRepo"), "must be a repository of the organization that is served: give its bare name")
			}
			return
		}
		repo = name
	}
	l.needBelow(repo == "" || repoShape.MatchString(repo) && strings.Trim(repo, ".") != "", entry, "chatops.adminRepo",
		"must be a repository's name: letters, digits, ., - and _")
	c.AdminRepo = repo
	l.needBelow(triggerShape.MatchString(c.Trigger), entry, "chatops.trigger",
		"must be the word behind the slash, such as runner-group: letters, digits and hyphens, at most 50")
	l.needBelow(c.TokenReplyTTL > 0, entry, "chatops.tokenReplyTTL", "must be more than 0s")
}

func (l *loader) validatePolicy(c *Policy, entry string) {
	l.needBelow(isGroupName(c.GroupName), entry, "policy.groupName",
		"must contain {team}, the placeholder for the team's slug, and no other braces: without it all teams would share one group")
	l.validateGlobs(c.Teams.Allow, entry, "policy.teams.allow")
	l.validateGlobs(c.Teams.Deny, entry, "policy.teams.deny")
	l.needBelow(c.Workflows.MaxAge >= time.Minute, entry, "policy.workflows.maxAge", "must be at least 1m")
	l.needBelow(c.Limits.Repos >= 0, entry, "policy.limits.repos", "must be 0 or more")
	l.needBelow(c.Limits.Runners >= 0, entry, "policy.limits.runners", "must be 0 or more")
	l.needBelow(c.RequestTTL >= time.Minute, entry, "policy.requestTTL", "must be at least 1m")
	for i, command := range c.Approval {
		l.needBelow(commandShape.MatchString(command), entry, fmt.Sprintf("policy.approval[%d]", i), "must be a command's name, such as group-create")
	}
	for i, command := range c.Confirm {
		l.needBelow(commandShape.MatchString(command), entry, fmt.Sprintf("policy.confirm[%d]", i), "must be a command's name, such as group-delete")
	}
}

func (l *loader) validateGlobs(patterns []string, entry, key string) {
	for i, pattern := range patterns {
		l.needBelow(isGlob(pattern), entry, fmt.Sprintf("%s[%d]", key, i), "must be a glob over team slugs, such as * or platform-*; a [ needs its ]")
	}
}

func isGroupName(name string) bool {
	rest := strings.ReplaceAll(name, "{team}", "")
	return rest != name && len(name) <= 100 && strings.TrimSpace(name) == name &&
		!strings.ContainsAny(rest, "{}") && strings.IndexFunc(rest, unicode.IsControl) < 0
}
