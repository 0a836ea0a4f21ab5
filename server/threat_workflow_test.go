package server_test

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

const (
	trustWeb = "POST /api/v1/trust-add?team=platform&repo=web&ref=main&commands=group-list,repos-add,token-jit"
	issuer   = "/_services/token/"
)

// job returns the Authorization of a job of acme/web on its main branch, unless change
// makes it another one.
func (w *world) job(change ...func(*ghsim.ActionsJob)) string {
	w.t.Helper()
	now := w.now() // which may be ahead
	job := ghsim.ActionsJob{Repository: "acme/web", Audience: w.url, RunID: 4711, Actor: "bob", Claims: map[string]any{
		"iat": now.Unix(), "nbf": now.Add(-time.Minute).Unix(), "exp": now.Add(5 * time.Minute).Unix(),
	}}
	for _, c := range change {
		c(&job)
	}
	token, err := w.hub.ActionsToken(job)
	require.NoError(w.t, err)
	return "Bearer " + token
}

// claim replaces a claim of the job's token; nil leaves it out.
func claim(name string, value any) func(*ghsim.ActionsJob) {
	return func(job *ghsim.ActionsJob) { job.Claims[name] = value }
}

func event(name string) func(*ghsim.ActionsJob) {
	return func(job *ghsim.ActionsJob) { job.Event = name }
}

func branch(ref string) func(*ghsim.ActionsJob) {
	return func(job *ghsim.ActionsJob) { job.Ref = ref }
}

// trusting returns a world in which the team platform owns a group and trusts jobs of
// acme/web on its main branch.
func trusting(t *testing.T, settings ...string) *world {
	t.Helper()
	w := newWorld(t, acme(), settings...)
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.ok("ghp_ada", trustWeb)
	return w
}

// TestThreatWorkflow holds what jobs of GitHub Actions may do with their own tokens: what
// they say is compared with a trust of the team.
func TestThreatWorkflow(t *testing.T) {
	t.Parallel()
	w := trusting(t)
	w.ok("ghp_ada", "POST /api/v1/trust-add?team=platform&repo=api&environment=production&workflow=.github/workflows/deploy.yml&commands=group-list")
	w.ok("ghp_ada", "POST /api/v1/group-create?team=web")
	w.hub.ResetCalls()
	ofAPI := func(job *ghsim.ActionsJob) {
		job.Repository, job.Environment, job.Workflow, job.Ref = "acme/api", "production", ".github/workflows/deploy.yml", "refs/heads/any"
	}
	all := func(changes ...func(*ghsim.ActionsJob)) []func(*ghsim.ActionsJob) { return changes }
	deploy := "acme/api/.github/workflows/deploy.yml@refs/heads/any"
	for _, tt := range []struct {
		name   string
		change []func(*ghsim.ActionsJob)
		want   string // "": done
		says   string
	}{
		{name: "the trusted job"},
		{"by a schedule", all(event("schedule")), "", ""},
		{"started by hand", all(event("workflow_dispatch")), "", ""},
		{"a release", all(event("release")), "", ""},
		{"a pull request of a fork", all(event("pull_request"), branch("refs/pull/1/merge")), "403 not_trusted", "`event_name` is `pull_request`"},
		{"pull_request_target, which runs on main", all(event("pull_request_target")), "403 not_trusted", "`event_name` is `pull_request_target`"},
		{"workflow_run, which runs on main", all(event("workflow_run")), "403 not_trusted", "`event_name` is `workflow_run`"},
		{"a comment, which runs on main", all(event("issue_comment")), "403 not_trusted", "`event_name` is `issue_comment`"},
		{"no event", all(claim("event_name", nil)), "403 not_trusted", "`event_name`"},
		{"another branch", all(branch("refs/heads/dev")), "403 not_trusted", "`ref` is `refs/heads/dev`, not `refs/heads/main`"},
		{"a tag named like the branch", all(branch("refs/tags/main")), "403 not_trusted", "`ref` is `refs/tags/main`"},
		{"a branch named refs/heads/main", all(branch("refs/heads/refs/heads/main")), "403 not_trusted", "`ref` is `refs/heads/refs/heads/main`"},
		{"the branch in another case", all(branch("refs/heads/Main")), "403 not_trusted", "`ref`"},
		{"no ref", all(claim("ref", nil)), "403 not_trusted", "`ref`"},
		{"a repository of the same name that was created again", all(claim("repository_id", "987654")), "403 not_trusted", "No trust of team `platform`"},
		{"a repository that was transferred", all(claim("repository_owner_id", "987654"), claim("repository", "globex/web")), "403 not_trusted", "does not belong to acme"},
		{"a repository of another organization with the same name", all(claim("repository_owner_id", "987654"), claim("repository_id", "987655"), claim("repository", "globex/web")), "403 not_trusted", "does not belong to acme"},
		{"a fork in another organization", all(claim("repository_owner_id", "98"), claim("repository_id", "99"), claim("repository", "evil/web")), "403 not_trusted", "does not belong to acme"},
		{"a reusable workflow of another repository", all(claim("job_workflow_ref", "acme/docs/.github/workflows/ci.yml@refs/heads/main")), "403 not_trusted", "`job_workflow_ref`"},
		{"no job_workflow_ref", all(claim("job_workflow_ref", nil)), "403 not_trusted", "`job_workflow_ref`"},
		{"an environment", all(ofAPI), "", ""},
		{"an environment in another case", all(ofAPI, claim("environment", "PRODuction")), "", ""},
		{"an environment that only looks alike", all(ofAPI, claim("environment", "production\u200b")), "403 not_trusted", "`environment`"},
		{"another environment", all(ofAPI, claim("environment", "staging")), "403 not_trusted", "`environment` is `staging`, not `production`"},
		{"no environment", all(ofAPI, claim("environment", nil)), "403 not_trusted", "`environment`"},
		{"a reusable workflow of its own repository", all(ofAPI, claim("job_workflow_ref", "acme/api/.github/workflows/other.yml@refs/heads/any")), "403 not_trusted", "`job_workflow_ref`"},
		{"another workflow that calls the trusted one", all(ofAPI, claim("workflow_ref", "acme/api/.github/workflows/other.yml@refs/heads/any")), "403 not_trusted", "`workflow_ref`"},
		{"the workflow of that name elsewhere", all(ofAPI, claim("workflow_ref", "evil/api/.github/workflows/deploy.yml@refs/heads/any"), claim("job_workflow_ref", deploy)), "403 not_trusted", "`workflow_ref`"},
		{"a ref that contains the workflow", all(ofAPI, claim("workflow_ref", "acme/api/.github/workflows/x.yml@refs/heads/.github/workflows/deploy.yml@refs")), "403 not_trusted", "`workflow_ref`"},
		{"ids as numbers", all(func(job *ghsim.ActionsJob) {
			w.state(func(o *ghsim.Org, _ *ghsim.State) {
				job.Claims["repository_id"], job.Claims["repository_owner_id"] = o.Repo("web").ID, o.ID
			})
		}), "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := w.call(w.job(tt.change...), "GET /api/v1/group-list?team=platform")
			w.is(t, tt.want, a)
			assert.Contains(t, a.Error, tt.says)
		})
	}
	t.Run("what no trust allows", func(t *testing.T) {
		for _, request := range []string{
			"PATCH /api/v1/repos-remove?team=platform&repos=web", "DELETE /api/v1/group-delete?team=platform", "POST /api/v1/token-register?team=platform",
			"POST /api/v1/trust-add?team=platform&repo=web&ref=main&commands=group-list", "DELETE /api/v1/trust-remove?team=platform&id=1",
			"GET /api/v1/trust-list?team=platform", "GET /api/v1/groups-list", "GET /api/v1/repo-runners?repo=web", "POST /api/v1/group-adopt?team=web",
			"GET /api/v1/group-list?team=web", "GET /api/v1/group-list?team=secret", "GET /api/v1/group-list?team=nobody", "GET /api/v1/audit-list",
		} {
			w.refused(403, "not_trusted", w.job(), request)
		}
	})
	t.Run("the team needs permission on what it attaches", func(t *testing.T) {
		w.ok(w.job(), "PATCH /api/v1/repos-add?team=platform&repos=web,inner")
		w.refused(403, "repo_not_permitted", w.job(), "PATCH /api/v1/repos-add?team=platform&repos=docs")
		w.refused(403, "public_repo", w.job(), "PATCH /api/v1/repos-add?team=platform&repos=site")
	})
	for _, call := range w.hub.Calls() {
		assert.NotEqual(t, "/user", call.Path, "nobody is asked who a job is")
	}
}

// is compares an answer with what is wanted: "403 not_trusted", or "" if it is done.
func (w *world) is(t testing.TB, want string, a answer) {
	t.Helper()
	if want == "" {
		want = "200 "
	}
	assert.Equal(t, want, fmt.Sprint(a.Code, " ", a.Reason), a.text)
}

// A trust is as good as what it depends on at the moment of its use.
func TestThreatWorkflowLater(t *testing.T) {
	t.Parallel()
	const list = "GET /api/v1/group-list?team=platform"
	for _, tt := range []struct {
		name     string
		settings []string
		later    func(w *world)
		request  string
		want     string
		says     string
	}{
		{name: "who made it was demoted", later: func(w *world) {
			w.state(func(o *ghsim.Org, _ *ghsim.State) {
				o.Team("platform").Members = nil
			})
		}},
		{name: "the team lost the permission on the repository", want: "403 not_trusted", says: "permission", later: func(w *world) {
			w.state(func(o *ghsim.Org, _ *ghsim.State) { o.Team("platform").Permissions[o.Repo("web").ID] = "push" })
		}},
		{name: "the team lost the repository", want: "403 not_trusted", says: "permission", later: func(w *world) {
			w.state(func(o *ghsim.Org, _ *ghsim.State) { delete(o.Team("platform").Permissions, o.Repo("web").ID) })
		}},
		{name: "the repository was renamed", later: func(w *world) {
			w.state(func(o *ghsim.Org, _ *ghsim.State) { o.Repo("web").Name = "site2" })
		}},
		{name: "the repository was created again", want: "403 not_trusted", later: func(w *world) {
			w.state(func(o *ghsim.Org, _ *ghsim.State) {
				old := o.Repo("web").ID
				o.Repo("web").ID = 987_654
				o.Team("platform").Permissions[987_654] = "admin"
				delete(o.Team("platform").Permissions, old)
			})
		}},
		{name: "the trust was removed", want: "403 not_trusted", later: func(w *world) { w.ok("ghp_ada", "DELETE /api/v1/trust-remove?team=platform&id=1") }},
		{name: "the trust expired", want: "403 not_trusted", says: "expired", later: func(w *world) {
			w.ok("ghp_ada", "DELETE /api/v1/trust-remove?team=platform&id=1")
			w.ok("ghp_ada", trustWeb+"&for=1m")
			w.advance(61 * time.Second)
		}},
		{name: "the group was released", want: "403 not_trusted", later: func(w *world) { w.ok("ghp_olga", "PATCH /api/v1/group-release?team=platform") }},
		{name: "the group was released, and given back", want: "403 not_trusted", later: func(w *world) {
			w.ok("ghp_olga", "PATCH /api/v1/group-release?team=platform")
			w.ok("ghp_olga", "POST /api/v1/group-adopt?team=platform&group=platform")
		}},
		{name: "the group was deleted, and another one created", want: "403 not_trusted", later: func(w *world) {
			w.ok("ghp_ada", "DELETE /api/v1/group-delete?team=platform")
			w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
		}},
		{name: "the team was created again", want: "403 not_trusted", later: func(w *world) {
			w.state(func(o *ghsim.Org, _ *ghsim.State) { o.Team("platform").ID = 987_654 })
		}},
		{name: "workflows are not allowed", settings: []string{"POLICY_WORKFLOWS_ENABLED=false"}, want: "403 policy"},
		{name: "a team that the policy denies", settings: []string{"POLICY_TEAMS_DENY=plat*"}, want: "403 policy"},
		{name: "a secret for a self-hosted runner", want: "403 not_trusted", says: "`runner_environment` is `self-hosted`", request: "POST /api/v1/token-jit?team=platform&name=b1"},
		{name: "a secret for a self-hosted runner, which is allowed", settings: []string{"POLICY_WORKFLOWS_SELF_HOSTED=true"}, request: "POST /api/v1/token-jit?team=platform&name=b1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := trusting(t)
			w.ok(w.job(), list)
			if tt.settings != nil {
				require.NoError(t, w.stop())
				for _, setting := range tt.settings {
					name, value, _ := strings.Cut(setting, "=")
					w.env[name] = value
				}
				w.start()
			}
			if tt.later != nil {
				tt.later(w)
			}
			name := "web"
			w.state(func(o *ghsim.Org, _ *ghsim.State) {
				if o.Repo("web") == nil {
					name = "site2"
				}
			})
			job := w.job(func(j *ghsim.ActionsJob) { j.RunnerEnvironment, j.Repository = "self-hosted", "acme/"+name })
			request := tt.request
			if request == "" {
				request = list
			}
			a := w.call(job, request)
			w.is(t, tt.want, a)
			assert.Contains(t, a.Error, tt.says)
		})
	}
}

// A token gets one secret: over replicas and requests at the same time. What is refused before
// that does not count.
func TestThreatWorkflowReplay(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		w := trusting(t)
		w.replay(w)
	})
	t.Run("two replicas", func(t *testing.T) {
		t.Parallel()
		w := trusting(t, "DATABASE_URL="+storetest.Postgres(t))
		second := *w
		second.t = t
		second.start()
		defer func() { assert.NoError(t, second.stop()) }()
		w.replay(&second)
	})
}

// replay sends tokens with one and the same jti to two servers, which may be one.
func (w *world) replay(other *world) {
	t := w.t
	id := claim("jti", rand.Text())
	jobs := []string{w.job(id), other.job(id)} // the audiences differ
	w.refused(403, "not_trusted", jobs[0], "POST /api/v1/token-jit?team=web&name=b0")
	w.refused(400, "invalid_argument", jobs[0], "POST /api/v1/token-jit?team=platform&name=-")
	var mu sync.Mutex
	var all sync.WaitGroup
	done := 0
	for i := range 6 {
		all.Go(func() {
			server := []*world{w, other}[i%2]
			a := server.call(jobs[i%2], fmt.Sprintf("POST /api/v1/token-jit?team=platform&name=b%d", i+1))
			mu.Lock()
			defer mu.Unlock()
			switch {
			case a.Code == http.StatusOK:
				done++
			case a.Reason != "busy": // more than may wait in line
				assert.Equal(t, "bad_token", a.Reason, a.text)
				assert.Contains(t, a.Error, "jti")
			}
		})
	}
	all.Wait()
	assert.Equal(t, 1, done)
	w.ok(jobs[0], "GET /api/v1/group-list?team=platform") // which reveals nothing
	w.refused(401, "bad_token", w.job(claim("jti", nil)), "POST /api/v1/token-jit?team=platform&name=c1")
	w.ok(w.job(), "POST /api/v1/token-jit?team=platform&name=c2")
}

// A token gets no second secret after a restart.
func TestThreatWorkflowReplayAfterRestart(t *testing.T) {
	t.Parallel()
	w := trusting(t, "SERVER_PORT="+freePort(t))
	job := w.job()
	w.ok(job, "POST /api/v1/token-jit?team=platform&name=b1")
	require.NoError(t, w.stop())
	w.start()
	w.refused(401, "bad_token", job, "POST /api/v1/token-jit?team=platform&name=b2")
}

// Each trust has a budget of its own, and so has each repository without one.
func TestThreatWorkflowRate(t *testing.T) {
	t.Parallel()
	w := trusting(t)
	w.ok("ghp_ada", "POST /api/v1/trust-add?team=platform&repo=api&ref=main&commands=group-list")
	require.NoError(t, w.stop())
	w.env["SERVER_RATE_LIMIT"] = "0.1"
	w.start()
	ofAPI := func(j *ghsim.ActionsJob) { j.Repository = "acme/api" }
	const list = "GET /api/v1/group-list?team=platform"
	w.ok(w.job(), list)
	w.refused(429, "rate_limited", w.job(), list)
	w.ok(w.job(ofAPI), list)
	w.refused(403, "not_trusted", w.job(branch("refs/heads/dev")), list)
	w.refused(429, "rate_limited", w.job(branch("refs/heads/other")), list)
	w.ok("ghp_ada", list)
}

// A job learns nothing of secret teams, and its run is in the audit.
func TestThreatWorkflowSecretTeam(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.state(func(o *ghsim.Org, _ *ghsim.State) {
		o.Team("secret").Permissions = map[int64]string{o.Repo("web").ID: "admin"}
		o.Team("platform").Privacy = "secret"
	})
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.ok("ghp_ada", trustWeb)
	dev := branch("refs/heads/dev")
	none := w.refused(403, "not_trusted", w.job(dev), "GET /api/v1/group-list?team=nobody")
	secret := w.refused(403, "not_trusted", w.job(dev), "GET /api/v1/group-list?team=platform")
	assert.Equal(t, strings.ReplaceAll(none.Error, "nobody", "platform"), secret.Error)
	who := w.ok(w.job(dev), "GET /api/v1/whoami")
	assert.Empty(t, who.Response["trusts"])
	assert.NotEmpty(t, w.ok(w.job(), "GET /api/v1/whoami").Response["trusts"])
	w.hub.ResetCalls()
	w.refused(403, "not_trusted", w.job(dev), "GET /api/v1/group-list?team=platform")
	assert.Empty(t, w.caused(), "nothing is asked for a minute")

	w.ok(w.job(), "PATCH /api/v1/repos-add?team=platform&repos=web")
	entries, _ := w.ok("ghp_ada", "GET /api/v1/audit-list?team=platform&by=workflow:acme/web@4711&changes=true").Response["entries"].([]any)
	require.Len(t, entries, 1)
	entry, _ := entries[0].(map[string]any)
	assert.Equal(t, "repos-add", entry["command"])
	assert.Equal(t, map[string]any{"actor": "bob", "ref": "refs/heads/main", "workflowRef": "acme/web/.github/workflows/ci.yml@refs/heads/main"}, entry["workflow"])
}

// Jobs of another organization fill neither the audit nor the disk, however many there are.
func TestThreatWorkflowAudit(t *testing.T) {
	t.Parallel()
	w := trusting(t)
	for i := range 20 {
		w.refused(403, "not_trusted", w.job(claim("repository_owner_id", "98"), claim("repository", "evil/web"), claim("repository_id", fmt.Sprint(100+i)), claim("run_id", fmt.Sprint(1+i))),
			"GET /api/v1/group-list?team=platform")
	}
	entries, _ := w.ok("ghp_ada", "GET /api/v1/audit-list?team=platform&by=workflow:evil").Response["entries"].([]any)
	assert.LessOrEqual(t, len(entries), 2, "one row a minute")
	count := 0.0
	for _, e := range entries {
		entry, _ := e.(map[string]any)
		count += entry["count"].(float64)
	}
	assert.EqualValues(t, 20, count)
}
