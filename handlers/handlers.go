// Package handlers holds what the channels share. A channel authenticates its
// callers, turns what it receives into a request for the dispatcher of package
// commands, and turns the result into an answer.
package handlers

import (
	"context"
	"crypto/rand"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

// APIPrefix begins the path of every REST command.
const APIPrefix = "/api/v1/"

// A Dispatcher is what the REST channel runs commands with: [commands.Dispatcher].
type Dispatcher interface {
	Specs() []dispatch.Spec
	Lookup(name string) (dispatch.Spec, bool)
	Unknown(name string, rest ...string) *dispatch.Error
	Dispatch(ctx context.Context, req dispatch.Request) (dispatch.Result, error)
}

// NewRequestID is always ours: a client's own could be made to look like another's
// in the log, which holds it beside ours.
func NewRequestID() string { return strings.ToLower(rand.Text()) }

// Clip shortens what a client chose freely, for the log.
func Clip(text string) string {
	const most = 200
	if len(text) > most {
		return text[:most] + "…"
	}
	return text
}
