package ghsim_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim/web"
)

// The web flow: GitHub asks who it is, and gives a code for a token, once.
func TestWebFlow(t *testing.T) {
	now := time.Now()
	hub, err := ghsim.New(ghsim.Scenario{
		Users:         []ghsim.UserSpec{{Login: "ada"}, {Login: "robot", Type: "Bot"}},
		Organizations: []ghsim.OrgSpec{{Login: "acme", Owners: []string{"ada"}, Members: []string{"bob"}}},
		Apps:          []ghsim.AppSpec{{Name: "arm", CallbackURLs: []string{"https://arm.example/console/callback"}}},
	})
	require.NoError(t, err)
	hub.Now = func() time.Time { return now }
	web.Attach(hub)
	front := serve(t, hub)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	var id, secret string
	hub.View(func(st *ghsim.State) { id, secret = st.Apps[0].ClientID, st.Apps[0].ClientSecret })
	sum := sha256.Sum256([]byte("verifier"))
	request := url.Values{
		"client_id": {id}, "redirect_uri": {"https://arm.example/console/callback"}, "state": {"s"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}
	with := func(base url.Values, changes ...string) url.Values {
		q := url.Values{}
		for name := range base {
			q.Set(name, base.Get(name))
		}
		for i := 0; i < len(changes); i += 2 {
			q.Set(changes[i], changes[i+1])
		}
		return q
	}
	authorize := func(q url.Values) (int, url.Values, string) {
		res, err := client.Get(front.URL + ghsim.AuthorizePath + "?" + q.Encode())
		require.NoError(t, err)
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		to, err := url.Parse(res.Header.Get("Location"))
		require.NoError(t, err)
		return res.StatusCode, to.Query(), string(body)
	}
	exchange := func(q url.Values) map[string]any {
		req, err := http.NewRequest(http.MethodPost, front.URL+"/login/oauth/access_token?"+q.Encode(), nil)
		require.NoError(t, err)
		req.Header.Set("Accept", "application/json")
		res, err := client.Do(req)
		require.NoError(t, err)
		defer res.Body.Close()
		require.Equal(t, http.StatusOK, res.StatusCode)
		var answer map[string]any
		require.NoError(t, json.NewDecoder(res.Body).Decode(&answer))
		return answer
	}
	code := func() string {
		status, to, _ := authorize(with(request, "login", "ada"))
		require.Equal(t, http.StatusFound, status)
		require.Equal(t, "s", to.Get("state"))
		return to.Get("code")
	}
	good := url.Values{"client_id": {id}, "client_secret": {secret}, "redirect_uri": {"https://arm.example/console/callback"}, "code_verifier": {"verifier"}}

	status, _, body := authorize(request)
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, body, "login=bob")
	assert.NotContains(t, body, "robot")
	for _, tt := range []struct{ name, value, want string }{
		{"redirect_uri", "https://evil.example/", "redirect_uri_mismatch"},
		{"code_challenge_method", "plain", "invalid_request"},
		{"deny", "1", "access_denied"},
	} {
		_, to, _ := authorize(with(request, tt.name, tt.value, "login", "ada"))
		assert.Equal(t, []string{tt.want, "s"}, []string{to.Get("error"), to.Get("state")})
	}
	for _, q := range []url.Values{with(request, "client_id", "x"), with(request, "login", "robot"), with(request, "login", "nobody")} {
		status, _, _ := authorize(q)
		assert.Equal(t, http.StatusNotFound, status)
	}
	for _, tt := range []struct{ name, value, want string }{
		{"client_secret", "x", "incorrect_client_credentials"},
		{"client_id", "x", "incorrect_client_credentials"},
		{"code_verifier", "x", "bad_verification_code"},
		{"redirect_uri", "https://evil.example/", "redirect_uri_mismatch"},
		{"code", "x", "bad_verification_code"},
	} {
		assert.Equal(t, tt.want, exchange(with(good, "code", code(), tt.name, tt.value))["error"], tt.name)
	}
	once := code()
	token, _ := exchange(with(good, "code", once))["access_token"].(string)
	assert.Equal(t, "bad_verification_code", exchange(with(good, "code", once))["error"])
	late := code()
	now = now.Add(10 * time.Minute)
	assert.Equal(t, "bad_verification_code", exchange(with(good, "code", late))["error"])

	user := func() (int, string) {
		req, err := http.NewRequest(http.MethodGet, front.URL+"/user", nil)
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+token)
		res, err := client.Do(req)
		require.NoError(t, err)
		defer res.Body.Close()
		var answer struct{ Login string }
		require.NoError(t, json.NewDecoder(res.Body).Decode(&answer))
		return res.StatusCode, answer.Login
	}
	status, login := user()
	assert.Equal(t, http.StatusOK, status)
	assert.Equal(t, "ada", login)
	assert.Contains(t, hub.Secrets(), token)
	now = now.Add(8 * time.Hour)
	status, _ = user()
	assert.Equal(t, http.StatusUnauthorized, status)
}
