package server_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// A step is one request and its expected answer: "200", or a status and a reason such as
// "403 not_maintainer".
type step struct {
	name, token, request string
	body                 string // JSON
	before               func(*ghsim.State)
	want                 string
}

// in returns the same world for a subtest.
func (w *world) in(t *testing.T) *world {
	t.Helper()
	c := *w
	c.t = t
	return &c
}

// steps runs the steps in order, each as a subtest.
func (w *world) steps(t *testing.T, steps []step) {
	t.Helper()
	for _, s := range steps {
		t.Run(s.name, func(t *testing.T) {
			if s.before != nil {
				w.hub.Update(s.before)
			}
			w.in(t).want(s)
		})
	}
}

// want runs one step.
func (w *world) want(s step) answer {
	w.t.Helper()
	var body []string
	if s.body != "" {
		body = []string{s.body, "application/json"}
	}
	if s.token == "" {
		s.token = "ghp_ada"
	}
	a := w.call(strings.TrimPrefix(s.token, "none"), s.request, body...)
	got := strings.TrimSpace(fmt.Sprint(a.Code, " ", a.Reason))
	assert.Equal(w.t, s.want, got, "%s: %s", s.request, a.text)
	if a.Code != http.StatusOK {
		assert.NotEmpty(w.t, a.Error)
	}
	return a
}

// org changes the organization acme.
func org(change func(*ghsim.Org)) func(*ghsim.State) {
	return func(st *ghsim.State) { change(st.Org("acme")) }
}

// add adds to acme on the simulated GitHub.
func (w *world) add(spec ghsim.OrgSpec) {
	w.t.Helper()
	spec.Login = "acme"
	require.NoError(w.t, w.hub.Apply(ghsim.Scenario{Organizations: []ghsim.OrgSpec{spec}}))
}

// writes returns the calls that change something with the runner-group API.
func (w *world) writes() (calls []string) {
	for _, call := range w.groupCalls() {
		if !strings.HasPrefix(call, http.MethodGet) {
			calls = append(calls, call)
		}
	}
	return calls
}

// items formats the items of an answer: "api done", "site public_repo".
func (a answer) items() (items []string) {
	for _, item := range a.Items {
		end := item.Reason
		if item.Done {
			end = "done"
		}
		items = append(items, strings.TrimSpace(item.Item+" "+end))
	}
	return items
}

// names formats a list in the answer as text.
func (a answer) names(key string) (names []string) {
	values, _ := a.Response[key].([]any)
	for _, v := range values {
		names = append(names, fmt.Sprint(v))
	}
	return names
}

// everyCommand is a request for each command that works on a team.
func everyCommand(team string) []string {
	return []string{
		"POST /api/v1/group-create?team=" + team,
		"POST /api/v1/group-add?team=" + team,
		"DELETE /api/v1/group-delete?team=" + team,
		"GET /api/v1/group-list?team=" + team,
		"PATCH /api/v1/repos-add?repos=api&team=" + team,
		"PATCH /api/v1/repos-remove?repos=api&team=" + team,
		"PATCH /api/v1/repos-set?repos=api&team=" + team,
		"POST /api/v1/token-register?team=" + team,
		"POST /api/v1/token-remove?team=" + team,
		"POST /api/v1/token-jit?name=r1&team=" + team,
		"POST /api/v1/runners-transfer?runners=r1&to=web&team=" + team,
		"DELETE /api/v1/runners-remove?runners=r1&team=" + team,
		"GET /api/v1/runners-list?team=" + team,
		"PATCH /api/v1/runners-label?runners=r1&add=gpu&team=" + team,
		"PATCH /api/v1/workflows-set?workflows=&team=" + team,
		"GET /api/v1/audit-list?team=" + team,
	}
}
