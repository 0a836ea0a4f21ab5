package ghsim_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// Every operation once: its status, and (by newSim) its form.
func TestOperations(t *testing.T) {
	s := newSim(t)
	var api, comment, orgID, teamID string
	s.Update(func(st *ghsim.State) {
		o := st.Org("acme")
		api = id(o.Repo("api").ID)
		comment = id(o.Repo("runner-admin").Issue(1).Comments[0].ID)
		orgID, teamID = id(o.ID), id(o.Team("platform").ID)
	})
	inst := s.token("")
	app := s.jwt(4242)
	const groups, runners, admin = "/orgs/acme/actions/runner-groups", "/orgs/acme/actions/runners", "/repos/acme/runner-admin"
	tests := []struct {
		name, method, path, token, body string
		want                            int
	}{
		{"meta", "GET", "/meta", "", "", 200},
		{"rate limit", "GET", "/rate_limit", inst, "", 200},
		{"user", "GET", "/user", "ghp_ada", "", 200},
		{"user with a token without permissions", "GET", "/user", "github_pat_bob", "", 200},
		{"keys", "GET", "/users/ada/keys", inst, "", 200},
		{"keys of nobody", "GET", "/users/nobody/keys", inst, "", 404},
		{"org", "GET", "/orgs/acme", inst, "", 200},
		{"org membership", "GET", "/orgs/acme/memberships/olga", inst, "", 200},
		{"no org membership", "GET", "/orgs/acme/memberships/eve", inst, "", 404},
		{"org installation", "GET", "/orgs/acme/installation", app, "", 200},
		{"teams", "GET", "/orgs/acme/teams", inst, "", 200},
		{"team", "GET", "/orgs/acme/teams/platform-core", inst, "", 200},
		{"no team", "GET", "/orgs/acme/teams/nope", inst, "", 404},
		{"team members", "GET", "/orgs/acme/teams/platform/members?role=maintainer", inst, "", 200},
		{"team membership", "GET", "/orgs/acme/teams/platform/memberships/ada", inst, "", 200},
		{"team membership of nobody", "GET", "/orgs/acme/teams/platform/memberships/eve", inst, "", 404},
		{"team repositories", "GET", "/orgs/acme/teams/platform/repos", inst, "", 200},
		{"team repository", "GET", "/orgs/acme/teams/platform/repos/acme/api", inst, "", 204},
		{"not the team's repository", "GET", "/orgs/acme/teams/platform/repos/acme/bare", inst, "", 404},
		{"team by id", "GET", "/organizations/" + orgID + "/team/" + teamID, inst, "", 200},
		{"team members by id", "GET", "/organizations/" + orgID + "/team/" + teamID + "/members", inst, "", 200},
		{"team membership by id", "GET", "/organizations/" + orgID + "/team/" + teamID + "/memberships/ada", inst, "", 200},
		{"team repository by id", "GET", "/organizations/" + orgID + "/team/" + teamID + "/repos/acme/api", inst, "", 204},
		{"team of another organization's id", "GET", "/organizations/1/team/" + teamID, inst, "", 404},
		{"repository", "GET", "/repos/acme/api", inst, "", 200},
		{"repository by id", "GET", "/repositories/" + api, inst, "", 200},
		{"public repository", "GET", "/repos/acme/web", "", "", 200},
		{"private repository", "GET", "/repos/acme/api", "", "", 404},

		{"groups", "GET", groups, inst, "", 200},
		{"groups of a repository", "GET", groups + "?visible_to_repository=api", inst, "", 200},
		{"create a group", "POST", groups, inst, `{"name":"new","visibility":"selected","selected_repository_ids":[` + api + `],"runners":[3]}`, 201},
		{"create it again", "POST", groups, inst, `{"name":"NEW"}`, 409},
		{"create a group on the free plan", "POST", "/orgs/other/actions/runner-groups", "ghp_eve", `{"name":"x"}`, 403},
		{"create a group without a name", "POST", groups, inst, `{}`, 422},
		{"create a group with a repository that is not there", "POST", groups, inst, `{"name":"x","selected_repository_ids":[1]}`, 404},
		{"group", "GET", groups + "/4", inst, "", 200},
		{"update a group", "PATCH", groups + "/4", inst, `{"name":"newer","restricted_to_workflows":true,"selected_workflows":["acme/api/.github/workflows/ci.yml@main"]}`, 200},
		{"update without a name", "PATCH", groups + "/4", inst, `{"visibility":"all"}`, 422},
		{"update to a name that is taken", "PATCH", groups + "/4", inst, `{"name":"platform"}`, 409},
		{"a workflow without a ref", "PATCH", groups + "/4", inst, `{"name":"newer","selected_workflows":["ci.yml"]}`, 422},
		{"group's repositories", "GET", groups + "/4/repositories", inst, "", 200},
		{"set repositories", "PUT", groups + "/4/repositories", inst, `{"selected_repository_ids":[]}`, 204},
		{"add a repository", "PUT", groups + "/4/repositories/" + api, inst, "", 204},
		{"add a repository twice", "PUT", groups + "/4/repositories/" + api, inst, "", 204},
		{"add a repository that is not there", "PUT", groups + "/4/repositories/12", inst, "", 404},
		{"add a repository where all are visible", "PUT", groups + "/1/repositories/" + api, inst, "", 409},
		{"remove a repository", "DELETE", groups + "/4/repositories/" + api, inst, "", 204},
		{"group's runners", "GET", groups + "/4/runners", inst, "", 200},
		{"hosted runners", "GET", groups + "/4/hosted-runners", inst, "", 200},
		{"set runners", "PUT", groups + "/4/runners", inst, `{"runners":[1]}`, 204},
		{"add a runner", "PUT", groups + "/4/runners/3", inst, "", 204},
		{"add a runner that is not there", "PUT", groups + "/4/runners/99", inst, "", 404},
		{"remove a runner", "DELETE", groups + "/4/runners/3", inst, "", 204},
		{"change an inherited group", "PATCH", groups + "/3", inst, `{"name":"mine"}`, 403},
		{"delete the default group", "DELETE", groups + "/1", inst, "", 422},
		{"delete a group", "DELETE", groups + "/4", inst, "", 204},
		{"delete it again", "DELETE", groups + "/4", inst, "", 404},

		{"runners", "GET", runners + "?name=r1", inst, "", 200},
		{"downloads", "GET", runners + "/downloads", inst, "", 200},
		{"registration token", "POST", runners + "/registration-token", inst, "", 201},
		{"removal token", "POST", runners + "/remove-token", inst, "", 201},
		{"JIT", "POST", runners + "/generate-jitconfig", inst, `{"name":"jit","runner_group_id":2,"labels":["x"],"work_folder":"_w"}`, 201},
		{"JIT of a name that is taken", "POST", runners + "/generate-jitconfig", inst, `{"name":"jit","runner_group_id":2,"labels":["x"]}`, 409},
		{"JIT in no group", "POST", runners + "/generate-jitconfig", inst, `{"name":"jit2","runner_group_id":99,"labels":["x"]}`, 404},
		{"JIT without labels", "POST", runners + "/generate-jitconfig", inst, `{"name":"jit2","runner_group_id":2,"labels":[]}`, 422},
		{"runner", "GET", runners + "/1", inst, "", 200},
		{"runner's labels", "GET", runners + "/2/labels", inst, "", 200},
		{"add labels", "POST", runners + "/2/labels", inst, `{"labels":["big"]}`, 200},
		{"remove a label", "DELETE", runners + "/2/labels/big", inst, "", 200},
		{"remove a label of the runner's own", "DELETE", runners + "/2/labels/self-hosted", inst, "", 422},
		{"set labels", "PUT", runners + "/2/labels", inst, `{"labels":["small"]}`, 200},
		{"add a label in another case", "POST", runners + "/2/labels", inst, `{"labels":["SMALL","GPU"]}`, 200},
		{"add no labels", "POST", runners + "/2/labels", inst, `{"labels":[]}`, 422},
		{"set no labels", "PUT", runners + "/2/labels", inst, `{"labels":[]}`, 200},
		{"remove a label that is not there", "DELETE", runners + "/2/labels/small", inst, "", 404},
		{"clear labels", "DELETE", runners + "/2/labels", inst, "", 200},
		{"remove a busy runner", "DELETE", runners + "/2", inst, "", 422},
		{"remove a runner", "DELETE", runners + "/1", inst, "", 204},
		{"remove it again", "DELETE", runners + "/1", inst, "", 404},

		{"a person's permission", "GET", "/repos/acme/api/collaborators/ada/permission", inst, "", 200},
		{"an outsider's permission", "GET", "/repos/acme/api/collaborators/eve/permission", inst, "", 200},
		{"nobody's permission", "GET", "/repos/acme/api/collaborators/nobody/permission", inst, "", 404},
		{"permission on no repository", "GET", "/repos/acme/nope/collaborators/ada/permission", inst, "", 404},

		{"issues", "GET", admin + "/issues?state=all&labels=team:platform&creator=olga&sort=updated&direction=asc", inst, "", 200},
		{"create an issue", "POST", admin + "/issues", inst, `{"title":"Look","body":"here","labels":["runner-health",{"name":"team:platform"}]}`, 201},
		{"create an issue without a title", "POST", admin + "/issues", inst, `{"body":"here"}`, 422},
		{"create an issue if issues are off", "POST", "/repos/acme/bare/issues", inst, `{"title":"Look"}`, 410},
		{"close an issue", "PATCH", admin + "/issues/3", inst, `{"state":"closed","title":"Looked"}`, 200},
		{"open it", "PATCH", admin + "/issues/3", inst, `{"state":"open","labels":["a"]}`, 200},
		{"an odd state", "PATCH", admin + "/issues/3", inst, `{"state":"ajar"}`, 422},
		{"change a stranger's issue", "PATCH", admin + "/issues/3", "ghp_ada", `{"title":"Mine"}`, 403},
		{"issue's labels", "GET", admin + "/issues/3/labels", inst, "", 200},
		{"label an issue", "POST", admin + "/issues/3/labels", inst, `{"labels":["b"]}`, 200},
		{"set an issue's labels", "PUT", admin + "/issues/3/labels", inst, `{"labels":["c"]}`, 200},
		{"clear an issue's labels", "DELETE", admin + "/issues/3/labels", inst, "", 204},
		{"labels of a repository", "GET", admin + "/labels", inst, "", 200},
		{"label of a repository", "GET", admin + "/labels/Team:platform", inst, "", 200},
		{"no label", "GET", admin + "/labels/nope", inst, "", 404},
		{"create a label", "POST", admin + "/labels", inst, `{"name":"new","color":"d93f0b","description":"is new"}`, 201},
		{"create it again", "POST", admin + "/labels", inst, `{"name":"NEW"}`, 422},
		{"issue", "GET", admin + "/issues/1", inst, "", 200},
		{"pull request", "GET", admin + "/issues/2", inst, "", 200},
		{"no issue", "GET", admin + "/issues/9", inst, "", 404},
		{"issues disabled", "GET", "/repos/acme/bare/issues/1", inst, "", 410},
		{"comments", "GET", admin + "/issues/1/comments", inst, "", 200},
		{"comments of all issues", "GET", admin + "/issues/comments?sort=created&direction=desc", inst, "", 200},
		{"comment as the App", "POST", admin + "/issues/1/comments", inst, `{"body":"Hi"}`, 201},
		{"comment as a person", "POST", admin + "/issues/1/comments", "ghp_ada", `{"body":"Hi"}`, 201},
		{"comment blank", "POST", admin + "/issues/1/comments", inst, `{"body":" "}`, 422},
		{"comment in an archived repository", "POST", "/repos/acme/old/issues/1/comments", inst, `{"body":"Hi"}`, 403},
		{"read a comment", "GET", admin + "/issues/comments/" + comment, inst, "", 200},
		{"edit a comment", "PATCH", admin + "/issues/comments/" + comment, inst, `{"body":"Bye"}`, 200},
		{"react", "POST", admin + "/issues/comments/" + comment + "/reactions", inst, `{"content":"eyes"}`, 201},
		{"react again", "POST", admin + "/issues/comments/" + comment + "/reactions", inst, `{"content":"eyes"}`, 200},
		{"react oddly", "POST", admin + "/issues/comments/" + comment + "/reactions", inst, `{"content":"frog"}`, 422},
		{"reactions", "GET", admin + "/issues/comments/" + comment + "/reactions", inst, "", 200},
		{"take a reaction back", "DELETE", admin + "/issues/comments/" + comment + "/reactions/70000001", inst, "", 204},
		{"delete a comment", "DELETE", admin + "/issues/comments/" + comment, inst, "", 204},

		{"App", "GET", "/app", app, "", 200},
		{"installations", "GET", "/app/installations", app, "", 200},
		{"installation", "GET", "/app/installations/77", app, "", 200},
		{"no installation", "GET", "/app/installations/79", app, "", 404},
		{"another App's installation", "GET", "/app/installations/77", s.jwt(4343), "", 404},
		{"hook", "GET", "/app/hook/config", app, "", 200},
		{"change the hook", "PATCH", "/app/hook/config", app, `{"url":"http://127.0.0.1:1/hook","secret":"hush2"}`, 200},
		{"deliveries", "GET", "/app/hook/deliveries?per_page=1&status=failure", app, "", 200},
		{"an odd cursor", "GET", "/app/hook/deliveries?cursor=x", app, "", 400},
		{"delivery", "GET", "/app/hook/deliveries/100000000001", app, "", 200},
		{"redeliver", "POST", "/app/hook/deliveries/100000000001/attempts", app, "", 202},
		{"suspend", "PUT", "/app/installations/78/suspended", app, "", 204},
		{"token of a suspended installation", "POST", "/app/installations/78/access_tokens", app, "", 403},
		{"unsuspend", "DELETE", "/app/installations/78/suspended", app, "", 204},
		{"uninstall", "DELETE", "/app/installations/78", app, "", 204},
		{"manifest code that nobody got", "POST", "/app-manifests/nope/conversions", "", "", 404},
		{"installation's repositories", "GET", "/installation/repositories", inst, "", 200},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := s.do(tt.method, tt.path, tt.token, tt.body)
			assert.Equal(t, tt.want, r.StatusCode, r.body)
		})
	}
	assert.Empty(t, s.Unknown())
}

func TestUnknownRoutes(t *testing.T) {
	s := newSim(t)
	for _, path := range []string{"/gists", "/orgs/acme/teams/x/../../other", "/orgs//teams", "/api/v3/gists"} {
		r := s.do(http.MethodGet, path, "", "")
		assert.Equal(t, http.StatusNotFound, r.StatusCode)
		assert.Equal(t, "Not Found", r.get("message"))
	}
	assert.Equal(t, []string{"GET /gists", "GET /orgs/acme/teams/x/../../other", "GET /orgs//teams", "GET /gists"}, s.Unknown())
}

func TestZeroValue(t *testing.T) {
	s := &sim{Server: new(ghsim.Server), t: t}
	s.http = serve(t, s.Server)
	assert.Equal(t, http.StatusOK, s.get("/meta", "").StatusCode)
	assert.Equal(t, http.StatusNotFound, s.get("/orgs/acme", "").StatusCode)
	assert.Equal(t, http.StatusUnauthorized, s.get("/user", "ghp_x").StatusCode)
	require.NoError(t, s.Apply(ghsim.Scenario{Organizations: []ghsim.OrgSpec{{Login: "acme"}}}))
	assert.Equal(t, http.StatusOK, s.get("/orgs/acme", "").StatusCode)
}

func TestEnterprisePrefix(t *testing.T) {
	s := newSim(t)
	r := s.get("/api/v3/orgs/acme/teams?per_page=1", s.token(""))
	require.Equal(t, http.StatusOK, r.StatusCode)
	assert.NotEmpty(t, r.Header.Get("X-GitHub-Enterprise-Version"))
	assert.Contains(t, r.Header.Get("Link"), s.http.URL+"/api/v3/orgs/acme/teams?page=2&per_page=1")
	assert.Contains(t, r.get(0, "url"), "/api/v3/organizations/")
}
