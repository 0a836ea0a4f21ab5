package dispatch

import (
	"context"
	"slices"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/errgroup"
)

const (
	// refusedFor is how long a "no" is remembered, so that it costs GitHub nothing to ask
	// again and again.
	refusedFor = time.Minute
	// provedFor is how long a caller counts as proved: what a command needs is then asked
	// for beside the proof of this moment. Only that proof decides.
	provedFor = time.Hour
	// maxProofs bounds what is remembered, in entries.
	maxProofs = 10_000
)

// A proofKey names what was asked about a caller.
type proofKey struct {
	org, caller int64
	login       string // in lower case, of a person: a "no" to the login that they had is none to the one that they have
	slug        string // of the team; "": the organization
	role        Role   // in the team or the organization
	repo        string // that the team may attach; "": the role is meant
}

type proof struct {
	at      time.Time
	team    int64  // the id that the key's slug had; 0: the organization is meant
	refusal *Error // nil: the caller was proved
}

// proofs remember what GitHub said of callers. They never grant anything. The zero value
// is ready.
type proofs struct {
	once  sync.Once
	known *lru.Cache[proofKey, proof]
}

func (p *proofs) cache() *lru.Cache[proofKey, proof] {
	p.once.Do(func() { p.known, _ = lru.New[proofKey, proof](maxProofs) }) // fails only for a size below 1
	return p.known
}

// refused returns the refusal of the last minute, nil if there is none.
func (p *proofs) refused(key proofKey, now time.Time) *Error {
	if known, ok := p.cache().Get(key); ok && known.refusal != nil && now.Sub(known.at) < refusedFor {
		return known.refusal
	}
	return nil
}

// refuse remembers a refusal and returns it with the time of the check.
func (p *proofs) refuse(key proofKey, refusal *Error, now time.Time) *Error {
	refusal.Message += " Checked at " + now.UTC().Format("15:04:05") + " UTC."
	p.cache().Add(key, proof{at: now, refusal: refusal})
	return refusal
}

// prove remembers that GitHub has just proved what key names, of the team with that id.
func (p *proofs) prove(key proofKey, team int64, now time.Time) {
	p.cache().Add(key, proof{at: now, team: team})
}

// proved reports whether that was proved within the last hour.
func (p *proofs) proved(key proofKey, now time.Time) bool {
	known, ok := p.cache().Get(key)
	return ok && known.refusal == nil && now.Sub(known.at) < provedFor
}

// WasProvedIn reports whether the caller was proved within the last hour to have the right to the
// call's command, or to look at it if it is a [View]'s, in the team with that id and slug. Then
// that team's group may be asked for beside the proof of this moment. Only that proof decides.
func (c *Call) WasProvedIn(slug string, team int64) bool {
	for _, role := range []Role{Maintainer, Member} {
		key := c.key(slug, role)
		if role == Member && (c.View == nil || !c.Org.Policy.MembersRead) || !c.Env.proofs.proved(key, c.Env.Now()) {
			continue
		}
		if known, ok := c.Env.proofs.cache().Get(key); ok && known.team == team {
			return true
		}
	}
	return false
}

// maxProvedTeams bounds what [Env.ProvedTeams] asks of GitHub.
const maxProvedTeams = 10

// ProvedTeams returns the slugs of teams that the caller was proved to maintain within the
// last hour and still maintains, sorted.
func (e *Env) ProvedTeams(ctx context.Context, call *Call) ([]string, error) {
	var slugs []string
	for _, key := range e.proofs.cache().Keys() {
		if key.slug != "" && key == call.key(key.slug, Maintainer) && e.proofs.proved(key, e.Now()) && len(slugs) < maxProvedTeams {
			slugs = append(slugs, key.slug)
		}
	}
	slices.Sort(slugs)
	return e.MaintainedAmong(ctx, call, slugs)
}

// MaintainedAmong returns those of the slugs whose teams the caller maintains at this moment.
// Two requests are sent to GitHub for each.
func (e *Env) MaintainedAmong(ctx context.Context, call *Call, slugs []string) ([]string, error) {
	still := make([]bool, len(slugs))
	g, ctx := errgroup.WithContext(ctx)
	for i, slug := range slugs {
		g.Go(func() error {
			team, m, err := e.askForTeam(ctx, call, slug)
			still[i] = team.ID != 0 && m.State == "active" && m.Role == "maintainer"
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var teams []string
	for i, slug := range slugs {
		if still[i] {
			teams = append(teams, slug)
		}
	}
	return teams, nil
}
