package github

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github/pacing"
)

func TestCallerOf(t *testing.T) {
	team := pacing.Caller{TeamID: 7}
	tests := []struct {
		name string
		ctx  context.Context
		want pacing.Caller
	}{
		{name: "none", ctx: t.Context()},
		{name: "team", ctx: WithCaller(t.Context(), team), want: team},
		{name: "background", ctx: Background(WithCaller(t.Context(), team)), want: pacing.Caller{TeamID: 7, Kind: pacing.Background}},
		{name: "joined by others", ctx: foreground(Background(WithCaller(t.Context(), team))), want: team},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { assert.Equal(t, tt.want, callerOf(tt.ctx)) })
	}
}

func TestCostOf(t *testing.T) {
	tests := []struct {
		request string
		want    pacing.Cost
	}{
		{"GET /orgs/acme/teams/web", pacing.Read()},
		{"POST /repos/acme/admin/issues/1/comments", pacing.Content()},
		{"POST /repos/acme/admin/issues/comments/5/reactions", pacing.Content()},
		{"POST /repos/acme/admin/issues", pacing.Content()},
		{"DELETE /repos/acme/admin/issues/comments/5", pacing.Write()},
		{"PATCH /repos/acme/admin/issues/comments/5", pacing.Write()},
		{"POST /orgs/acme/actions/runners/registration-token", pacing.Write()},
		{"PUT /orgs/acme/actions/runner-groups/5/repositories/6", pacing.Write()},
	}
	for _, tt := range tests {
		t.Run(tt.request, func(t *testing.T) {
			method, path, _ := strings.Cut(tt.request, " ")
			assert.Equal(t, tt.want, costOf(httptest.NewRequest(method, path, nil)))
		})
	}
}
