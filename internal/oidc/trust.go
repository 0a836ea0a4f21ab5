package oidc

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// GitHubHosted is the runner_environment of a job on one of GitHub's own machines.
const GitHubHosted = "github-hosted"

// Events are those whose workflows a trust can be for. Pull requests, comments and
// workflow_run are never among them: others than those who may push can trigger these.
func Events() []string { return []string{"push", "schedule", "workflow_dispatch", "release"} }

// A Use is what a job wants to use a trust for.
type Use struct {
	Command string // "" if any
	// Reveals is set for a command that hands out a secret, to jobs on GitHub's machines
	// only, unless SelfHosted is set.
	Reveals, SelfHosted bool
	Now                 time.Time
}

// Mismatch returns which conditions of a trust a job does not meet, a sentence each; none if
// the trust is for it. Names of repositories are not compared, and neither is sub.
func (c Claims) Mismatch(t store.Trust, use Use) []string {
	var fails []string
	need := func(holds bool, format string, args ...any) {
		if !holds {
			fails = append(fails, fmt.Sprintf(format, args...))
		}
	}
	need(c.OwnerID == t.OrgID, "the repository belongs to another organization (`repository_owner_id` is %d)", c.OwnerID)
	need(c.RepositoryID == t.RepoID, "it is another repository (`repository_id` is %d, not %d)", c.RepositoryID, t.RepoID)
	need(use.Now.Before(t.Expires), "it expired at %s", t.Expires.UTC().Format(time.RFC3339))
	need(use.Command == "" || slices.Contains(t.Commands, use.Command), "it does not allow `%s`", use.Command)
	need(t.Ref == "" || c.Ref == t.Ref, "`ref` is %s, not %s", quote(c.Ref), quote(t.Ref))
	need(t.Environment == "" || sameLetters(c.Environment, t.Environment), "`environment` is %s, not %s", quote(c.Environment), quote(t.Environment))
	need(slices.Contains(Events(), c.Event), "`event_name` is %s, not one of %s", quote(c.Event), strings.Join(Events(), ", "))
	need(c.jobWorkflow() != "", "the job is in a workflow of another repository (`job_workflow_ref` is %s)", quote(c.JobWorkflowRef))
	if t.Workflow != "" {
		need(c.Workflow() == t.Workflow, "`workflow_ref` is %s, not the file %s of the repository", quote(c.WorkflowRef), quote(t.Workflow))
		need(c.jobWorkflow() == t.Workflow, "`job_workflow_ref` is %s, not the file %s of the repository", quote(c.JobWorkflowRef), quote(t.Workflow))
	}
	need(!use.Reveals || use.SelfHosted || c.RunnerEnvironment == GitHubHosted, "`runner_environment` is %s, and secrets go to `%s` runners only", quote(c.RunnerEnvironment), GitHubHosted)
	return fails
}

// sameLetters compares without regard to case. Letters are the same only if each is the
// other's upper or lower case: so K is not the Kelvin sign, by which somebody could name an
// environment of their own almost like a protected one.
func sameLetters(a, b string) bool { return strings.Map(lower, a) == strings.Map(lower, b) }

func lower(r rune) rune {
	if l := unicode.ToLower(r); unicode.ToUpper(l) == r {
		return l
	}
	return r
}
