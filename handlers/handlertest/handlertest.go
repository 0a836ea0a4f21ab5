// Package handlertest holds what the tests of several channels share.
package handlertest

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

// Specs returns commands of every kind that a channel treats differently.
func Specs() []dispatch.Spec {
	team := dispatch.Param{Name: "team", Kind: dispatch.KindString, Required: true, Doc: "the team's slug", Example: "platform"}
	repos := dispatch.Param{Name: "repos", Kind: dispatch.KindList, Required: true, Positional: true, Doc: "repositories", Example: "api,web"}
	return []dispatch.Spec{
		{Name: "group-create", Task: dispatch.TaskOwnGroup, Aliases: []string{"group-add"}, Method: "POST", Legacy: true, Summary: "Create the team's runner group", Needs: dispatch.Maintainer, Effect: dispatch.Changes, Params: []dispatch.Param{team}},
		{Name: "group-delete", Task: dispatch.TaskOwnGroup, Method: "DELETE", Legacy: true, Summary: "Delete the team's runner group", Needs: dispatch.Maintainer, Effect: dispatch.Destroys, Params: []dispatch.Param{team, {Name: "move-runners-to", Kind: dispatch.KindString, Doc: "another team", Example: "web"}}},
		{Name: "group-list", Task: dispatch.TaskOwnGroup, Method: "GET", Summary: "Show the team's runner group", Needs: dispatch.Maintainer, Params: []dispatch.Param{team}},
		{Name: "repos-add", Task: dispatch.TaskRepos, Method: "PATCH", Legacy: true, Summary: "Attach repositories", Details: "Names may be with or without the organization.", Needs: dispatch.Maintainer, Effect: dispatch.Changes, Example: "api,web", Params: []dispatch.Param{team, repos}},
		{Name: "token-register", Task: dispatch.TaskRunners, Method: "POST", Legacy: true, Summary: "Make a registration token", Needs: dispatch.Maintainer, Effect: dispatch.Reveals, Params: []dispatch.Param{team}},
		{Name: "runners-remove", Task: dispatch.TaskRunners, Method: "DELETE", Summary: "Remove runners", Needs: dispatch.Maintainer, Effect: dispatch.Destroys, Params: []dispatch.Param{team, {Name: "runners", Kind: dispatch.KindList, Doc: "runners"}, {Name: "offline", Kind: dispatch.KindBool, Doc: "all that are offline"}}},
		{Name: "group-adopt", Task: dispatch.TaskOwners, Method: "POST", Summary: "Give an existing group to the team", Needs: dispatch.Owner, Effect: dispatch.Changes, Params: []dispatch.Param{team}},
		{Name: "audit-list", Task: dispatch.TaskActivity, Method: "GET", Summary: "Show what was asked and done", Needs: dispatch.Maintainer, Params: []dispatch.Param{team, {Name: "limit", Kind: dispatch.KindInt, Doc: "how many", Example: "20"}, {Name: "since", Kind: dispatch.KindTime, Doc: "since when", Example: "24h"}}},
		{Name: "whoami", Task: dispatch.TaskActivity, Method: "GET", Summary: "Show who you are here", Needs: dispatch.Member},
		{Name: "status", Task: dispatch.TaskActivity, Method: "GET", Summary: "Show whether the server is ready", Needs: dispatch.Anyone},
	}
}

// Answer is an answer as a client reads it.
type Answer struct {
	Code      int
	Response  json.RawMessage
	Error     string
	Reason    string
	RequestID string
	Items     []dispatch.Item
}

// DecodeAnswer decodes the answer of a response, and checks what holds for every answer of the API.
func DecodeAnswer(t *testing.T, response *http.Response) Answer {
	t.Helper()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	var answer Answer
	decoder := json.NewDecoder(strings.NewReader(string(body)))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&answer), "%s", body)
	assert.Equal(t, response.StatusCode, answer.Code)
	assert.Equal(t, "application/json", response.Header.Get("Content-Type"))
	assert.Equal(t, "no-store", response.Header.Get("Cache-Control"))
	assert.Equal(t, "nosniff", response.Header.Get("X-Content-Type-Options"))
	assert.NotEmpty(t, response.Header.Get("X-Request-Id"))
	if response.StatusCode == http.StatusOK {
		assert.NotNil(t, answer.Response)
		assert.Empty(t, answer.Error+answer.Reason+answer.RequestID)
	} else {
		assert.Nil(t, answer.Response)
		assert.NotEmpty(t, answer.Error)
		assert.Equal(t, answer.Code, dispatch.Reason(answer.Reason).Status())
		assert.Equal(t, response.Header.Get("X-Request-Id"), answer.RequestID)
	}
	return answer
}
