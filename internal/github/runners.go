package github

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"time"

	"github.com/google/go-github/v41/github"

	"github.com/actions-runner-manager/actions-runner-manager/internal/secret"
)

// A Runner is a self-hosted runner. Its status can be minutes old.
type Runner struct {
	ID             int64
	Name           string
	OS             string
	Status         string // "online" or "offline"
	Busy           bool
	Labels         []string // all of them
	ReadOnlyLabels []string // those of Labels that the runner brings itself
	Version        string   // such as "2.323.0"; empty if the runner never connected, or on an old Enterprise Server
	Ephemeral      bool     // runs one job; false on an old Enterprise Server
	GroupID        int64    // 0 if GitHub's answer does not contain it
}

// Online reports whether the runner is connected to GitHub.
func (r Runner) Online() bool { return r.Status == "online" }

type runnerAnswer struct {
	ID        int64         `json:"id"`
	Name      string        `json:"name"`
	OS        string        `json:"os"`
	Status    string        `json:"status"`
	Busy      bool          `json:"busy"`
	Labels    []RunnerLabel `json:"labels"`
	Version   string        `json:"version"`
	Ephemeral bool          `json:"ephemeral"`
	GroupID   int64         `json:"runner_group_id"`
}

func (r runnerAnswer) runner() Runner {
	runner := Runner{
		ID: r.ID, Name: r.Name, OS: r.OS, Status: r.Status, Busy: r.Busy, Labels: make([]string, len(r.Labels)),
		Version: r.Version, Ephemeral: r.Ephemeral, GroupID: r.GroupID,
	}
	for i, l := range r.Labels {
		runner.Labels[i] = l.Name
		if l.ReadOnly() {
			runner.ReadOnlyLabels = append(runner.ReadOnlyLabels, l.Name)
		}
	}
	return runner
}

// GroupRunners lists all runners of a group.
func (o *Org) GroupRunners(ctx context.Context, groupID int64) ([]Runner, error) {
	return o.listRunners(ctx, o.groupOp("list the runners of", groupID), o.groupPath(groupID)+"/runners", nil)
}

// Runners lists all runners of the organization.
func (o *Org) Runners(ctx context.Context) ([]Runner, error) {
	return o.listRunners(ctx, "list the runners of "+o.login, "orgs/"+o.loginSegment()+"/actions/runners", nil)
}

// RunnersNamed lists the runners of the organization that have this name, whatever their
// group: one or none.
func (o *Org) RunnersNamed(ctx context.Context, name string) ([]Runner, error) {
	op := fmt.Sprintf("find runner %.100q of %s", name, o.login)
	return o.listRunners(ctx, op, "orgs/"+o.loginSegment()+"/actions/runners", url.Values{"name": {name}})
}

func (o *Org) listRunners(ctx context.Context, op, path string, query url.Values) ([]Runner, error) {
	s, err := o.session(ctx)
	if err != nil {
		return nil, err
	}
	found, err := listCounted(ctx, func(ctx context.Context, page github.ListOptions) ([]runnerAnswer, int, *github.Response, error) {
		values := pageValues(page)
		maps.Copy(values, query)
		answer, resp, err := send[struct {
			Count   int            `json:"total_count"`
			Runners []runnerAnswer `json:"runners"`
		}](ctx, s.main, http.MethodGet, path+"?"+values.Encode(), nil)
		return answer.Runners, answer.Count, resp, err
	})
	if err != nil {
		return nil, o.app.failed(op, err)
	}
	runners := make([]Runner, len(found))
	for i, r := range found {
		runners[i] = r.runner()
	}
	return runners, nil
}

// MoveRunner moves a runner from its group into this one.
func (o *Org) MoveRunner(ctx context.Context, groupID, runnerID int64) error {
	return o.write(ctx, o.groupOp(fmt.Sprintf("move runner %d to", runnerID), groupID), func(ctx context.Context, s *session) (*github.Response, error) {
		return s.main.Actions.AddRunnerGroupRunners(ctx, o.loginSegment(), groupID, runnerID)
	})
}

// RemoveRunner removes a runner from the organization. The machine keeps running, but
// gets no more jobs.
func (o *Org) RemoveRunner(ctx context.Context, runnerID int64) error {
	return o.write(ctx, fmt.Sprintf("remove runner %d from %s", runnerID, o.login), func(ctx context.Context, s *session) (*github.Response, error) {
		return s.main.Actions.RemoveOrganizationRunner(ctx, o.loginSegment(), runnerID)
	})
}

// A Token registers or removes runners, as often as its holder likes until it expires. It
// is not limited to a group: GitHub lets its holder register into any group.
type Token struct {
	Token     secret.Text
	ExpiresAt time.Time
}

// RegistrationToken mints a [Token] that registers runners.
func (o *Org) RegistrationToken(ctx context.Context) (Token, error) {
	return o.runnerToken(ctx, "get a registration token for "+o.login, "registration-token")
}

// RemovalToken mints a [Token] that removes runners.
func (o *Org) RemovalToken(ctx context.Context) (Token, error) {
	return o.runnerToken(ctx, "get a removal token for "+o.login, "remove-token")
}

func (o *Org) runnerToken(ctx context.Context, op, endpoint string) (Token, error) {
	s, err := o.session(ctx)
	if err != nil {
		return Token{}, err
	}
	answer, _, err := send[struct {
		Token     secret.Text `json:"token"`
		ExpiresAt time.Time   `json:"expires_at"`
	}](ctx, s.main, http.MethodPost, "orgs/"+o.loginSegment()+"/actions/runners/"+endpoint, nil)
	if err == nil && answer.Token.Reveal() == "" {
		err = &Error{Kind: Other, Message: "GitHub's answer contains no token"}
	}
	return Token(answer), o.app.failedWrite(op, err)
}

// A JITRequest describes the runner of a just-in-time configuration.
type JITRequest struct {
	Name       string
	GroupID    int64
	Labels     []string // 1 to 100 of them
	WorkFolder string   // relative to the runner's directory; if empty, _work
}

// A JIT is a just-in-time configuration. It starts one runner, once, for one job.
type JIT struct {
	Runner        Runner
	EncodedConfig secret.Text
}

// JITConfig creates a runner with a just-in-time configuration. It fails with Conflict if
// a runner has that name already.
func (o *Org) JITConfig(ctx context.Context, r JITRequest) (JIT, error) {
	s, err := o.session(ctx)
	if err != nil {
		return JIT{}, err
	}
	body := map[string]any{"name": r.Name, "runner_group_id": r.GroupID, "labels": append([]string{}, r.Labels...)}
	if r.WorkFolder != "" {
		body["work_folder"] = r.WorkFolder
	}
	answer, _, err := send[struct {
		Runner runnerAnswer `json:"runner"`
		Config secret.Text  `json:"encoded_jit_config"`
	}](ctx, s.main, http.MethodPost, "orgs/"+o.loginSegment()+"/actions/runners/generate-jitconfig", body)
	if err == nil && answer.Config.Reveal() == "" {
		err = &Error{Kind: Other, Message: "GitHub's answer contains no configuration"}
	}
	if err != nil {
		return JIT{}, o.app.failedWrite(fmt.Sprintf("configure runner %.100q in group %d of %s", r.Name, r.GroupID, o.login), err)
	}
	return JIT{Runner: answer.Runner.runner(), EncodedConfig: answer.Config}, nil
}
