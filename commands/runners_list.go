package commands

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

// RunnersListArgs are the arguments of runners-list.
type RunnersListArgs struct {
	Team     dispatch.Team `arg:"team,required" doc:"the team's slug" example:"platform"`
	Offline  bool          `arg:"offline" doc:"only runners that are offline"`
	Outdated bool          `arg:"outdated" doc:"only runners that a newer release exists for"`
	Busy     bool          `arg:"busy" doc:"only runners that work on a job"`
	Label    []string      `arg:"label" doc:"only runners with this label; with all of them, if there are several" example:"gpu"`
}

// A ListedRunner is a runner in the answer of runners-list. The times are what this server
// has seen; nil if it has not.
type ListedRunner struct {
	RunnerDetail

	FirstSeen  *time.Time `json:"firstSeen"`
	LastOnline *time.Time `json:"lastOnline"`
	LastBusy   *time.Time `json:"lastBusy"`
}

// RunnersListing is what runners-list answers.
type RunnersListing struct {
	Team    string         `json:"team"`
	Group   string         `json:"group"`
	Latest  string         `json:"latest"` // newest release of the runner; "" if GitHub does not say
	Runners []ListedRunner `json:"runners"`
}

func runnersList() dispatch.Command {
	const newest = "2.330.0"
	runner := github.Runner{ID: 31, Name: "build-1", OS: "linux", Status: "online", Labels: []string{"self-hosted", "linux", "gpu"}, Version: "2.329.0"}
	sampleSeen := map[int64]dispatch.Sighting{31: {FirstSeen: sampleTime().AddDate(0, -1, 0), LastOnline: sampleTime()}}
	return dispatch.Define(dispatch.Spec{
		Name: "runners-list", Method: http.MethodGet,
		Summary: "Show the team's runners: what they do, and whether they are outdated",
		Task:    dispatch.TaskRunners,
		Details: "GitHub sends no jobs to a runner that has missed a release for 30 days; its state is blocked then. GitHub keeps no history: when a runner was first seen, last online and last busy is what this server has seen itself.",
		Needs:   dispatch.Maintainer, MembersToo: true, Group: dispatch.OwnsGroup, Trustable: true, Effect: dispatch.Reads, Prefetch: readAhead(fetchRunners),
		Sample: runnersListResult(sampleCall(), RunnersListArgs{}, []github.Runner{runner}, releases{latest: newest}, sampleSeen),
	}, runRunnersList, func(call *dispatch.Call, a RunnersListArgs) error { return checkLabels(call, "label", a.Label) })
}

func runRunnersList(ctx context.Context, call *dispatch.Call, args RunnersListArgs) (dispatch.Result, error) {
	var runners []github.Runner
	var newest releases
	seen := map[int64]dispatch.Sighting{}
	g, gctx := errgroup.WithContext(call.Recent(ctx))
	read := func() ([]github.Runner, error) { return fetchRunners(gctx, call.Org, call.Group.GroupID) }
	if begun, ok := call.Prefetched.(ahead[[]github.Runner]); ok && begun.group == call.Group.GroupID {
		read = begun.wait
	}
	g.Go(func() (err error) {
		if runners, err = read(); err != nil {
			return err
		}
		seen, err = sightings(gctx, call, runners)
		return err
	})
	g.Go(func() error { newest = readReleases(gctx, call); return nil })
	if err := g.Wait(); err != nil {
		return dispatch.Result{}, groupError(ctx, call, err, "list the group's runners")
	}
	slices.SortFunc(runners, func(a, b github.Runner) int { return strings.Compare(a.Name, b.Name) })
	return runnersListResult(call, args, runners, newest, seen), nil
}

func fetchRunners(ctx context.Context, org *dispatch.Org, group int64) ([]github.Runner, error) {
	return org.GitHub.GroupRunners(ctx, group)
}

// sightings returns what the server has recorded of the runners.
func sightings(ctx context.Context, c *dispatch.Call, runners []github.Runner) (map[int64]dispatch.Sighting, error) {
	if c.Env.Fleet == nil || len(runners) == 0 {
		return nil, nil
	}
	ids := make([]int64, len(runners))
	for i, r := range runners {
		ids[i] = r.ID
	}
	seen, err := c.Env.Fleet.Sightings(ctx, c.OrgID, ids)
	return seen, dispatch.StoreError(err)
}

// chosen reports whether the filters of the arguments choose the runner.
func (a RunnersListArgs) chosen(r RunnerDetail) bool {
	return (!a.Offline || r.Status != "online") && (!a.Busy || r.Busy) &&
		(!a.Outdated || r.State != dispatch.StateOK) && hasLabels(r.Labels, a.Label)
}

func runnersListResult(c *dispatch.Call, a RunnersListArgs, runners []github.Runner, newest releases, seen map[int64]dispatch.Sighting) dispatch.Result {
	all := newest.details(runners)
	chosen := slices.DeleteFunc(slices.Clone(all), func(r RunnerDetail) bool { return !a.chosen(r) })
	listed := make([]ListedRunner, 0, len(chosen))
	anySeen := false
	for _, r := range chosen {
		s := seen[r.ID]
		anySeen = anySeen || !s.LastOnline.IsZero()
		listed = append(listed, ListedRunner{RunnerDetail: r, FirstSeen: known(s.FirstSeen), LastOnline: known(s.LastOnline), LastBusy: known(s.LastBusy)})
	}
	message := runnersSummary(c, all, newest.latest)
	switch {
	case len(chosen) == len(all):
	case len(chosen) == 0:
		message += " None of them is what you asked for."
	default:
		message += fmt.Sprintf(" The list has %d of them.", len(chosen))
	}
	var more []column
	if anySeen {
		more = []column{{"Last online", func(i int) string { return lastOnline(listed[i]) }}}
	}
	return dispatch.Result{
		Response: RunnersListing{Team: c.Team.Slug, Group: c.Group.GroupName, Latest: newest.latest, Runners: listed},
		Message:  message,
		Tables:   []dispatch.Table{runnerTable(chosen, more...)},
		Notes:    outdatedNotes(chosen),
	}
}

// known is a time in an answer, without what is below a second; nil if it is zero.
func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Second)
	return &t
}

func lastOnline(r ListedRunner) string {
	switch {
	case r.Status == "online":
		return "now"
	case r.LastOnline == nil:
		return "not seen"
	}
	return r.LastOnline.Format("2006-01-02 15:04 UTC")
}

// runnersSummary counts the runners of the group in a sentence.
func runnersSummary(c *dispatch.Call, all []RunnerDetail, latest string) string {
	counts := map[string]int{}
	for _, r := range all {
		counts[workOf(r.Status, r.Busy)]++
		if r.State != dispatch.StateOK {
			counts[r.State]++
		}
	}
	if len(all) == 0 {
		return fmt.Sprintf("Group %s has no runners. `token-register` or `token-jit` adds one.", groupOfTeam(c.Group))
	}
	var parts []string
	for _, word := range []string{"idle", "busy", "offline", dispatch.StateOutdated, dispatch.StateBlocked} {
		if n := counts[word]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, word))
		}
	}
	text := fmt.Sprintf("Group %s: %s: %s.", groupOfTeam(c.Group), countOf(len(all), "runner"), strings.Join(parts, ", "))
	if latest != "" {
		text += fmt.Sprintf(" The newest release is %s.", latest)
	}
	return text
}

// outdatedNotes says what to do about runners that are not up to date.
func outdatedNotes(runners []RunnerDetail) []string {
	names := map[string][]string{}
	for _, r := range runners {
		names[r.State] = append(names[r.State], r.Name)
	}
	var notes []string
	if blocked := names[dispatch.StateBlocked]; len(blocked) > 0 {
		notes = append(notes, fmt.Sprintf("GitHub sends no jobs to %s: a newer release has been out for more than 30 days. Update the runner software on the machine, or register it again with `token-register`.", fewNames(blocked)))
	}
	if outdated := names[dispatch.StateOutdated]; len(outdated) > 0 {
		notes = append(notes, fmt.Sprintf("A newer release exists for %s. Runners update themselves unless `--disableupdate` was set; GitHub sends no jobs to those that miss a release for 30 days.", fewNames(outdated)))
	}
	return notes
}

// fewNames writes names for a sentence: the first few, and how many more there are.
func fewNames(names []string) string {
	if len(names) <= mostInline {
		return joinNames(names)
	}
	return fmt.Sprintf("%s and %d more", joinNames(names[:mostInline]), len(names)-mostInline)
}
