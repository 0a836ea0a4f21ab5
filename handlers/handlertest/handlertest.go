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

	"github.com/actions-runner-manager/actions-runner-manager/commands"
)

// Specs returns commands of every kind that a channel treats differently.
func Specs() []commands.Spec {
	team := commands.Param{Name: "team", Kind: commands.KindString, Required: true, Doc: "the team's slug", Example: "platform"}
	repos := commands.Param{Name: "repos", Kind: commands.KindList, Required: true, Positional: true, Doc: "repositories", Example: "api,web"}
	return []commands.Spec{
		{Name: "group-create", Aliases: []string{"group-add"}, Method: "POST", Legacy: true, Summary: "Create the team's runner group", Needs: commands.Maintainer, Effect: commands.Changes, Params: []commands.Param{team}},
		{Name: "group-delete", Method: "DELETE", Legacy: true, Summary: "Delete the team's runner group", Needs: commands.Maintainer, Effect: commands.Destroys, Params: []commands.Param{team, {Name: "move-runners-to", Kind: commands.KindString, Doc: "another team", Example: "web"}}},
		{Name: "group-list", Method: "GET", Summary: "Show the team's runner group", Needs: commands.Maintainer, Params: []commands.Param{team}},
		{Name: "repos-add", Method: "PATCH", Legacy: true, Summary: "Attach repositories", Details: "Names may be with or without the organization.", Needs: commands.Maintainer, Effect: commands.Changes, Example: "api,web", Params: []commands.Param{team, repos}},
		{Name: "token-register", Method: "POST", Legacy: true, Summary: "Make a registration token", Needs: commands.Maintainer, Effect: commands.Reveals, Params: []commands.Param{team}},
		{Name: "runners-remove", Method: "DELETE", Summary: "Remove runners", Needs: commands.Maintainer, Effect: commands.Destroys, Params: []commands.Param{team, {Name: "runners", Kind: commands.KindList, Doc: "runners"}, {Name: "offline", Kind: commands.KindBool, Doc: "all that are offline"}}},
		{Name: "group-adopt", Method: "POST", Summary: "Give an existing group to the team", Needs: commands.Owner, Effect: commands.Changes, Params: []commands.Param{team}},
		{Name: "audit-list", Method: "GET", Summary: "Show what was asked and done", Needs: commands.Maintainer, Params: []commands.Param{team, {Name: "limit", Kind: commands.KindInt, Doc: "how many", Example: "20"}, {Name: "since", Kind: commands.KindTime, Doc: "since when", Example: "24h"}}},
		{Name: "whoami", Method: "GET", Summary: "Show who you are here", Needs: commands.Member},
		{Name: "status", Method: "GET", Summary: "Show whether the server is ready", Needs: commands.Anyone},
	}
}

// Answer is an answer as a client reads it.
type Answer struct {
	Code      int
	Response  json.RawMessage
	Error     string
	Reason    string
	RequestID string
	Items     []commands.Item
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
		assert.Equal(t, answer.Code, commands.Reason(answer.Reason).Status())
		assert.Equal(t, response.Header.Get("X-Request-Id"), answer.RequestID)
	}
	return answer
}
