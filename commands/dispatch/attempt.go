package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// freshFor is how long an authorization holds: after a longer wait the call is authorized
// again before it changes anything.
const freshFor = time.Second

// A Thing is something that commands change. Two commands that change the same thing do
// not supersede each other if one waits for the other, but a repeated attempt at one yields
// to another that was started later.
type Thing string

// TheGroup is the group of the call's team: with it all that is in the group changes.
func (c *Call) TheGroup() Thing { return GroupOf(c.Team.ID) }

// GroupOf is the group of that team.
func GroupOf(teamID int64) Thing { return Thing(fmt.Sprintf("group/%d", teamID)) }

// TheRepos is the whole list of the group's repositories.
func (c *Call) TheRepos() Thing { return Thing(fmt.Sprintf("repos/%d", c.Team.ID)) }

// ARepo is one repository of the group's list.
func (c *Call) ARepo(id int64) Thing { return Thing(fmt.Sprintf("%s/%d", c.TheRepos(), id)) }

// TheWorkflows is the group's limit to some workflows.
func (c *Call) TheWorkflows() Thing { return Thing(fmt.Sprintf("workflows/%d", c.Team.ID)) }

// TheTrusts are the team's trusts.
func (c *Call) TheTrusts() Thing { return Thing(fmt.Sprintf("trusts/%d", c.Team.ID)) }

// TheExpected is what the group is expected to be.
func (c *Call) TheExpected() Thing { return Thing(fmt.Sprintf("expected/%d", c.Team.ID)) }

const runnerNamePrefix = "runner-name/"

// ARunner is a runner of the organization.
func ARunner(id int64) Thing { return Thing("runner/" + strconv.FormatInt(id, 10)) }

// ARunnerName is the runner of that name, whichever it is.
func ARunnerName(name string) Thing { return Thing(runnerNamePrefix + strings.ToLower(name)) }

// RunnerLabels are all custom labels of a runner. They stay if the runner moves.
func RunnerLabels(id int64) Thing { return Thing("labels/" + strconv.FormatInt(id, 10)) }

// ARunnerLabel is one label of a runner: whether it has it.
func ARunnerLabel(id int64, label string) Thing {
	return RunnerLabels(id) + Thing("/"+url.PathEscape(strings.ToLower(label)))
}

// overlaps reports whether the two are the same thing, or one is part of the other.
func (t Thing) overlaps(other Thing) bool {
	return t == other || strings.HasPrefix(string(t), string(other)+"/") || strings.HasPrefix(string(other), string(t)+"/")
}

// A Seen is what the first attempt at a request saw. Repeated attempts act on nothing else.
type Seen struct {
	Group      int64 `json:"group,omitempty"`
	OtherGroup int64 `json:"otherGroup,omitempty"`
	// Targets are the ids of the repositories or runners that it acts on, by name in lower
	// case; nil: it did not come so far.
	Targets map[string]int64 `json:"targets"`
	// HighestRunner is the highest id of a runner in the group; nil: it was not asked.
	HighestRunner *int64 `json:"highestRunner,omitempty"`
	// Plan is what it was to change; nil: it did not come so far.
	Plan *store.Diff `json:"plan,omitempty"`
}

// A First is the first attempt at a request.
type First struct {
	Seen
	StartedAt time.Time
	row       store.Attempt
}

// resume finds the first attempt at a request that may have been started before. It
// refuses the call if a command that was started later changed the team's group itself.
func (e *Env) resume(next Func) Func {
	return func(ctx context.Context, call *Call) (Result, error) {
		if call.Repeated && call.Spec.Effect != Reads && !call.Preview {
			if err := e.findFirst(ctx, call); err != nil {
				return Result{}, err
			}
			if refusal := call.superseded(nil); refusal != nil {
				return Result{}, refusal
			}
		}
		return next(ctx, call)
	}
}

func (e *Env) findFirst(ctx context.Context, call *Call) error {
	row, err := e.Store.AttemptOf(ctx, call.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return StoreError(err)
	}
	first := &First{StartedAt: row.StartedAt, row: row}
	if err := json.Unmarshal([]byte(row.Saw), &first.Seen); err != nil {
		return fmt.Errorf("decode what request %s saw: %w", call.ID, err)
	}
	call.First = first
	if first.Plan != nil {
		call.plan = *first.Plan
	}
	for _, thing := range row.Changed {
		call.NoteChange(Thing(thing))
	}
	return e.findNewer(ctx, call)
}

// findNewer reads what was changed by commands that were started after the first attempt.
func (e *Env) findNewer(ctx context.Context, call *Call) error {
	if call.First == nil {
		return nil
	}
	var err error
	call.newer, err = e.Store.ChangesSince(ctx, call.First.row)
	return StoreError(err)
}

// superseded refuses the call if a command that was started after its first attempt
// changed one of the things, or the group of one of its teams.
func (c *Call) superseded(things []Thing) *Error {
	for _, newer := range c.newer {
		if c.yieldsTo(newer, things) {
			return c.supersededBy(newer)
		}
	}
	return nil
}

// Yield refuses a repeated attempt if a command that was started later changed one of the
// things. [Call.Begin] does so too; a command whose checks depend on them yields earlier.
func (c *Call) Yield(things ...Thing) error {
	refusal := c.superseded(things)
	if refusal == nil {
		return nil
	}
	return refusal
}

func (c *Call) yieldsTo(newer store.Attempt, things []Thing) bool {
	for _, text := range newer.Changed {
		changed := Thing(text)
		if changed == GroupOf(c.Team.ID) || c.Other.ID != 0 && changed == GroupOf(c.Other.ID) {
			return true
		}
		for _, thing := range things {
			// who changes the group changes all that is in it; a token changes only a name
			whole := !strings.HasPrefix(text, runnerNamePrefix) &&
				(thing == GroupOf(newer.TeamID) || newer.OtherTeamID != 0 && thing == GroupOf(newer.OtherTeamID))
			if whole || thing.overlaps(changed) {
				return true
			}
		}
	}
	return false
}

func (c *Call) supersededBy(newer store.Attempt) *Error {
	return Refuse(ReasonSuperseded,
		"This command was started at %s and could not be finished. Meanwhile, at %s, `%s` by %s changed the same thing, so this one was not repeated. If you still want it, send it again: %s",
		clock(c.First.StartedAt), clock(newer.ChangedAt), newer.Command, Quote(newer.Caller), c.again())
}

// SupersededOutside is the refusal of a repeated attempt whose group is not what the first
// attempt saw, although no command here changed it.
func (c *Call) SupersededOutside() *Error {
	return Refuse(ReasonSuperseded,
		"This command was started at %s and could not be finished. Meanwhile the team's runner group became another one, so this command was not repeated. If you still want it, send it again: %s",
		clock(c.First.StartedAt), c.again())
}

func clock(t time.Time) string { return t.UTC().Format("15:04:05 UTC") }

// again is the line that repeats the call, as code.
func (c *Call) again() string {
	words := []string{c.Spec.Slash(), c.Spec.Name}
	for _, word := range c.Args.Positional {
		words = append(words, quoteWord(word))
	}
	for _, n := range c.Args.Named {
		words = append(words, "--"+n.Name)
		if p, ok := c.Spec.Param(n.Name); !ok || p.Kind != KindBool {
			words = append(words, quoteWord(strings.Join(n.Values, ",")))
		}
	}
	line := strings.Join(words, " ")
	const most = 500
	if len(line) > most {
		line = strings.Join(words[:2], " ") + " …"
	}
	return "`" + quoteEscaper.Replace(line) + "`"
}

// start is the row that records the call's start; nil if nothing repeats the call.
func (e *Env) start(call *Call) *store.Attempt {
	if call.Channel != Comment && call.Channel != Schedule {
		return nil
	}
	row := e.attempt(call)
	row.Saw = call.Seen.encode()
	return &row
}

func (s Seen) encode() string {
	text, _ := json.Marshal(s) //nolint:errchkjson // numbers and strings always marshal
	return string(text)
}

func (e *Env) attempt(call *Call) store.Attempt {
	return store.Attempt{
		RequestID: call.ID, OrgID: call.OrgID, TeamID: call.Team.ID, OtherTeamID: call.Other.ID,
		Command: call.Spec.Name, Caller: call.Caller.Login, StartedAt: e.Now(), Saw: "{}",
	}
}

// changes is the row that records what the call changed; nil if it changed nothing.
func (e *Env) changes(call *Call) *store.Attempt {
	call.mu.Lock()
	defer call.mu.Unlock()
	if len(call.changed) == 0 {
		return nil
	}
	row := e.attempt(call)
	row.ChangedAt = row.StartedAt
	for _, thing := range call.changed {
		row.Changed = append(row.Changed, string(thing))
	}
	return &row
}

// changedAnything reports whether the call changed something or revealed a secret, in this
// attempt or an earlier one. If it failed, that includes what may have been changed.
func (c *Call) changedAnything(result Result, err error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.Preview:
		return false
	case err != nil:
		return len(c.changed) > 0
	}
	return result.Changed || c.Spec.Effect == Reveals || c.First != nil && len(c.First.row.Changed) > 0
}

// Begin says that all checks have passed and what the call is about to change, all of it,
// before it changes anything: plan for the audit and for the lines that reverse it, things for
// other commands. A repeated attempt is refused if a command that was started later changed
// any of that, and a call that waited too long is authorized again. targets are the ids that
// repeated attempts are to act on, by name; nil if they need none.
func (c *Call) Begin(ctx context.Context, plan store.Diff, targets map[string]int64, things ...Thing) error {
	if c.Preview {
		return fmt.Errorf("command %s has no preview", c.Spec.Name) // it would change something
	}
	if err := c.Yield(things...); err != nil {
		return err
	}
	if targets != nil && c.FirstTargets() == nil {
		c.Seen.Targets = targets
	}
	if c.plan.IsZero() { // what the first attempt was to change counts
		c.plan = plan
	}
	if !c.plan.IsZero() {
		c.Seen.Plan = &c.plan
	}
	if err := c.Env.saw(ctx, c); err != nil {
		return err
	}
	if err := c.Env.reauthorize(ctx, c); err != nil {
		return err
	}
	if err := c.Env.mark(ctx, c, things); err != nil {
		return err
	}
	return c.Env.spendToken(ctx, c)
}

// Repeatable reports whether the server repeats the call if it is cut off or fails.
func (c *Call) Repeatable() bool { return c.Env.start(c) != nil }

// FirstTargets are the ids that the first attempt acted on, by name in lower case; nil if
// this is the first attempt, or it did not come so far.
func (c *Call) FirstTargets() map[string]int64 {
	if c.First == nil {
		return nil
	}
	return c.First.Targets
}

// FirstHighestRunner is the highest id of a runner that the first attempt saw in the
// group; nil if this is the first attempt, or it did not come so far.
func (c *Call) FirstHighestRunner() *int64 {
	if c.First == nil {
		return nil
	}
	return c.First.HighestRunner
}

// saw records what this attempt saw, unless it only saw what an earlier one did.
func (e *Env) saw(ctx context.Context, call *Call) error {
	if !call.Repeatable() || call.Seen.Targets == nil && call.Seen.HighestRunner == nil && call.Seen.Plan == nil {
		return nil
	}
	return StoreError(e.Store.Saw(ctx, call.ID, call.Seen.encode()))
}

// Change runs do, which asks GitHub for one change, and notes the things as changed, unless
// GitHub refused or was never asked.
func (c *Call) Change(ctx context.Context, do func(context.Context) error, things ...Thing) error {
	err := do(ctx)
	if err == nil || Ambiguous(err) {
		c.NoteChange(things...)
	}
	if Ambiguous(err) {
		c.noteUnsure(things)
	}
	return err
}

func (c *Call) noteUnsure(things []Thing) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, thing := range things {
		c.unsure = append(c.unsure, string(thing))
	}
}

// NoteChange notes that the call changed the things.
func (c *Call) NoteChange(things ...Thing) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, thing := range things {
		seen := false
		for _, old := range c.changed {
			seen = seen || old == thing
		}
		if !seen {
			c.changed = append(c.changed, thing)
		}
	}
}

// reauthorize authorizes the call again if it has waited since: rights are as of the
// change. What was asked beside the first authorization is asked again.
func (e *Env) reauthorize(ctx context.Context, call *Call) error {
	if !call.authorized || e.Now().Sub(call.authorizedAt) <= freshFor {
		return nil
	}
	team, other := call.Team, call.Other
	call.member, call.Prefetched = nil, nil
	if err := e.Authorize(ctx, call); err != nil {
		return err
	}
	if call.Team.ID != team.ID || call.Other.ID != other.ID {
		return Refuse(ReasonBusy, "The team was renamed or replaced while this command waited. Try again.")
	}
	call.authorizedAt = e.Now()
	return call.checkTeams()
}
