package ghsim_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

func TestJWT(t *testing.T) {
	s := newSim(t)
	now := time.Now()
	claim := func(name string, value any) func(jwt.MapClaims) {
		return func(c jwt.MapClaims) { c[name] = value }
	}
	hmac, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"iss": "4242", "iat": now.Unix(), "exp": now.Add(time.Minute).Unix()}).SignedString([]byte("x"))
	require.NoError(t, err)
	clientID := state(s, func(st *ghsim.State) string { return st.App("runner-manager").ClientID })
	tests := []struct {
		name, token string
		want        int
		message     string
	}{
		{"fine", s.jwt(4242), 200, ""},
		{"a number as issuer", s.jwt(4242, claim("iss", 4242)), 200, ""},
		{"the client id as issuer", s.jwt(4242, claim("iss", clientID)), 200, ""},
		{"no App", s.jwt(1), 401, "Integration not found"},
		{"another algorithm", hmac, 401, "A JSON web token could not be decoded"},
		{"a broken signature", s.jwt(4242)[:300] + "AAAA", 401, "A JSON web token could not be decoded"},
		{"expired", s.jwt(4242, claim("exp", now.Add(-time.Second).Unix())), 401, "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires"},
		{"too long", s.jwt(4242, claim("exp", now.Add(11*time.Minute).Unix())), 401, "'Expiration time' claim ('exp') is too far in the future"},
		{"from the future", s.jwt(4242, claim("iat", now.Add(time.Minute).Unix())), 401, "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"},
		{"a user's token", "ghp_ada", 401, "A JSON web token could not be decoded"},
		{"an installation's token", s.token(""), 401, "A JSON web token could not be decoded"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := s.get("/app", tt.token)
			assert.Equal(t, tt.want, r.StatusCode)
			if tt.message != "" {
				assert.Equal(t, tt.message, r.get("message"))
			}
		})
	}
}

func TestUser(t *testing.T) {
	s := newSim(t)
	tests := []struct {
		name, token      string
		want             int
		message          string
		clientID, scopes string
	}{
		{"classic", "ghp_ada", 200, "", "", "repo, read:org, user"},
		{"fine-grained", "github_pat_bob", 200, "", "", ""},
		{"OAuth", "gho_bob", 200, "", "178c6fc778ccc68e1d6a", "repo"},
		{"unknown", "ghp_nobody", 401, "Bad credentials", "", ""},
		{"none", "", 401, "Requires authentication", "", ""},
		{"suspended", "ghp_sus", 403, "Sorry. Your account was suspended.", "", ""},
		{"installation", s.token(""), 403, "Resource not accessible by integration", "", ""},
		{"App", s.jwt(4242), 403, "Resource not accessible by integration", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := s.get("/user", tt.token)
			assert.Equal(t, tt.want, r.StatusCode)
			assert.Equal(t, tt.clientID, r.Header.Get("X-OAuth-Client-Id"))
			assert.Equal(t, tt.scopes, r.Header.Get("X-OAuth-Scopes"))
			if tt.message != "" {
				assert.Equal(t, tt.message, r.get("message"))
			}
		})
	}
}

func TestPermissions(t *testing.T) {
	s := newSim(t)
	const groups, comments = "/orgs/acme/actions/runner-groups", "/repos/acme/runner-admin/issues/1/comments"
	all := s.token("")
	comment := s.token(`{"repositories":["runner-admin"],"permissions":{"issues":"write"}}`)
	read := s.token(`{"permissions":{"organization_self_hosted_runners":"read","members":"read"}}`)
	tests := []struct {
		name, method, path, token, body string
		want                            int
	}{
		{"all", "GET", groups, all, "", 200},
		{"narrowed to issues: groups", "GET", groups, comment, "", 403},
		{"narrowed to issues: teams", "GET", "/orgs/acme/teams", comment, "", 403},
		{"narrowed to issues: comment", "POST", comments, comment, `{"body":"x"}`, 201},
		{"narrowed to a repository: another one", "GET", "/repos/acme/api", comment, "", 404},
		{"narrowed to a repository: comment elsewhere", "POST", "/repos/acme/old/issues/1/comments", comment, `{"body":"x"}`, 404},
		{"narrowed to a repository: a public one", "GET", "/repos/acme/web", comment, "", 200},
		{"narrowed to reading: groups", "GET", groups, read, "", 200},
		{"narrowed to reading: make a group", "POST", groups, read, `{"name":"x"}`, 403},
		{"narrowed to reading: comment", "POST", comments, read, `{"body":"x"}`, 403},
		{"another organization", "GET", "/orgs/other/actions/runner-groups", all, "", 404},
		{"another organization's repository", "GET", "/repos/other/api", all, "", 404},
		{"JWT", "GET", groups, s.jwt(4242), "", 401},
		{"nobody", "GET", groups, "", "", 401},
		{"owner", "GET", groups, "ghp_olga", "", 200},
		{"member", "GET", groups, "ghp_ada", "", 403},
		{"stranger", "GET", groups, "ghp_eve", "", 404},
		{"member: team", "GET", "/orgs/acme/teams/platform", "ghp_ada", "", 200},
		{"member: secret team", "GET", "/orgs/acme/teams/hidden", "ghp_ada", "", 404},
		{"owner: secret team", "GET", "/orgs/acme/teams/hidden", "ghp_olga", "", 200},
		{"member without permissions: comment", "POST", comments, "github_pat_bob", `{"body":"x"}`, 404},
		{"stranger: private repository", "GET", comments, "ghp_eve", "", 404},
		{"stranger: edit somebody's comment", "PATCH", "/repos/acme/runner-admin/issues/comments/600000001", "gho_bob", `{"body":"x"}`, 403},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := s.do(tt.method, tt.path, tt.token, tt.body)
			assert.Equal(t, tt.want, r.StatusCode, r.body)
		})
	}
}

func TestAccessTokens(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	s := newSim(t, func(sc *ghsim.Scenario) {
		sc.Apps[0].Installations[0].Repositories = []string{"runner-admin", "api"}
	})
	s.Now = func() time.Time { return now }
	mint := func(body string) reply {
		return s.do(http.MethodPost, "/app/installations/77/access_tokens", s.jwt(4242), body)
	}
	for name, body := range map[string]string{
		"a permission that was not granted": `{"permissions":{"administration":"read"}}`,
		"a level that was not granted":      `{"permissions":{"members":"write"}}`,
		"a repository that is not there":    `{"repositories":["nope"]}`,
		"a repository that is not covered":  `{"repositories":["web"]}`,
		"a type that is wrong":              `{"repositories":[1]}`,
	} {
		assert.Equal(t, http.StatusUnprocessableEntity, mint(body).StatusCode, name)
	}
	assert.Equal(t, http.StatusBadRequest, mint(`{`).StatusCode)

	r := mint(`{"repositories":["api"],"permissions":{"issues":"write"}}`)
	require.Equal(t, http.StatusCreated, r.StatusCode, r.body)
	assert.Equal(t, map[string]any{"issues": "write", "metadata": "read"}, r.get("permissions"))
	assert.Equal(t, "selected", r.get("repository_selection"))
	assert.Equal(t, []string{"api"}, r.names("name", "repositories"))
	assert.Equal(t, "2026-05-01T13:00:00Z", r.get("expires_at"))
	token := r.get("token").(string)
	assert.Contains(t, s.Secrets(), token)

	assert.Equal(t, []string{"api"}, s.get("/installation/repositories", token).names("name", "repositories"))
	now = now.Add(time.Hour)
	assert.Equal(t, "Bad credentials", s.get("/installation/repositories", token).get("message"))

	token = s.token("")
	s.Update(func(st *ghsim.State) { st.Installation(77).SuspendedAt = now })
	assert.Equal(t, "This installation has been suspended", s.get("/orgs/acme/teams", token).get("message"))
}
