package commands

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

// RunnerInfo is a runner in an answer.
type RunnerInfo struct {
	ID     int64    `json:"id"`
	Name   string   `json:"name"`
	OS     string   `json:"os"`
	Status string   `json:"status"`
	Busy   bool     `json:"busy"`
	Labels []string `json:"labels"`
}

func runnerInfo(r github.Runner) RunnerInfo {
	return RunnerInfo{ID: r.ID, Name: r.Name, OS: r.OS, Status: r.Status, Busy: r.Busy, Labels: append([]string{}, r.Labels...)}
}

// A RunnerDetail is a runner with what decides whether GitHub sends it jobs.
type RunnerDetail struct {
	RunnerInfo

	Version   string `json:"version"` // "" if GitHub does not say
	Ephemeral bool   `json:"ephemeral"`
	State     string `json:"state"` // dispatch.StateOK, StateOutdated or StateBlocked
}

// releases are the releases of the runner, as far as the server knows them.
type releases struct {
	latest string // the newest; "" if GitHub does not say
	known  []dispatch.Release
	now    time.Time
}

// readReleases asks for the newest release of the runner, once an hour, and for those on
// record. Commands can do without: if the newest is not known, every runner is ok.
func readReleases(ctx context.Context, c *dispatch.Call) releases {
	found := releases{now: c.Env.Now()}
	downloads, err := c.Org.GitHub.RunnerDownloads(ctx)
	found.latest = github.LatestVersion(downloads)
	if err == nil && c.Env.Fleet != nil && found.latest != "" {
		found.known, err = c.Env.Fleet.NoteRelease(ctx, found.latest)
	}
	if err != nil {
		zerolog.Ctx(ctx).Warn().Err(err).Msg("the releases of the runner are not known")
	}
	return found
}

func (r releases) state(version string) string {
	return dispatch.RunnerState(version, r.latest, r.known, r.now)
}

func (r releases) detail(runner github.Runner) RunnerDetail {
	return RunnerDetail{RunnerInfo: runnerInfo(runner), Version: runner.Version, Ephemeral: runner.Ephemeral, State: r.state(runner.Version)}
}

func (r releases) details(runners []github.Runner) []RunnerDetail {
	details := make([]RunnerDetail, 0, len(runners))
	for _, runner := range runners {
		details = append(details, r.detail(runner))
	}
	return details
}

// A column is one column of a table of runners, beside the runner's name.
type column struct {
	title string
	cell  func(i int) string
}

// runnerTable shows runners. It leaves out the version if no runner has one.
func runnerTable(runners []RunnerDetail, more ...column) dispatch.Table {
	columns := []column{
		{"State", func(i int) string { return stateOf(runners[i]) }},
		{"System", func(i int) string { return runners[i].OS }},
	}
	if slices.ContainsFunc(runners, func(r RunnerDetail) bool { return r.Version != "" }) {
		columns = append(columns, column{"Version", func(i int) string { return runners[i].Version }})
	}
	columns = append(columns, column{"Labels", func(i int) string { return strings.Join(runners[i].Labels, ", ") }})
	columns = append(columns, more...)
	t := dispatch.Table{Title: fmt.Sprintf("Runners (%d)", len(runners)), Header: []string{"Runner"}, Code: true}
	for _, c := range columns {
		t.Header = append(t.Header, c.title)
	}
	for i, r := range runners {
		row := []string{r.Name}
		for _, c := range columns {
			row = append(row, c.cell(i))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// stateOf is in a word or two what a runner does, and what is wrong with it.
func stateOf(r RunnerDetail) string {
	words := workOf(r.Status, r.Busy)
	if r.State != dispatch.StateOK {
		words += ", " + r.State
	}
	return words
}

func workOf(status string, busy bool) string {
	switch {
	case busy:
		return "busy"
	case status == "online":
		return "idle"
	}
	return status
}

// hasLabels reports whether a runner has all the labels, without regard to case.
func hasLabels(has, labels []string) bool {
	return !slices.ContainsFunc(labels, func(l string) bool { return !containsLabel(has, l) })
}

func containsLabel(labels []string, label string) bool {
	return slices.ContainsFunc(labels, func(l string) bool { return strings.EqualFold(l, label) })
}
