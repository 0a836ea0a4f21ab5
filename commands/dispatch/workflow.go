package dispatch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/oidc"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// usedEvery is how often the last use of a trust is recorded.
const usedEvery = time.Minute

// authorizeWorkflow proves that a trust of the command's team lets the job of GitHub Actions
// run the command: in place of what proves that a person maintains the team.
func (e *Env) authorizeWorkflow(ctx context.Context, call *Call) error {
	job := call.Caller.Workflow
	switch {
	case !call.Org.Policy.Workflows.Enabled:
		return Refuse(ReasonPolicy, "Workflows may not use this server with their own tokens. The operator does not allow it (policy.workflows.enabled).")
	case job.OwnerID != call.OrgID:
		return Refuse(ReasonNotTrusted, "The repository of this workflow, %s, does not belong to %s.", Quote(job.Repository), call.Org.Name())
	case call.Spec.AnyWorkflow:
		return nil
	case !call.Spec.Trustable:
		return Refuse(ReasonNotTrusted, "No trust can allow a workflow to use `%s`. A person can use it, with a token of their own.", call.Spec.Name)
	}
	trusts, err := e.Store.TrustsOfRepo(ctx, call.OrgID, job.RepositoryID)
	if err != nil {
		return StoreError(err)
	}
	slug := call.teamSlug()
	fitting := slices.DeleteFunc(slices.Clone(trusts), func(t store.Trust) bool { return len(job.Mismatch(t, call.use())) > 0 })
	now := e.Now()
	onRecord := slices.ContainsFunc(fitting, func(t store.Trust) bool { return t.TeamSlug == slug })
	if _, lately := e.lookedAt(call, slug); len(fitting) == 0 || lately && !onRecord {
		return e.notTrusted(ctx, call, trusts)
	}
	if refusal := e.proofs.refused(call.key(slug, Maintainer), now); refusal != nil {
		return refusal
	}
	if call.Spec.Prefetch != nil && e.proofs.proved(call.key(slug, Maintainer), now) {
		call.Prefetched = call.Spec.Prefetch(ctx, call, slug, call.decoded.args)
	}
	team, permission, err := e.askForTrust(ctx, call, slug)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(fitting, func(t store.Trust) bool { return t.TeamID == team.ID })
	switch {
	case i < 0:
		e.noteLook(call, slug, team.ID != 0 && team.Privacy != privacySecret)
		return e.notTrusted(ctx, call, trusts)
	case !call.Org.Policy.Permits(permission):
		return e.proofs.refuse(call.key(slug, Maintainer), Refuse(ReasonNotTrusted, "Trust %d of team `%s` does not count: %s.",
			fitting[i].ID, slug, lacksPermission(call, job)), now)
	}
	call.Team = team
	e.proofs.prove(call.key(slug, Maintainer), team.ID, now)
	if now.Sub(fitting[i].UsedAt) < usedEvery {
		return nil
	}
	return StoreError(e.Store.UseTrust(ctx, fitting[i].ID))
}

func lacksPermission(call *Call, job *oidc.Claims) string {
	return fmt.Sprintf("the team does not have the permission `%s` on %s any more", call.Org.Policy.RepoPermission, Quote(job.Repository))
}

// use is what the call wants to use a trust for.
func (c *Call) use() oidc.Use {
	use := oidc.Use{Now: c.Env.Now(), Reveals: c.Spec.Effect == Reveals}
	if c.Spec.Trustable {
		use.Command = c.Spec.Name
	}
	if c.Org != nil {
		use.SelfHosted = c.Org.Policy.Workflows.SelfHosted
	}
	return use
}

// askForTrust asks for the team and its permission on the job's repository, by ids: the team
// is zero if there is none of that slug, and the permission is empty if it has none.
func (e *Env) askForTrust(ctx context.Context, call *Call, slug string) (team github.Team, permission string, err error) {
	var repo github.Repository
	var teamErr, repoErr error
	var beside errgroup.Group
	beside.Go(func() error { team, teamErr = call.Org.GitHub.Team(ctx, slug); return nil })
	_, name, _ := strings.Cut(call.Caller.Workflow.Repository, "/")
	repo, repoErr = call.Org.GitHub.TeamRepository(ctx, slug, name)
	_ = beside.Wait()
	switch kind := github.KindOf(teamErr); {
	case kind == github.NotFound || kind == github.Invalid:
		return github.Team{}, "", nil
	case teamErr != nil:
		return github.Team{}, "", GitHubError(teamErr, "look up the team")
	}
	switch kind := github.KindOf(repoErr); {
	case kind == github.NotFound || kind == github.Invalid || repoErr == nil && repo.ID != call.Caller.Workflow.RepositoryID:
		return team, "", nil
	case repoErr != nil:
		return github.Team{}, "", GitHubError(repoErr, "look up the team's permission on the workflow's repository")
	}
	return team, repo.Permission, nil
}

// askForTrustOf is askForTrust for the trust's team, whatever its slug is now. The team is
// zero if it is gone.
func (e *Env) askForTrustOf(ctx context.Context, call *Call, t store.Trust) (github.Team, string, error) {
	team, permission, err := e.askForTrust(ctx, call, t.TeamSlug)
	if err != nil || team.ID == t.TeamID {
		return team, permission, err
	}
	team, err = call.Org.GitHub.TeamByID(ctx, t.TeamID)
	if err != nil {
		return github.Team{}, "", GitHubError(IgnoreNotFound(err), "look up the team")
	}
	return e.askForTrust(ctx, call, team.Slug)
}

// notTrusted is the one answer for a team without a trust that allows the call, and for one
// that does not exist. It says which conditions fail of trusts that the job may know of.
func (e *Env) notTrusted(ctx context.Context, call *Call, trusts []store.Trust) *Error {
	slug := call.teamSlug()
	text := fmt.Sprintf("No trust of team `%s` in %s lets this workflow use `%s`, or there is no such team.", slug, call.Org.Login, call.Spec.Name)
	ofTeam := slices.DeleteFunc(slices.Clone(trusts), func(t store.Trust) bool { return t.TeamSlug != slug })
	if len(ofTeam) > 0 && e.isVisible(ctx, call, ofTeam[0]) {
		slices.SortStableFunc(ofTeam, func(a, b store.Trust) int {
			return len(call.Caller.Workflow.Mismatch(a, call.use())) - len(call.Caller.Workflow.Mismatch(b, call.use()))
		})
		const most = 3
		for _, t := range ofTeam[:min(len(ofTeam), most)] {
			text += fmt.Sprintf(" Trust %d: %s.", t.ID, strings.Join(call.Caller.Workflow.Mismatch(t, call.use()), "; "))
		}
	}
	return Refuse(ReasonNotTrusted, "%s A maintainer of the team can change that with `trust-add`. `whoami` shows what this token says.", text)
}

// privacySecret is the privacy of a team that only its members and owners may know of.
const privacySecret = "secret"

// isVisible reports whether the trust's team exists under the slug on record and is not
// secret. GitHub is asked once a minute for all jobs of the repository.
func (e *Env) isVisible(ctx context.Context, call *Call, t store.Trust) bool {
	if visible, lately := e.lookedAt(call, t.TeamSlug); lately {
		return visible
	}
	team, err := call.Org.GitHub.Team(ctx, t.TeamSlug)
	if IgnoreNotFound(err) != nil {
		return false
	}
	visible := team.ID == t.TeamID && team.Privacy != privacySecret
	e.noteLook(call, t.TeamSlug, visible)
	return visible
}

// lookedAt reports whether GitHub was asked for the team of that slug within the last minute,
// for a job of the caller's repository that was refused, and whether the team may be seen.
func (e *Env) lookedAt(call *Call, slug string) (visible, lately bool) {
	known, ok := e.proofs.cache().Get(call.key(slug, Anyone))
	return known.refusal == nil, ok && e.Now().Sub(known.at) < refusedFor
}

func (e *Env) noteLook(call *Call, slug string, visible bool) {
	if visible {
		e.proofs.prove(call.key(slug, Anyone), 0, e.Now())
	} else {
		_ = e.proofs.refuse(call.key(slug, Anyone), Refuse(ReasonNotTrusted, ""), e.Now())
	}
}

// workflowBudget names the rate limit of a job: of the trust that it wants to use, or of its
// repository if there is none.
func (e *Env) workflowBudget(ctx context.Context, call *Call) (string, error) {
	job := call.Caller.Workflow
	trusts, err := e.Store.TrustsOfRepo(ctx, job.OwnerID, job.RepositoryID)
	if err != nil {
		return "", StoreError(err)
	}
	use := call.use()
	use.Reveals = false // by which trust, not whether
	budget := fmt.Sprintf("repository/%d", job.RepositoryID)
	slug := strings.ToLower(call.Spec.TeamIn(call.Args))
	found := false
	for _, t := range trusts {
		ofTeam := slug == t.TeamSlug
		if len(job.Mismatch(t, use)) > 0 || found && !ofTeam {
			continue
		}
		budget, found = fmt.Sprintf("trust/%d", t.ID), true
		if ofTeam {
			break
		}
	}
	return budget, nil
}

// spendToken uses up a job's token before GitHub is asked for a secret: it counts once, over
// all replicas and restarts.
func (e *Env) spendToken(ctx context.Context, call *Call) error {
	job := call.Caller.Workflow
	if job == nil || call.Spec.Effect != Reveals {
		return nil
	}
	if job.ID == "" {
		return Refuse(ReasonBadToken, "This token has no `jti`, so nobody could say whether it was used before. It gets no secret.")
	}
	sum := sha256.Sum256([]byte(job.ID))
	const late = time.Hour // more than the leeway of its expiry, and than a call may take
	first, err := e.Store.UseToken(ctx, hex.EncodeToString(sum[:]), job.Expires.Add(late))
	if err != nil {
		return StoreError(err)
	}
	if !first {
		return Refuse(ReasonBadToken, "This token was used for a secret before (its `jti` counts once). Request a new one for each secret.")
	}
	return nil
}

// A TrustState is a trust with the conditions that a job does not meet; none: it allows its
// commands.
type TrustState struct {
	store.Trust
	Fails []string
}

// TrustStates returns the trusts for the repository of the caller, a job, and asks GitHub
// what they depend on. Those of secret teams are left out unless they are for the job.
func (e *Env) TrustStates(ctx context.Context, call *Call) ([]TrustState, error) {
	job := call.Caller.Workflow
	trusts, err := e.Store.TrustsOfRepo(ctx, call.OrgID, job.RepositoryID)
	if err != nil {
		return nil, StoreError(err)
	}
	type looked struct {
		team       github.Team
		permission string
	}
	teams := map[int64]looked{}
	states := []TrustState{}
	const most = 20 // teams
	for _, t := range trusts {
		l, known := teams[t.TeamID]
		if !known && len(teams) < most {
			if l.team, l.permission, err = e.askForTrustOf(ctx, call, t); err != nil {
				return nil, err
			}
			teams[t.TeamID] = l
		}
		state := TrustState{Trust: t, Fails: job.Mismatch(t, oidc.Use{Now: e.Now()})}
		switch {
		case l.team.ID != t.TeamID:
			continue
		case !call.Org.Policy.Permits(l.permission):
			state.Fails = append(state.Fails, lacksPermission(call, job))
		}
		if len(state.Fails) == 0 || l.team.Privacy != privacySecret {
			states = append(states, state)
		}
	}
	return states, nil
}
