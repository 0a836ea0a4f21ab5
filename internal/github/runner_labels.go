package github

import (
	"context"
	"fmt"
	"net/http"
	"strings"
)

// A RunnerLabel is a label of a runner. GitHub compares labels without regard to case.
type RunnerLabel struct {
	Name string `json:"name"`
	Type string `json:"type"` // "read-only" or "custom"; empty on old Enterprise Servers
}

// ReadOnly reports whether the runner brought the label itself, so that nobody can change it.
// If GitHub does not say, the labels count that config.sh adds to every runner.
func (l RunnerLabel) ReadOnly() bool {
	if l.Type != "" {
		return l.Type == "read-only"
	}
	return DefaultLabel(l.Name)
}

// DefaultLabel reports whether config.sh adds the label to runners by itself: self-hosted, and
// those of the system and the architecture.
// https://docs.github.com/en/actions/how-tos/manage-runners/self-hosted-runners/apply-labels
func DefaultLabel(name string) bool {
	switch strings.ToLower(name) {
	case "self-hosted", "linux", "windows", "macos", "x86", "x64", "arm", "arm64":
		return true
	}
	return false
}

// RunnerLabels lists the labels of a runner.
func (o *Org) RunnerLabels(ctx context.Context, runnerID int64) ([]RunnerLabel, error) {
	op := o.labelOp("list the labels", runnerID)
	s, err := o.session(ctx)
	if err != nil {
		return nil, err
	}
	answer, _, err := send[labelsAnswer](ctx, s.main, http.MethodGet, o.labelsPath(runnerID), nil)
	return answer.Labels, o.app.failed(op, err)
}

// AddRunnerLabels adds custom labels to a runner, and returns all labels that it has then.
// Labels that it has already stay. There must be one at least.
func (o *Org) AddRunnerLabels(ctx context.Context, runnerID int64, labels []string) ([]RunnerLabel, error) {
	ctx = context.WithValue(ctx, repeatableKey{}, true) // adding twice is adding once
	return o.writeLabels(ctx, o.labelOp("add labels", runnerID), http.MethodPost, o.labelsPath(runnerID), labelsBody(labels))
}

// SetRunnerLabels replaces the custom labels of a runner, and returns all labels that it has
// then. No labels remove all custom ones.
func (o *Org) SetRunnerLabels(ctx context.Context, runnerID int64, labels []string) ([]RunnerLabel, error) {
	return o.writeLabels(ctx, o.labelOp("set the labels", runnerID), http.MethodPut, o.labelsPath(runnerID), labelsBody(labels))
}

// ClearRunnerLabels removes all custom labels of a runner, and returns those that it still
// has.
func (o *Org) ClearRunnerLabels(ctx context.Context, runnerID int64) ([]RunnerLabel, error) {
	return o.writeLabels(ctx, o.labelOp("remove the labels", runnerID), http.MethodDelete, o.labelsPath(runnerID), nil)
}

// RemoveRunnerLabel removes a custom label of a runner, and returns the labels that it still
// has: none if an earlier attempt of the same request removed it. It fails with NotFound if
// the runner does not have the label.
func (o *Org) RemoveRunnerLabel(ctx context.Context, runnerID int64, name string) ([]RunnerLabel, error) {
	op := o.labelOp("remove a label", runnerID)
	escaped, err := label(name)
	if err != nil {
		return nil, o.app.failedWrite(op, err)
	}
	return o.writeLabels(ctx, op, http.MethodDelete, o.labelsPath(runnerID)+"/"+escaped, nil)
}

type labelsAnswer struct {
	Labels []RunnerLabel `json:"labels"`
}

func labelsBody(labels []string) map[string][]string {
	return map[string][]string{"labels": append([]string{}, labels...)} // nil would be sent as null
}

func (o *Org) writeLabels(ctx context.Context, op, method, path string, body any) ([]RunnerLabel, error) {
	s, err := o.session(ctx)
	if err != nil {
		return nil, err
	}
	answer, _, err := send[labelsAnswer](ctx, s.main, method, path, body)
	return answer.Labels, o.app.failedWrite(op, err)
}

func (o *Org) labelsPath(runnerID int64) string {
	return fmt.Sprintf("orgs/%s/actions/runners/%d/labels", o.loginSegment(), runnerID)
}

func (o *Org) labelOp(what string, runnerID int64) string {
	return fmt.Sprintf("%s of runner %d of %s", what, runnerID, o.login)
}
