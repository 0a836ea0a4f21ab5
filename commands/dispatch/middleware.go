package dispatch

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

// Standard returns the middleware that every command passes through, the outermost
// first. The order is part of the public interface: who is refused at one step
// causes nothing of a later one.
func Standard(env *Env) []Middleware {
	return []Middleware{
		env.observe,
		env.audit,
		recoverPanic,
		env.deadline,
		env.limit,
		env.Decode,
		env.share,
		env.authorize,
		env.resume,
		env.resolveGroup,
		env.enforcePolicy,
		env.askOwner,
		env.lease,
	}
}

const defaultDeadline = 30 * time.Second

// observe logs each call once, when it has ended, and counts it.
func (e *Env) observe(next Func) Func {
	return func(ctx context.Context, call *Call) (Result, error) {
		start := e.Now()
		result, err := next(ctx, call)
		err = call.noteRename(&result, err)
		outcome, reason := outcomeOf(err)
		took := e.Now().Sub(start)
		if e.Observe != nil && (call.View == nil || err != nil) { // looking at a page is no use of a command
			e.Observe(Observation{Channel: call.Channel, Command: call.Spec.Name, Outcome: outcome, Reason: reason, Duration: took})
		}
		log := zerolog.Ctx(ctx)
		event := log.Info()
		if call.View != nil && err == nil {
			event = log.Debug() // a page has many, and a line of its own
		}
		var refusal *Error
		if errors.As(err, &refusal) && refusal.Cause != nil {
			event = log.Warn().AnErr("cause", refusal.Cause)
			if reason == ReasonInternal {
				event = log.Error().AnErr("cause", refusal.Cause)
			}
		}
		event.Str("command", call.Spec.Name).Str("channel", string(call.Channel)).Str("org", call.Request.Org).
			Str("team", call.teamSlug()).Int64("caller_id", call.Caller.ID).Str("caller", call.Caller.Login).
			Str("id", call.ID).Str("outcome", outcome).Str("reason", string(reason)).Dur("took", took).Msg("command")
		return result, err
	}
}

// outcomeOf names how a call ended: done, refused (nothing was asked of GitHub's
// runner groups) or failed.
func outcomeOf(err error) (string, Reason) {
	if err == nil {
		return "done", ""
	}
	e := AsError(err)
	if e.Reason.Transient() || e.Reason == ReasonInternal {
		return "failed", e.Reason
	}
	return "refused", e.Reason
}

// recoverPanic turns a panic into an internal error, with the stack for the log.
func recoverPanic(next Func) Func {
	return func(ctx context.Context, call *Call) (result Result, err error) {
		defer func() {
			if p := recover(); p != nil {
				err = AsError(fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
			}
			if err != nil {
				err = AsError(err)
			}
		}()
		return next(ctx, call)
	}
}

// deadline bounds the call, and tells the caller so when it passes.
func (e *Env) deadline(next Func) Func {
	return func(ctx context.Context, call *Call) (Result, error) {
		ctx, cancel := context.WithTimeout(ctx, e.deadlineOf(call))
		defer cancel()
		result, err := next(ctx, call)
		var known *Error
		if errors.Is(err, context.DeadlineExceeded) && !errors.As(err, &known) {
			err = GitHubError(err, "run "+call.Spec.Name)
		}
		return result, err
	}
}

func (e *Env) deadlineOf(call *Call) time.Duration {
	switch {
	case call.Deadline > 0:
		return call.Deadline
	case e.Deadline > 0:
		return e.Deadline
	}
	return defaultDeadline
}

// limit charges the call to the caller's budget, one for all channels and tokens.
func (e *Env) limit(next Func) Func {
	return func(ctx context.Context, call *Call) (Result, error) {
		if !call.Caller.Known() || call.Limited || call.Channel.trusted() {
			return next(ctx, call)
		}
		if call.View != nil {
			if e.provedFor(call) {
				return next(ctx, call)
			}
			if err := call.View.chargeOnce(func() error { return e.charge(ctx, call) }); err != nil {
				return Result{}, err
			}
			return next(ctx, call)
		}
		if err := e.charge(ctx, call); err != nil {
			return Result{}, err
		}
		return next(ctx, call)
	}
}

// charge takes one request from the caller's budget, or refuses it.
func (e *Env) charge(ctx context.Context, call *Call) error {
	burst := max(1, int(math.Floor(e.RateLimit)))
	budget, err := e.budget(ctx, call)
	if err != nil {
		return err
	}
	wait, err := e.Store.Take(ctx, budget, e.RateLimit, burst)
	if err != nil {
		return StoreError(err)
	}
	if wait > 0 {
		refusal := Refuse(ReasonRateLimited, "You made more than %g requests in a second. Try again in %s.",
			e.RateLimit, roundUp(wait))
		refusal.RetryAfter = wait
		return refusal
	}
	return nil
}

// budget names the caller's budget.
func (e *Env) budget(ctx context.Context, call *Call) (string, error) {
	if call.Caller.Workflow != nil {
		return e.workflowBudget(ctx, call)
	}
	return fmt.Sprintf("user/%d", call.Caller.ID), nil
}

func roundUp(d time.Duration) time.Duration {
	return (d + time.Second - 1).Truncate(time.Second)
}

// Decode finds the organization and reads the arguments.
func (e *Env) Decode(next Func) Func {
	return func(ctx context.Context, call *Call) (Result, error) {
		if call.Malformed != nil {
			return Result{}, call.Malformed
		}
		if err := e.findOrg(call); err != nil {
			return Result{}, err
		}
		if call.Channel == Comment && call.Spec.Team() {
			if err := e.inferTeam(ctx, call); err != nil {
				return Result{}, err
			}
		}
		if err := call.decodeArgs(); err != nil {
			return Result{}, err
		}
		result, err := next(ctx, call)
		result.DryRun = call.Spec.WantsDryRun(call.Args)
		return result, call.explainWord(err)
	}
}

func (e *Env) findOrg(call *Call) error {
	if call.Spec.Needs == Anyone {
		return nil
	}
	if call.OrgArg != nil {
		call.Request.Org = *call.OrgArg
	}
	if call.Request.Org == "" {
		return Refuse(ReasonMissingArgument, "This server serves several organizations: say which with `org` (%s).", strings.Join(e.Logins(), ", "))
	}
	org, ok := e.Org(call.Request.Org)
	if !ok {
		return Refuse(ReasonInvalidArgument, "This server does not serve an organization %s. It serves: %s.",
			Quote(call.Request.Org), strings.Join(e.Logins(), ", "))
	}
	call.Org, call.Request.Org = org, org.Login
	return nil
}

// teamSlug returns the slug of the call's team; "" if it names none or is not decoded.
func (c *Call) teamSlug() string {
	if c.Team.Slug != "" {
		return c.Team.Slug
	}
	return c.decoded.teams[0]
}

// resolveGroup finds the group that the team owns.
func (e *Env) resolveGroup(next Func) Func {
	return func(ctx context.Context, call *Call) (Result, error) {
		if err := e.Ownership.Resolve(ctx, call); err != nil {
			return Result{}, err
		}
		return next(ctx, call)
	}
}

// enforcePolicy applies the policy on teams.
func (e *Env) enforcePolicy(next Func) Func {
	return func(ctx context.Context, call *Call) (Result, error) {
		if err := call.checkTeams(); err != nil {
			return Result{}, err
		}
		return next(ctx, call)
	}
}

func (c *Call) checkTeams() error {
	for _, team := range []github.Team{c.Team, c.Other} {
		if err := c.CheckTeamPolicy(team); err != nil {
			return err
		}
	}
	return nil
}

// CheckTeamPolicy refuses a team that the policy keeps from using the server; the operator
// and the server itself may act for any.
func (c *Call) CheckTeamPolicy(team github.Team) error {
	if team.ID == 0 || c.Channel.trusted() {
		return nil
	}
	if rule, ok := c.Org.Policy.allows(team.Slug); !ok {
		return Refuse(ReasonPolicy, "Team `%s` may not use this server (%s). Ask its operator.", team.Slug, rule)
	}
	return nil
}
