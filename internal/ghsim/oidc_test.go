package ghsim_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

func TestActionsToken(t *testing.T) {
	hub, err := ghsim.New(ghsim.Scenario{Organizations: []ghsim.OrgSpec{{Login: "acme", Repositories: []ghsim.RepoSpec{{Name: "web"}}}}})
	require.NoError(t, err)
	front := httptest.NewUnstartedServer(hub)
	hub.URL = "http://" + front.Listener.Addr().String() // before anybody can ask
	front.Start()
	defer front.Close()
	defer hub.Close()
	get := func(path string, into any) int {
		res, err := http.Get(front.URL + path)
		require.NoError(t, err)
		defer res.Body.Close()
		require.NoError(t, json.NewDecoder(res.Body).Decode(into))
		return res.StatusCode
	}
	keys := func() []string {
		var set struct{ Keys []struct{ Kid string } }
		require.Equal(t, http.StatusOK, get("/_services/token/.well-known/jwks", &set))
		ids := []string{}
		for _, key := range set.Keys {
			ids = append(ids, key.Kid)
		}
		return ids
	}
	token, err := hub.ActionsToken(ghsim.ActionsJob{Repository: "acme/web", Audience: "https://arm.example.com", Environment: "production", Claims: map[string]any{"actor": "mona", "sha": nil}})
	require.NoError(t, err)
	claims := jwt.MapClaims{}
	parsed, _, err := jwt.NewParser().ParseUnverified(token, claims)
	require.NoError(t, err)
	assert.Equal(t, []string{parsed.Header["kid"].(string)}, keys())
	assert.Equal(t, hub.ActionsIssuer(), claims["iss"])
	assert.Equal(t, "acme/web", claims["repository"])
	assert.Equal(t, "production", claims["environment"])
	assert.Equal(t, "mona", claims["actor"])
	assert.NotContains(t, claims, "sha")
	assert.Contains(t, hub.Secrets(), token)

	var document map[string]any
	require.Equal(t, http.StatusOK, get("/_services/token/.well-known/openid-configuration", &document))
	assert.Equal(t, hub.ActionsIssuer(), document["issuer"])
	assert.Equal(t, hub.ActionsIssuer()+"/.well-known/jwks", document["jwks_uri"])
	var given struct{ Value string }
	require.Equal(t, http.StatusOK, get("/_services/token/request?repository=acme/web&audience=x", &given))
	assert.NotEmpty(t, given.Value)
	assert.Equal(t, http.StatusBadRequest, get("/_services/token/request?repository=acme/none", &document))
	assert.Equal(t, http.StatusNotFound, get("/_services/token/other", &document))

	require.NoError(t, hub.RotateActionsKey(true))
	assert.Len(t, keys(), 2)
	hub.HideActionsKey(true)
	assert.Len(t, keys(), 1)
	hub.HideActionsKey(false)
	require.NoError(t, hub.RotateActionsKey(false))
	assert.Len(t, keys(), 1)

	hub.Inject(ghsim.Fault{Path: "^/_services/token", Status: http.StatusServiceUnavailable, Delay: time.Millisecond})
	assert.Equal(t, http.StatusServiceUnavailable, get("/_services/token/.well-known/jwks", &document))
	assert.Empty(t, hub.Unknown())
	_, err = hub.ActionsToken(ghsim.ActionsJob{Repository: "acme/none"})
	require.Error(t, err)
}
