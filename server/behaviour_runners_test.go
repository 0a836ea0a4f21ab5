package server_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// runners puts runners into a group of acme.
func (w *world) runners(group string, names ...string) {
	w.t.Helper()
	var specs []ghsim.RunnerSpec
	for _, name := range names {
		status := "online"
		if strings.HasPrefix(name, "off") {
			status = "offline"
		}
		specs = append(specs, ghsim.RunnerSpec{Name: name, Status: status, Busy: strings.HasPrefix(name, "busy")})
	}
	w.add(ghsim.OrgSpec{RunnerGroups: []ghsim.GroupSpec{{Name: group, Runners: specs}}})
}

func (w *world) runnersOf(group string) (names []string) {
	w.hub.Update(func(st *ghsim.State) { names = st.Org("acme").RunnersOf(group) })
	return names
}

func TestRunners(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.ok("ghp_ada", "POST /api/v1/group-create?team=web")
	w.runners("platform", "on-1", "on-2", "off-1", "off-2", "busy-1")
	listed := w.ok("ghp_ada", "GET /api/v1/group-list?team=platform")
	assert.ElementsMatch(t, []string{"on-1", "on-2", "off-1", "off-2", "busy-1"}, listed.names("runners"))
	for _, d := range listed.Response["runnerDetails"].([]any) {
		detail := d.(map[string]any)
		for _, key := range []string{"id", "name", "os", "status", "busy", "labels"} {
			assert.Contains(t, detail, key)
		}
	}
	w.ok("ghp_ada", "DELETE /api/v1/runners-remove?team=platform&offline=true")
	assert.ElementsMatch(t, []string{"on-1", "on-2", "busy-1"}, w.runnersOf("platform"))
	w.refused(409, "runner_busy", "ghp_ada", "DELETE /api/v1/runners-remove?team=platform&runners=on-1,busy-1")
	w.ok("ghp_ada", "DELETE /api/v1/runners-remove?team=platform&runners=ON-1")
	w.refused(404, "runner_not_found", "ghp_ada", "DELETE /api/v1/runners-remove?team=platform&runners=spare-1")
	for range 2 { // again is safe
		w.ok("ghp_ada", "POST /api/v1/runners-transfer?team=platform&to=web&runners=on-2,busy-1")
	}
	assert.ElementsMatch(t, []string{"on-2", "busy-1"}, w.runnersOf("web"))
	assert.Equal(t, []string{"spare-1"}, w.runnersOf("Default"))

	refused := w.refused(409, "group_not_empty", "ghp_ada", "DELETE /api/v1/group-delete?team=web")
	assert.Contains(t, refused.Error, "on-2")
	assert.Contains(t, refused.Error, "busy-1")
	w.hub.Inject(ghsim.Fault{Method: http.MethodPut, Path: `/runners/\d+$`, Skip: 1, Status: 500})
	half := w.refused(502, "github_error", "ghp_ada", "DELETE /api/v1/group-delete?team=web&move-runners-to=platform")
	assert.Len(t, half.Items, 2)
	assert.Len(t, w.runnersOf("web"), 1, "the group is not deleted while a runner is in it")
	w.ok("ghp_ada", "DELETE /api/v1/group-delete?team=web&move-runners-to=platform")
	assert.ElementsMatch(t, []string{"on-2", "busy-1"}, w.runnersOf("platform"))
	w.refused(404, "group_not_found", "ghp_ada", "GET /api/v1/group-list?team=web")
	w.refused(404, "group_not_found", "ghp_ada", "POST /api/v1/runners-transfer?team=platform&to=web&runners=on-2")
	w.refused(404, "group_not_found", "ghp_ada", "DELETE /api/v1/group-delete?team=platform&move-runners-to=web")
	w.ok("ghp_ada", "POST /api/v1/group-create?team=web") // a team may begin again
}

func TestRunnerLabels(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.runners("platform", "on-1", "off-1")
	labels := func() (of string) {
		w.hub.Update(org(func(o *ghsim.Org) { of = strings.Join(o.Runner("on-1").Labels, " ") }))
		return of
	}
	w.ok("ghp_ada", "PATCH /api/v1/runners-label?team=platform&runners=on-1,off-1&add=gpu,large")
	assert.Equal(t, "self-hosted linux gpu large", labels())
	listed := w.ok("ghp_ada", "GET /api/v1/runners-list?team=platform&label=GPU&offline")
	assert.Equal(t, "off-1", listed.Response["runners"].([]any)[0].(map[string]any)["name"])
	assert.Equal(t, ghsim.RunnerVersion, listed.Response["latest"])
	w.refused(400, "invalid_argument", "ghp_ada", "PATCH /api/v1/runners-label?team=platform&runners=on-1&remove=Linux")
	w.refused(404, "runner_not_found", "ghp_ada", "PATCH /api/v1/runners-label?team=platform&runners=spare-1&add=x")
	w.ok("ghp_ada", "PATCH /api/v1/runners-label", `{"team":"platform","runners":["on-1"],"set":[]}`, "application/json")
	assert.Equal(t, "self-hosted linux", labels())
	_, reaction := w.say("ada", 1, "/runner-group runners-label on-1 --set a,b")
	assert.Equal(t, "rocket", reaction)
	assert.Equal(t, "self-hosted linux a b", labels())
	_, reaction = w.say("ada", 1, "/runner-group runners-label on-1 --set ''")
	assert.Equal(t, "rocket", reaction)
	assert.Equal(t, "self-hosted linux", labels())
}

func TestJITBelongsToTheTeam(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	id := w.ok("ghp_ada", "POST /api/v1/group-create?team=platform").Response["group"].(map[string]any)["id"]
	a := w.ok("ghp_ada", "POST /api/v1/token-jit?team=platform&name=r1&labels=linux,x64&labels=gpu&work-folder=_work/a")
	runner := a.Response["runner"].(map[string]any)
	assert.Equal(t, "r1", runner["name"])
	assert.ElementsMatch(t, []any{"self-hosted", "linux", "x64", "gpu"}, runner["labels"])
	w.hub.Update(org(func(o *ghsim.Org) { assert.InEpsilon(t, id, float64(o.Runner("r1").GroupID), 0) }))
	for _, smuggled := range []string{"group=1", "runner_group_id=1", "groupId=1"} {
		w.refused(400, "unknown_argument", "ghp_ada", "POST /api/v1/token-jit?team=platform&name=r2&"+smuggled)
	}
	w.refused(409, "runner_exists", "ghp_ada", "POST /api/v1/token-jit?team=platform&name=R1")
	w.refused(409, "runner_exists", "ghp_ada", "POST /api/v1/token-jit?team=platform&name=spare-1")
}

// Without confirmation, a command lists what would change and changes nothing.
func TestConfirmation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme(), "CHATOPS_ADMIN_REPO=runner-admin", "POLICY_CONFIRM=group-delete,repos-set,runners-remove")
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.ok("ghp_ada", "PATCH /api/v1/repos-add?team=platform&repos=api,web")
	w.runners("platform", "on-1", "off-1")
	w.hub.ResetCalls()
	for line, names := range map[string][]string{
		"repos-set inner,web":      {"inner", "api", "web"},
		"runners-remove on-1":      {"on-1"},
		"runners-remove --offline": {"off-1"},
		"group-delete":             {"on-1", "off-1"},
	} {
		replies, reaction := w.say("ada", 1, "/runner-group "+line)
		assert.Equal(t, "confused", reaction)
		for _, name := range names {
			assert.Contains(t, replies[0], name)
		}
		if line != "group-delete" {
			assert.Contains(t, replies[0], "/runner-group "+line+" --yes")
		}
	}
	assert.Empty(t, w.writes())
	_, reaction := w.say("ada", 1, "/runner-group repos-set inner,web --yes")
	assert.Equal(t, "rocket", reaction)
	assert.ElementsMatch(t, []string{"inner", "web"}, w.repos("platform"))
	_, reaction = w.say("ada", 1, "/runner-group repos-add api")
	assert.Equal(t, "rocket", reaction, "what is not in the list asks nothing")
}

// The audit has every request, refusals too. A team only sees its own.
func TestAuditList(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.ok("ghp_ada", "POST /api/v1/group-create?team=web")
	w.call("ghp_bob", "PATCH /api/v1/repos-add?team=platform&repos=api")
	w.call("ghp_ada", "PATCH /api/v1/repos-add?team=platform&repos=site")
	w.say("ada", 1, "/runner-group repos-add api")
	token := w.ok("ghp_ada", "POST /api/v1/token-register?team=platform")
	a := w.ok("ghp_ada", "GET /api/v1/audit-list?team=platform&since=1h")
	assert.NotContains(t, a.text, token.Response["token"])
	var seen []string
	for _, e := range a.Response["entries"].([]any) {
		entry := e.(map[string]any)
		if entry["outcome"] != "asked" {
			seen = append(seen, strings.Join([]string{entry["caller"].(string), entry["channel"].(string), entry["command"].(string), entry["outcome"].(string)}, " "))
		}
	}
	for _, want := range []string{
		"ada rest group-create done", "bob rest repos-add refused", "ada rest repos-add refused", "ada comment repos-add done", "ada rest token-register done",
	} {
		assert.Contains(t, seen, want)
	}
	assert.Len(t, w.ok("ghp_ada", "GET /api/v1/audit-list?team=platform&limit=2").Response["entries"], 2)
	assert.NotContains(t, w.ok("ghp_ada", "GET /api/v1/audit-list?team=web").text, "repos-add")
	w.refused(403, "not_maintainer", "ghp_bob", "GET /api/v1/audit-list?team=platform")
}

// Commands on the same group run one at a time, in order. One caller keeps at most four of
// them waiting.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	var all sync.WaitGroup
	var mu sync.Mutex
	got := map[string]int{}
	for range 8 {
		all.Go(func() {
			a := w.call("ghp_ada", "POST /api/v1/group-create?team=platform")
			mu.Lock()
			got[a.Reason]++
			mu.Unlock()
		})
	}
	all.Wait()
	assert.Equal(t, 1, got[""])
	assert.GreaterOrEqual(t, got["group_exists"], 4, got)
	assert.Equal(t, 8, got[""]+got["group_exists"]+got["busy"], got)
	for i := range 12 {
		all.Go(func() {
			w.call("ghp_ada", "PATCH /api/v1/"+[]string{"repos-set?repos=api,web", "repos-set?repos=inner", "repos-add?repos=inner"}[i%3]+"&team=platform")
		})
	}
	all.Wait()
	w.ok("ghp_ada", "PATCH /api/v1/repos-set?team=platform&repos=api,web,inner")
	assert.ElementsMatch(t, []string{"api", "web", "inner"}, w.repos("platform"))
}

// help and status need no token.
func TestHelpAndStatus(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	all := w.ok("", "GET /api/v1/help")
	for _, request := range everyCommand("x") {
		_, rest, _ := strings.Cut(request, "/api/v1/")
		name, _, _ := strings.Cut(rest, "?")
		assert.Contains(t, all.text, name)
		one := w.ok("", "GET /api/v1/help?command="+name)
		assert.Contains(t, one.text, "/runner-group")
	}
	w.refused(404, "unknown_command", "", "GET /api/v1/help?command=group-lst")
	status := w.ok("", "GET /api/v1/status")
	data, err := json.Marshal(status.Response)
	require.NoError(t, err)
	assert.Contains(t, string(data), "test", "the version")
	replies, reaction := w.say("kim", 2, "/runner-group help repos-add\n/runner-group status\n/runner-group whoami")
	assert.Equal(t, "rocket", reaction, replies)
	assert.Contains(t, replies[0], "@kim")
	for _, path := range []string{"/livez", "/readyz"} {
		require.Eventually(t, func() bool {
			res, err := w.client.Get(w.url + path)
			if err != nil {
				return false
			}
			defer res.Body.Close()
			return res.StatusCode == http.StatusOK
		}, eventually, 50*time.Millisecond, path)
	}
}
