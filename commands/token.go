package commands

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/secret"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// TokenAnswer is what token-register and token-remove answer. It holds a secret.
type TokenAnswer struct {
	Token     string    `json:"token"`
	ExpiresAt time.Time `json:"expires_at"`
	Command   string    `json:"command"` // the ready command line
	// Commands are the lines that set up a permanent runner, in their order.
	Commands []string `json:"commands,omitempty"`
	Notes    []string `json:"notes,omitempty"`
}

// mayReveal applies the policy on org-wide tokens, and asks the channel if the
// answer can be kept secret, before a token is made.
func mayReveal(ctx context.Context, c *dispatch.Call) error {
	const instead = "Use `token-jit`, which makes a runner for this group only, for one job."
	switch c.Org.Policy.RegistrationTokens {
	case "false":
		return dispatch.Refuse(dispatch.ReasonPolicy, "The operator does not hand out registration and removal tokens, which are good for every group of the organization (policy.registrationTokens: false). %s", instead)
	case "adopted":
		if c.Group.Origin != store.Adopted {
			return dispatch.Refuse(dispatch.ReasonPolicy, "Registration and removal tokens are only for teams whose group an owner gave them (policy.registrationTokens: adopted); this team made its own. %s", instead)
		}
	}
	if c.Preview {
		return dispatch.Refuse(dispatch.ReasonPolicy, "`%s` needs confirmation here (policy.confirm). Repeat it with `--yes`.", c.Spec.Name)
	}
	if err := prepareSecret(ctx, c); err != nil {
		return err
	}
	return c.Begin(ctx, store.Diff{}, nil)
}

func prepareSecret(ctx context.Context, c *dispatch.Call) error {
	if c.PrepareSecret == nil {
		return nil
	}
	return c.PrepareSecret(ctx, c.Spec)
}

// tokenResult answers a token with the line that uses it. text is what a comment shows.
func tokenResult(call *dispatch.Call, kind string, token github.Token, line, text string, notes ...string) dispatch.Result {
	return dispatch.Result{
		Response: TokenAnswer{Token: token.Token.Reveal(), ExpiresAt: token.ExpiresAt, Command: line, Notes: notes},
		Message:  fmt.Sprintf("A %s for the team `%s` is made; it expires at %s.", kind, call.Team.Slug, token.ExpiresAt.UTC().Format("15:04 UTC on 2006-01-02")),
		Notes:    notes,
		Secret:   &dispatch.Secret{Kind: kind, Text: secret.New(text), Expires: token.ExpiresAt},
	}
}

func orgURL(c *dispatch.Call) string {
	return strings.TrimSuffix(c.Env.GitHubURL, "/") + "/" + c.Org.Name()
}

// shellQuote writes text as one word of a POSIX shell.
func shellQuote(text string) string {
	if text != "" && strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:@%+=,") == "" {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
