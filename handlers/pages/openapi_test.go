package pages

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/handlers"
	"github.com/actions-runner-manager/actions-runner-manager/handlers/handlertest"
)

func TestOpenAPI(t *testing.T) {
	body, err := OpenAPI(handlertest.Specs(), "1.2.3", false)
	require.NoError(t, err)
	again, err := OpenAPI(handlertest.Specs(), "1.2.3", false)
	require.NoError(t, err)
	assert.Equal(t, string(body), string(again), "the same commands give the same bytes")

	document, err := openapi3.NewLoader().LoadFromData(body)
	require.NoError(t, err)
	require.NoError(t, document.Validate(t.Context(), openapi3.IsOpenAPI31OrLater()))
	assert.Equal(t, "3.1.0", document.OpenAPI)
	assert.Equal(t, "1.2.3", document.Info.Version)
	names := 0
	for _, spec := range handlertest.Specs() {
		names += 1 + len(spec.Aliases)
		for _, name := range append([]string{spec.Name}, spec.Aliases...) {
			checkOperations(t, document, spec, name)
		}
	}
	assert.Equal(t, names, document.Paths.Len())
}

// checkOperations checks what is described of a command at one of its names.
func checkOperations(t *testing.T, document *openapi3.T, spec dispatch.Spec, name string) {
	t.Helper()
	item := document.Paths.Value(handlers.APIPrefix + name)
	require.NotNil(t, item, name)
	assert.Len(t, item.Operations(), len(spec.Methods()), name)
	for method, op := range item.Operations() {
		assert.Contains(t, spec.Methods(), method, name)
		assert.Equal(t, name != spec.Name || method == http.MethodGet && spec.Method != http.MethodGet, op.Deprecated, "%s %s", method, name)
		assert.Equal(t, method == spec.Method && name == spec.Name, op.OperationID == spec.Name)
		body := op.RequestBody
		assert.Equal(t, method != "GET" && len(spec.Params) > 0, body != nil, "%s %s", method, name)
		for _, p := range spec.Params {
			query := op.Parameters.GetByInAndName("query", p.Name)
			require.NotNil(t, query, "%s %s: %s", method, name, p.Name)
			assert.Equal(t, p.Required && method == "GET", query.Required)
			if body != nil {
				assert.False(t, body.Value.Required)
				assert.Contains(t, body.Value.Content["application/json"].Schema.Value.Properties, p.Name)
			}
		}
		open := spec.Needs == dispatch.Anyone
		assert.Equal(t, open, op.Security != nil && len(*op.Security) == 0, name)
		assert.Equal(t, open, op.Responses.Value("401") == nil, name)
		assert.Nil(t, op.Responses.Value("405"), "a method that is described is answered")
	}
}

// The example of an answer is what the command answers to its example.
func TestSamples(t *testing.T) {
	specs := dispatch.NewDispatcher(&dispatch.Env{}, commands.All()).Specs()
	body, err := OpenAPI(specs, "1.2.3", false)
	require.NoError(t, err)
	document, err := openapi3.NewLoader().LoadFromData(body)
	require.NoError(t, err)
	require.NoError(t, document.Validate(t.Context(), openapi3.IsOpenAPI31OrLater()))
	for _, spec := range specs {
		op := document.Paths.Value(handlers.APIPrefix + spec.Name).Operations()[spec.Method]
		code := 200
		if spec.Sample.Request != 0 {
			code = 202
		}
		sample := op.Responses.Value(fmt.Sprint(code)).Value.Content["application/json"].Example
		require.IsType(t, map[string]any{}, sample, spec.Name)
		answer := sample.(map[string]any)
		assert.EqualValues(t, code, answer["Code"], spec.Name)
		assert.IsType(t, map[string]any{}, answer["Response"], spec.Name)
		if items, ok := answer["Items"].([]any); ok {
			for _, item := range items {
				assert.Equal(t, true, item.(map[string]any)["Done"], spec.Name)
				assert.NotContains(t, item, "Error", spec.Name)
			}
		}
		several := strings.HasPrefix(spec.Name, "repos-") || strings.HasPrefix(spec.Name, "runners-") && spec.Effect != dispatch.Reads
		assert.Equal(t, several, answer["Items"] != nil, spec.Name)
	}
	assert.Contains(t, string(body), "Added 2 repositories to `platform`: `api`, `web`.")
}

func TestOpenAPIWithSeveralOrganizations(t *testing.T) {
	body, err := OpenAPI(handlertest.Specs(), "1.2.3", true)
	require.NoError(t, err)
	document, err := openapi3.NewLoader().LoadFromData(body)
	require.NoError(t, err)
	whoami := document.Paths.Value(handlers.APIPrefix + "whoami").Get
	require.NotNil(t, whoami.Parameters.GetByInAndName("query", "org"))
	assert.Empty(t, document.Paths.Value(handlers.APIPrefix+"status").Get.Parameters)
	assert.NotContains(t, string(mustJSON(t, handlertest.Specs())), `"org"`, "the declarations are not changed")
}

// Every answer that the channel gives is one that the description knows.
func TestAnswersAreAsDescribed(t *testing.T) {
	body, err := OpenAPI(handlertest.Specs(), "1.2.3", false)
	require.NoError(t, err)
	document, err := openapi3.NewLoader().LoadFromData(body)
	require.NoError(t, err)
	schema := document.Components.Schemas["Error"].Value
	for _, r := range dispatch.Reasons() {
		answer := handlers.ErrorAnswer(dispatch.Refuse(r.Reason, "Text."), "id")
		var value any
		require.NoError(t, json.Unmarshal(mustJSON(t, answer), &value))
		assert.NoError(t, schema.VisitJSON(value), r.Reason)
	}
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	body, err := handlers.EncodeJSON(v)
	require.NoError(t, err)
	return body
}

func TestReference(t *testing.T) {
	text := string(Reference(handlertest.Specs()))
	assert.Equal(t, text, string(Reference(handlertest.Specs())))
	for _, want := range []string{
		"| [`repos-add`](#repos-add) | a maintainer of the team | Attach repositories |",
		"- REST: `PATCH`, `POST`, `GET` (deprecated)",
		"- Also called: `group-add`",
		"| `repos` | list | yes | repositories |",
		"\n/runner-group repos-add api,web\n",
		`curl -X PATCH -H "Authorization: Bearer $GITHUB_TOKEN" "https://arm.example.com/api/v1/repos-add?team=platform&repos=api,web"`,
		"\n" + `curl "https://arm.example.com/api/v1/status"` + "\n",
		"| 503 | `setup` | the server is not set up yet |",
	} {
		assert.Contains(t, text, want)
	}
}
