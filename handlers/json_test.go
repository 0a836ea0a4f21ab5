package handlers_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/handlers"
)

func TestResultAnswer(t *testing.T) {
	t.Parallel()
	assert.Equal(t, 200, handlers.ResultAnswer(dispatch.Result{}).Code)
	assert.Equal(t, 202, handlers.ResultAnswer(dispatch.Result{Request: 7}).Code, "it waits for a decision")
	assert.Equal(t, 200, handlers.ResultAnswer(dispatch.Result{Request: 7, DryRun: true}).Code, "nothing was requested now")
}
