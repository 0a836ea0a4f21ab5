package contract_test

import (
	"net/http"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim/contract"
)

// A contract that lets everything pass guards nothing.
func TestCheck(t *testing.T) {
	dir := os.Getenv("GITHUB_CONTRACT_DIR")
	if dir == "" {
		t.Skip("NOT CHECKED AGAINST GITHUB'S OPENAPI DOCUMENT: set GITHUB_CONTRACT_DIR to the folder that holds github-rest.json (make contract)")
	}
	doc, err := contract.New(dir)
	require.NoError(t, err)
	const groups = "/orgs/acme/actions/runner-groups"
	const group = `{"id":1,"name":"x","visibility":"all","default":false,"runners_url":"u","inherited":false,"allows_public_repositories":false}`
	tests := []struct {
		name, method, path, body string
		status                   int
		answer, want             string
	}{
		{"fine", "POST", groups, `{"name":"x"}`, 201, group, ""},
		{"fine on an Enterprise Server", "POST", "/api/v3" + groups, `{"name":"x"}`, 201, group, ""},
		{"a name that must be escaped", "GET", "/orgs/acme/teams/a%2Fb/memberships/ada", "", 200, `{"role":"member","state":"active","url":"http://x"}`, ""},
		{"by ids", "GET", "/organizations/1/team/2/memberships/ada", "", 200, `{"role":"member","state":"active","url":"http://x"}`, ""},
		{"by ids, wrongly", "GET", "/organizations/1/team/2/memberships/ada", "", 200, `{"role":"owner","state":"active","url":"http://x"}`, "the answer"},
		{"a request without what is required", "POST", groups, `{}`, 201, group, "the request"},
		{"a request of the wrong type", "PUT", groups + "/1/runners", `{"runners":null}`, 204, "", "the request"},
		{"a request that GitHub called invalid", "POST", groups, `{}`, 422, `{"message":"Validation Failed"}`, ""},
		{"an answer without what is required", "POST", groups, `{"name":"x"}`, 201, `{"id":1}`, "the answer"},
		{"a status that is not documented", "POST", groups, `{"name":"x"}`, 200, group, "not documented"},
		{"an error that is not documented", "POST", groups, `{"name":"x"}`, 409, `{"message":"Conflict"}`, ""},
		{"an error without a message", "POST", groups, `{"name":"x"}`, 409, `{}`, "no message"},
		{"nothing changed", "GET", groups, "", 304, "", ""},
		{"no such operation", "GET", "/orgs/acme/secrets", "", 200, `{}`, "no documented operation"},
		{"another operation that GitHub has", "GET", "/meta", "", 200, `{}`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			req, err := http.NewRequest(tt.method, "http://127.0.0.1:1"+tt.path, nil)
			require.NoError(t, err)
			err = doc.Check(req, []byte(tt.body), tt.status, http.Header{"Content-Type": {"application/json; charset=utf-8"}}, []byte(tt.answer))
			if tt.want == "" {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, tt.want)
			}
		})
	}
}

func TestNewWithoutDocument(t *testing.T) {
	_, err := contract.New(t.TempDir())
	require.Error(t, err)
	_, err = contract.New("no/such/folder")
	assert.ErrorContains(t, err, "there is no")
}
