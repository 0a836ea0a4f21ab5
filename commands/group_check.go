package commands

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/fleet"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// FindingInfo is a finding in an answer.
type FindingInfo struct {
	Kind     string    `json:"kind"`
	Subject  string    `json:"subject"` // the repository, the runner, the group or the team
	Severity string    `json:"severity"`
	Since    time.Time `json:"since"`
	Message  string    `json:"message"`
	Remedy   string    `json:"remedy"` // the line of a comment, or a sentence
}

func findingInfos(list []store.Finding) []FindingInfo {
	infos := make([]FindingInfo, 0, len(list))
	for _, f := range list {
		infos = append(infos, FindingInfo{
			Kind: f.Kind, Subject: f.Subject, Severity: f.Severity, Since: f.Since.UTC().Truncate(time.Second), Message: f.Message, Remedy: f.Remedy,
		})
	}
	return infos
}

// GroupChecked is what group-check answers.
type GroupChecked struct {
	Team      string        `json:"team"`
	Group     string        `json:"group"`
	CheckedAt time.Time     `json:"checkedAt"`
	Findings  []FindingInfo `json:"findings"`
}

func groupCheck() dispatch.Command {
	return dispatch.Define(dispatch.Spec{
		Name: "group-check", Method: http.MethodGet,
		Summary: "Check what is wrong with the team's runner group, and how to fix it",
		Task:    dispatch.TaskOwnGroup,
		Details: "Asks GitHub afresh: runners that are offline, outdated or not expected, repositories and settings that were changed outside of this server, and what the team lost. How long a runner has been offline is what this server has seen itself.",
		Needs:   dispatch.Maintainer, MembersToo: true, Group: dispatch.OwnsGroup, Effect: dispatch.Reads,
		Sample: checkResult(sampleCall(), fleet.Checked{At: sampleTime(), Name: "platform", Findings: sampleFindings()}),
	}, func(ctx context.Context, call *dispatch.Call, _ TeamArgs) (dispatch.Result, error) {
		checked, err := fleet.Check(ctx, call, false)
		if err != nil {
			return dispatch.Result{}, checkError(ctx, call, err)
		}
		return checkResult(call, checked), nil
	})
}

// checkError turns a failure to look at the call's group into an error for the caller.
func checkError(ctx context.Context, c *dispatch.Call, err error) error {
	var failure *github.Error
	if errors.As(err, &failure) || errors.Is(err, context.DeadlineExceeded) {
		return groupError(ctx, c, err, "read the runner group")
	}
	return dispatch.StoreError(err)
}

func checkResult(c *dispatch.Call, checked fleet.Checked) dispatch.Result {
	record := c.Group
	record.GroupName = checked.Name
	message := fmt.Sprintf("Nothing is wrong with the runner group %s.", groupOfTeam(record))
	result := dispatch.Result{}
	if len(checked.Findings) > 0 {
		message = fmt.Sprintf("Group %s has %s: %s.", groupOfTeam(record), countOf(len(checked.Findings), "finding"), severityCounts(checked.Findings))
		result.Tables = []dispatch.Table{findingTable("Findings", checked.Findings)}
	}
	result.Message = message
	result.Response = GroupChecked{
		Team: c.Team.Slug, Group: checked.Name, CheckedAt: checked.At.UTC().Truncate(time.Second), Findings: findingInfos(checked.Findings),
	}
	return result
}

// severityCounts counts findings by severity, for a sentence.
func severityCounts(list []store.Finding) string {
	var parts []string
	for _, severity := range fleet.Severities() {
		n := 0
		for _, f := range list {
			if f.Severity == severity {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, severity))
		}
	}
	return strings.Join(parts, ", ")
}

func findingTable(title string, list []store.Finding) dispatch.Table {
	t := dispatch.Table{Title: fmt.Sprintf("%s (%d)", title, len(list)), Header: []string{"Severity", "Finding", "Since", "What to do"}, Sentences: []int{1, 3}}
	for _, f := range list {
		remedy := f.Remedy
		if strings.HasPrefix(remedy, "/") {
			remedy = "`" + strings.ReplaceAll(remedy, "`", "'") + "`"
		}
		t.Rows = append(t.Rows, []string{f.Severity, f.Message, f.Since.UTC().Format("2006-01-02 15:04 UTC"), remedy})
	}
	return t
}

// sampleFindings are for the reference.
func sampleFindings() []store.Finding {
	look := fleet.Look{
		At:       sampleTime(),
		Group:    store.PolledGroup{Name: "platform", Visibility: "selected", Repos: []store.PolledRepo{{ID: 1, Name: "api"}}},
		Runners:  []store.Runner{{ID: 31, Name: "build-1", OfflineSince: sampleTime().Add(-time.Hour)}},
		Expected: &store.Expected{Name: "platform", Visibility: "selected", Runners: map[int64]bool{31: true}},
	}
	return fleet.Judge(look, fleet.Settings{Org: "acme", Team: "platform", Group: "platform", Slash: sampleCall().Spec.Slash(), OfflineAfter: time.Minute}).Findings
}
