package commands

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// TokenAnswer is what token-register and token-remove answer. It holds a secret.
type TokenAnswer struct {
	Token     string    `json:"token"`
	ExpiresAt time.Time `json:"expires_at"`
	Command   string    `json:"command"` // the ready command line
	Notes     []string  `json:"notes,omitempty"`
}

func tokenRegister() Command {
	return Define(Spec{
		Name: "token-register", Method: http.MethodPost, Legacy: true,
		Summary: "Make a token that registers runners, with the ready command line",
		Details: "The token is good for an hour, and for any group of the organization: token-jit is safer.",
		Needs:   Maintainer, Group: OwnsGroup, Effect: Reveals,
		Sample: registration(sampleCall(), sampleToken()),
	}, func(ctx context.Context, call *Call, _ TeamArgs) (Result, error) {
		if err := call.mayReveal(ctx); err != nil {
			return Result{}, err
		}
		token, err := call.Org.GitHub.RegistrationToken(ctx)
		if err != nil {
			return Result{}, GitHubError(err, "make a registration token")
		}
		return registration(call, token), nil
	})
}

func registration(call *Call, token github.Token) Result {
	line := fmt.Sprintf("./config.sh --url %s --runnergroup %s --token %s",
		call.orgURL(), shellQuote(call.Group.GroupName), token.Token.Reveal())
	note := "This token can register a runner in any group of " + call.Org.Login + " until it expires, so guard it. `token-jit` makes a runner for this group alone, and is the better choice."
	return tokenResult(call, "registration token", token, line, note)
}

func tokenRemove() Command {
	return Define(Spec{
		Name: "token-remove", Method: http.MethodPost, Legacy: true,
		Summary: "Make a token that removes a runner from where it runs",
		Details: "The token is good for an hour. runners-remove needs none.",
		Needs:   Maintainer, Group: OwnsGroup, Effect: Reveals,
		Sample: removal(sampleCall(), sampleToken()),
	}, func(ctx context.Context, call *Call, _ TeamArgs) (Result, error) {
		if err := call.mayReveal(ctx); err != nil {
			return Result{}, err
		}
		token, err := call.Org.GitHub.RemovalToken(ctx)
		if err != nil {
			return Result{}, GitHubError(err, "make a removal token")
		}
		return removal(call, token), nil
	})
}

func removal(call *Call, token github.Token) Result {
	line := "./config.sh remove --token " + token.Token.Reveal()
	note := "This token can remove any runner of " + call.Org.Login + " until it expires, so guard it. `runners-remove` removes runners of this group without one."
	return tokenResult(call, "removal token", token, line, note)
}

// mayReveal applies the policy on org-wide tokens, and asks the channel whether the
// answer can be kept secret, before a token is made.
func (c *Call) mayReveal(ctx context.Context) error {
	const instead = "Use `token-jit`, which makes a runner for this group alone."
	switch c.Org.Policy.RegistrationTokens {
	case "false":
		return Refuse(ReasonPolicy, "The operator does not hand out registration and removal tokens, which are good for every group of the organization (policy.registrationTokens: false). %s", instead)
	case "adopted":
		if c.Group.Origin != store.Adopted {
			return Refuse(ReasonPolicy, "Registration and removal tokens are only for teams whose group an owner gave them (policy.registrationTokens: adopted); this team made its own. %s", instead)
		}
	}
	if c.Preview {
		return Refuse(ReasonPolicy, "`%s` asks for confirmation here (policy.confirm): say it again with `--yes`.", c.Spec.Name)
	}
	return c.sealed(ctx)
}

func (c *Call) sealed(ctx context.Context) error {
	if c.Sealed == nil {
		return nil
	}
	return c.Sealed(ctx, c.Spec)
}

func tokenResult(call *Call, kind string, token github.Token, line, note string) Result {
	return Result{
		Response: TokenAnswer{Token: token.Token.Reveal(), ExpiresAt: token.ExpiresAt, Command: line, Notes: []string{note}},
		Message:  fmt.Sprintf("A %s for the team `%s` is made; it expires at %s.", kind, call.Team.Slug, token.ExpiresAt.UTC().Format("15:04 UTC on 2006-01-02")),
		Notes:    []string{note},
		Secret:   &Secret{Kind: kind, Text: line, Expires: token.ExpiresAt},
	}
}

func (c *Call) orgURL() string {
	return strings.TrimSuffix(c.Env.GitHubURL, "/") + "/" + c.Org.Login
}

// groupsPage is where an owner of the organization sees its runner groups on GitHub.
func (c *Call) groupsPage() string {
	return strings.TrimSuffix(c.Env.GitHubURL, "/") + "/organizations/" + c.Org.Login + "/settings/actions/runner-groups"
}

// shellQuote writes text as one word of a POSIX shell.
func shellQuote(text string) string {
	if text != "" && strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:@%+=") == "" {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
