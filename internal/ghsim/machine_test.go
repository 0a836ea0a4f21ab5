package ghsim_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim/web"
)

// TestMachine pastes the lines of new runners on the page that is there in place of a machine.
func TestMachine(t *testing.T) {
	s := newSim(t)
	create := func(path, body string) map[string]any {
		r := s.do(http.MethodPost, "/orgs/acme/actions/runners/"+path, s.token(""), body)
		require.Equal(t, http.StatusCreated, r.StatusCode, r.body)
		answer := map[string]any{}
		require.NoError(t, json.Unmarshal([]byte(r.body), &answer))
		return answer
	}
	group := state(s, func(st *ghsim.State) *ghsim.Group { return st.Org("acme").Group("platform") })
	token, _ := create("registration-token", "")["token"].(string)
	config, _ := create("generate-jitconfig", `{"name": "once", "runner_group_id": `+id(group.ID)+`, "labels": ["self-hosted"]}`)["encoded_jit_config"].(string)
	paste := func(lines string) string {
		t.Helper()
		r := s.do(http.MethodPost, web.MachinePath, "", url.Values{"lines": {lines}}.Encode(), "Content-Type", "application/x-www-form-urlencoded")
		require.Equal(t, http.StatusOK, r.StatusCode, r.body)
		return r.body
	}

	assert.Contains(t, s.get(web.MachinePath, "").body, "Simulated machine")
	lines := "mkdir -p actions-runner && cd actions-runner\r\n./config.sh --unattended --url http://x/acme --runnergroup platform --token " + token + " --name 'build 7' --labels gpu,big\r\nsudo ./svc.sh start"
	assert.Contains(t, paste(lines), "<code>build 7</code>")
	assert.Contains(t, paste(lines), "a runner exists with the same name")
	assert.Contains(t, paste(`.\config.cmd --unattended --url 'x' --runnergroup 'platform' --token '`+token+`' --runasservice`), "Connected to GitHub")
	assert.Contains(t, paste("./run.sh --jitconfig "+config), "<code>once</code>")
	assert.Contains(t, paste("./run.sh --jitconfig "+config), "it was used")
	for _, wrong := range []string{"hello", "# ./config.sh --token " + token, "./config.sh --runnergroup platform --token A", "./config.sh --runnergroup nope --token " + token} {
		assert.Contains(t, paste(wrong), "The lines failed", wrong)
	}

	built := state(s, func(st *ghsim.State) ghsim.Runner { return *st.Org("acme").Runner("build 7") })
	assert.Equal(t, []string{"self-hosted", "Linux", "X64", "gpu", "big"}, built.Labels)
	assert.Equal(t, "online", built.Status)
	assert.Equal(t, group.ID, built.GroupID)
	once := state(s, func(st *ghsim.State) ghsim.Runner { return *st.Org("acme").Runner("once") })
	assert.Equal(t, "online", once.Status)
	assert.NotEmpty(t, once.Version)
	assert.Len(t, state(s, func(st *ghsim.State) []*ghsim.Runner { return st.Org("acme").GroupRunners(group) }), 2+3)
}
