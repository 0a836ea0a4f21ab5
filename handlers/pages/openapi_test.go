package pages

import (
	"encoding/json"
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
	assert.Equal(t, len(handlertest.Specs()), document.Paths.Len())
	for _, spec := range handlertest.Specs() {
		item := document.Paths.Value(handlers.APIPrefix + spec.Name)
		require.NotNil(t, item, spec.Name)
		op := item.Operations()[spec.Method]
		require.NotNil(t, op, spec.Name)
		assert.Equal(t, spec.Name, op.OperationID)
		var names []string
		for _, p := range op.Parameters {
			names = append(names, p.Value.Name)
		}
		if op.RequestBody != nil {
			for name := range op.RequestBody.Value.Content["application/json"].Schema.Value.Properties {
				names = append(names, name)
			}
		}
		var want []string
		for _, p := range spec.Params {
			want = append(want, p.Name)
		}
		assert.ElementsMatch(t, want, names, spec.Name)
		open := spec.Needs == dispatch.Anyone
		assert.Equal(t, open, op.Security != nil && len(*op.Security) == 0, spec.Name)
		assert.Equal(t, open, op.Responses.Value("401") == nil, spec.Name)
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
		sample := op.Responses.Value("200").Value.Content["application/json"].Example
		require.IsType(t, map[string]any{}, sample, spec.Name)
		answer := sample.(map[string]any)
		assert.EqualValues(t, 200, answer["Code"], spec.Name)
		assert.IsType(t, map[string]any{}, answer["Response"], spec.Name)
		if items, ok := answer["Items"].([]any); ok {
			for _, item := range items {
				assert.Equal(t, true, item.(map[string]any)["Done"], spec.Name)
				assert.NotContains(t, item, "Error", spec.Name)
			}
		}
		assert.Equal(t, strings.HasPrefix(spec.Name, "repos-") || strings.HasPrefix(spec.Name, "runners-"), answer["Items"] != nil, spec.Name)
	}
	assert.Contains(t, string(body), "Attached to the runner group `platform` of the team `platform`: `api`, `web`.")
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
		assert.NotNil(t, document.Components.Responses[responseName(answer.Code)], r.Reason)
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
