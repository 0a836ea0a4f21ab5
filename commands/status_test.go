package commands_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/actions-runner-manager/actions-runner-manager/commands/commandtest"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

func TestStatus(t *testing.T) {
	t.Parallel()
	k := commandtest.New(t)
	k.Test(t, []commandtest.Case{{Name: "by anybody", As: "nobody", Line: "status", Then: func(t *testing.T, r dispatch.Result) {
		assert.Equal(t, dispatch.Status{Ready: true, Version: "test", GitHub: "ok"}, r.Response)
	}}})
	k.Env.Status = func(context.Context) dispatch.Status {
		return dispatch.Status{Ready: true, GitHub: "it does not answer"}
	}
	k.Test(t, []commandtest.Case{{Name: "without GitHub", As: "nobody", Line: "status", Reason: dispatch.ReasonGitHubError}})
}
