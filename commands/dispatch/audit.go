package dispatch

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// maxAuditArgs is how much of a command's arguments the audit keeps, in bytes.
const maxAuditArgs = 1 << 10

// recordWithin bounds how long an outcome is tried to be written: somebody may wait
// for the answer.
const recordWithin = 10 * time.Second

// audit records how every call ended, refusals too, and lets the next call at the
// group.
func (e *Env) audit(next Func) Func {
	return func(ctx context.Context, call *Call) (Result, error) {
		result, err := next(ctx, call)
		var refusal *Error
		if errors.As(err, &refusal) && refusal.Queued { // it comes back, and is recorded then
			e.releaseLeases(context.WithoutCancel(ctx), call)
			return result, err
		}
		if !call.Caller.Known() && !call.Channel.trusted() || call.View != nil && (err == nil || ReasonOf(err).Transient()) {
			return result, err // help and status, which anybody may ask, and what a page shows, or cannot at the moment
		}
		// the record is written even if the caller's time is up
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordWithin)
		defer cancel()
		entry := e.Entry(call)
		outcome, reason := outcomeOf(err)
		entry.Outcome, entry.Reason = outcome, string(reason)
		entry.Changed = call.changedAnything(result, err)
		if call.Preview && err == nil {
			entry.Outcome = "shown" // what it would do, no more
		}
		result, err = call.recordChange(&entry, result, err)
		write := e.recordOutcome
		if err != nil && !call.authorized && !call.Channel.trusted() {
			write = e.countOutcome // so that nobody fills the database without a right
		}
		failure := write(ctx, call, entry)
		if failure != nil { // perhaps a connection that had died
			failure = write(ctx, call, entry)
		}
		if failure != nil && reason != ReasonUnavailable && e.databaseIsAway(ctx, call) { // the command ran
			zerolog.Ctx(ctx).Warn().Err(failure).Str("command", call.Spec.Name).Str("id", call.ID).Msg("the outcome is written to the audit when the database answers again")
			go e.recordLater(ctx, call, entry)
			return result, err
		}
		if failure != nil {
			zerolog.Ctx(ctx).Error().Err(failure).Str("command", call.Spec.Name).Str("id", call.ID).Msg("the outcome could not be written to the audit")
		}
		e.releaseLeases(ctx, call)
		return result, err
	}
}

// databaseIsAway reports whether the leases that the call holds cannot be given back now.
func (e *Env) databaseIsAway(ctx context.Context, call *Call) bool {
	return len(call.leases) > 0 && e.Store.Release(ctx, call.leases[0], e.holder(call)) != nil
}

// recordEvery is how often recordLater tries.
const recordEvery = time.Second

// recordLater records the outcome of a call during which the database failed, so that the
// group is free when the database is back. It ends when the call's leases have ended anyway.
func (e *Env) recordLater(ctx context.Context, call *Call, entry store.Entry) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.deadlineOf(call))
	defer cancel()
	ticker := time.NewTicker(recordEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if e.recordOutcome(ctx, call, entry) == nil {
				return
			}
		case <-ctx.Done():
			zerolog.Ctx(ctx).Error().Str("command", call.Spec.Name).Str("id", call.ID).Msg("the outcome could not be written to the audit")
			e.releaseLeases(ctx, call)
			return
		}
	}
}

// recordOutcome writes the outcome, and with it gives back the leases that the call holds.
func (e *Env) recordOutcome(ctx context.Context, call *Call, entry store.Entry) error {
	err := e.Store.ReleaseAfter(ctx, entry, e.changes(call), call.endChange(), e.holder(call), call.leases...)
	if err == nil {
		e.leaveLines(call)
	}
	return err
}

// countOutcome adds a refusal to those of the same minute that are like it: of the same
// caller, team, command and reason. Names without a record count together, and so do the jobs
// of another organization. Arguments are kept only for members of the organization.
func (e *Env) countOutcome(ctx context.Context, call *Call, entry store.Entry) error {
	if !e.proofs.proved(call.key("", Member), e.Now()) {
		entry.Args = ""
	}
	if job := call.Caller.Workflow; job != nil && job.OwnerID != call.OrgID { // whose owner can start as many as they like
		owner, _, _ := strings.Cut(job.Name(), "/")
		entry.Caller, entry.Workflow = owner, store.WorkflowRun{}
	}
	if entry.Team != "" {
		records, err := e.Store.RecordsBySlug(ctx, call.OrgID, entry.Team)
		if err != nil {
			return err
		}
		if len(records) == 0 {
			entry.Team = ""
		}
	}
	return e.Store.AuditCount(ctx, entry)
}

// releaseLeases gives back what the call still holds, so that a group is not kept from others
// for what could not be put on record.
func (e *Env) releaseLeases(ctx context.Context, call *Call) {
	for _, key := range call.leases {
		_ = e.Store.Release(ctx, key, e.holder(call)) // else it ends by itself
	}
	e.leaveLines(call)
}

// leaveLines gives the turns of the call's leases to the next in line.
func (e *Env) leaveLines(call *Call) {
	for _, key := range call.leases {
		e.lines.leave(key, e.Now())
	}
	call.leases = nil
}

// Refused puts on record what a channel refused by itself, because it could not be read,
// was unknown, or came too late.
func (e *Env) Refused(ctx context.Context, req Request, refusal *Error) {
	call := &Call{Request: req, Spec: Spec{Name: shorten(req.Command, 100)}, Env: e}
	if org, ok := e.Org(req.Org); ok {
		call.Org = org
		if installation, err := org.GitHub.Installation(ctx); err == nil {
			call.OrgID = installation.OrgID
		}
	}
	entry := e.Entry(call)
	entry.Outcome, entry.Reason = "refused", string(refusal.Reason)
	if err := e.countOutcome(context.WithoutCancel(ctx), call, entry); err != nil {
		zerolog.Ctx(ctx).Error().Err(err).Str("id", req.ID).Msg("the refusal could not be written to the audit")
	}
}

// Entry returns the audit entry of a call, without an outcome.
func (e *Env) Entry(call *Call) store.Entry {
	return store.Entry{
		At: e.Now(), OrgID: call.OrgID, Org: call.Request.Org,
		Team: shorten(call.teamSlug(), 100), TeamID: call.Team.ID,
		CallerID: call.Caller.ID, Caller: call.Caller.Login,
		Channel: string(call.Channel), Command: call.Spec.Name,
		Args: auditArgs(call.Args), RequestID: call.ID, Count: 1, Source: call.Source, Workflow: call.Caller.run(),
	}
}

// run is what the audit keeps of a job beside its name.
func (p Principal) run() store.WorkflowRun {
	if p.Workflow == nil {
		return store.WorkflowRun{}
	}
	return store.WorkflowRun{Actor: p.Workflow.Actor, Ref: p.Workflow.Ref, WorkflowRef: p.Workflow.WorkflowRef}
}

// auditArgs writes arguments in one line, cut to what the audit keeps. No command
// takes a secret as an argument.
func auditArgs(args Args) string {
	words := append([]string{}, args.Positional...)
	for _, n := range args.Named {
		words = append(words, n.Name+"="+strings.Join(n.Values, ","))
	}
	return shorten(strings.ToValidUTF8(strings.ReplaceAll(strings.Join(words, " "), "\x00", ""), "�"), maxAuditArgs)
}

// shorten cuts text to at most n bytes, at a character boundary.
func shorten(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n-len("…")], "") + "…"
}
