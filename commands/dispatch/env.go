package dispatch

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// An Ownership says which runner group a team owns.
type Ownership interface {
	// Resolve fills in the groups of the call's teams.
	Resolve(ctx context.Context, call *Call) error
	// Confirm resolves them again once the call has the leases of its teams: the call
	// before this one may have changed them.
	Confirm(ctx context.Context, call *Call) error
	// MaintainedTeams returns the records of the teams that the caller maintains: of all
	// teams, or of those whose slugs are in only.
	MaintainedTeams(ctx context.Context, call *Call, only []string) ([]store.Record, error)
}

// An Env is what commands work with: the organizations served, the record, the time.
type Env struct {
	Orgs  []*Org
	Store *store.Store
	// Ownership says which group a team owns.
	Ownership Ownership
	// RateLimit is how many requests a user may make in a second, over all channels.
	RateLimit float64
	// GitHubURL is the address of GitHub's pages: "https://github.com".
	GitHubURL string
	// PublicURL is the address by which users reach this server; may be empty.
	PublicURL string
	// Version is the program's version.
	Version string
	// Status is called for the command status.
	Status func(context.Context) Status
	// Fleet is what this server has recorded of runners; nil: nothing.
	Fleet Fleet
	// OfflineAfter is alerts.offlineAfter.
	OfflineAfter time.Duration
	// Observe, if set, is called after every call.
	Observe func(Observation)
	// Notify adds Markdown to the issue of the team's group, which is opened for it, in the next
	// comment that mentions the team; nil: there are no such issues.
	Notify func(ctx context.Context, orgID, teamID int64, markdown string) error
	// RequestApproval makes a request of a call that an owner must approve.
	RequestApproval func(ctx context.Context, call *Call, targets []store.RequestTarget) (Result, error)
	// TellOutcomes, if set, is called after a request was decided: its outcome is to be posted.
	TellOutcomes func()
	// Holder names this process in leases; it must be unique among replicas.
	Holder string
	// Deadline bounds a command; 30 s if zero.
	Deadline time.Duration
	// Clock returns the time; time.Now if nil.
	Clock func() time.Time

	lines  lines
	shares shares
	proofs proofs
}

// Now returns the time.
func (e *Env) Now() time.Time {
	if e.Clock != nil {
		return e.Clock()
	}
	return time.Now()
}

// Org returns the organization of that login, without regard to case.
func (e *Env) Org(login string) (*Org, bool) {
	for _, o := range e.Orgs {
		if o.Is(login) {
			return o, true
		}
	}
	return nil, false
}

// trigger returns the word that commands in the comments of an organization begin with; that
// of the first one if it is not served.
func (e *Env) trigger(org string) string {
	if o, ok := e.Org(org); ok {
		return o.Trigger
	}
	if len(e.Orgs) > 0 {
		return e.Orgs[0].Trigger
	}
	return ""
}

// Logins returns the logins of the organizations served.
func (e *Env) Logins() []string {
	logins := make([]string, 0, len(e.Orgs))
	for _, o := range e.Orgs {
		logins = append(logins, o.Login)
	}
	return logins
}

// An Org is one organization the server serves.
type Org struct {
	Login   string // as configured
	Trigger string // of its comments; [DefaultTrigger] if empty
	GitHub  *github.Org
	Policy  Policy
}

// Name returns the organization's name on GitHub. It is not Login after a rename.
func (o *Org) Name() string {
	if o.GitHub == nil {
		return o.Login
	}
	return o.GitHub.Name()
}

// Is reports whether the organization has that name, or is configured under it.
func (o *Org) Is(login string) bool {
	return strings.EqualFold(o.Login, login) || strings.EqualFold(o.Name(), login)
}

// noteRename adds to the outcome of a call that its organization has another name now.
func (c *Call) noteRename(result *Result, err error) error {
	if c.Org == nil || c.Org.GitHub == nil || c.Org.GitHub.Renamed() == "" {
		return err
	}
	note := "For the operator of this server: " + c.Org.GitHub.Renamed() + "."
	if err == nil {
		result.Notes = append(slices.Clone(result.Notes), note)
		return nil
	}
	refusal := *AsError(err)
	refusal.Message += " " + note
	return &refusal
}

// ID returns the organization's numeric id. It is asked of GitHub on first use.
func (o *Org) ID(ctx context.Context) (int64, error) {
	installation, err := o.GitHub.Installation(ctx)
	if err != nil {
		return 0, o.notInstalled(err)
	}
	return installation.OrgID, nil
}

// notInstalled explains why the App's installation cannot be had: mostly nobody has
// installed it so far.
func (o *Org) notInstalled(err error) error {
	failure := GitHubError(err, "find the App's installation in "+o.Login)
	if e := AsError(failure); github.KindOf(err) == github.NotFound && e.Reason == ReasonGitHubError {
		if other := GitHubFailure(err); other.Elsewhere != "" {
			e.Message = "The GitHub App can do nothing here: " + other.Message + "."
			return failure
		}
		e.Message = fmt.Sprintf("The GitHub App is not installed in %s, so it can do nothing there. An owner of %s can install it; `actions-runner-manager doctor` shows the operator the page.", o.Login, o.Login)
	}
	return failure
}

// A Policy is what an organization allows.
type Policy struct {
	Named               bool          // the group is found by its name, not by the record
	GroupName           string        // name of a team's group, with {team} in it
	RepoPermission      string        // least permission of a team on a repository it attaches
	PublicRepos         bool          // may public repositories be attached
	RegistrationTokens  string        // "true", "adopted" or "false"
	Allow, Deny         []string      // globs over team slugs
	OwnersActForAnyTeam bool          // owners act for teams that they do not maintain
	Approval            []string      // commands that an owner must approve
	RequestTTL          time.Duration // how long a request waits for a decision
	OwnersTeam          string        // the slug of the team that is mentioned if an owner must decide; may be empty
	MembersRead         bool          // plain members of a team may run what [Spec].MembersToo allows them

	Workflows WorkflowPolicy
	Limits    Limits

	RemoveOffline time.Duration // runners are removed that were offline for this long; 0: none
}

// A WorkflowPolicy is what an organization allows jobs of GitHub Actions.
type WorkflowPolicy struct {
	Enabled    bool
	MaxAge     time.Duration // of a trust
	SelfHosted bool          // secrets go to jobs on self-hosted runners too
}

// Limits bound what a team's group holds; 0: any number.
type Limits struct{ Repos, Runners int }

// GroupNameOf returns the name of the group of the team with that slug.
func (p Policy) GroupNameOf(slug string) string {
	return strings.ReplaceAll(p.GroupName, "{team}", slug)
}

// allows reports whether the team may use the server, and else which rule says no.
// Case does not matter: a rule against "Platform-*" must not pass unnoticed since
// slugs are in lower case.
func (p Policy) allows(slug string) (rule string, ok bool) {
	for _, glob := range p.Deny {
		if match, _ := path.Match(strings.ToLower(glob), slug); match {
			return "policy.teams.deny has " + Quote(glob), false
		}
	}
	for _, glob := range p.Allow {
		if match, _ := path.Match(strings.ToLower(glob), slug); match {
			return "", true
		}
	}
	return "policy.teams.allow does not name it", false
}

// Permits reports whether a team's permission on a repository lets it attach it.
func (p Policy) Permits(permission string) bool {
	return github.PermissionAtLeast(permission, p.RepoPermission)
}

// A Status is how the server is.
type Status struct {
	Ready   bool     `json:"ready"`
	Version string   `json:"version"`
	GitHub  string   `json:"github"`            // "ok" or what is wrong
	Reasons []string `json:"reasons,omitempty"` // why it is not ready
}

// An Observation is one call that ended, for metrics.
type Observation struct {
	Channel  Channel
	Command  string
	Outcome  string // "done", "refused", "failed"
	Reason   Reason
	Duration time.Duration
}

// A Call is one request on its way through the middleware, which fill in what the
// command needs.
type Call struct {
	Request
	Spec Spec
	Env  *Env

	Org   *Org
	OrgID int64
	Team  github.Team  // the team acted for, by Spec.Needs
	Group store.Record // the team's group, by Spec.Group
	// Recorded reports whether the record holds a group of the team.
	Recorded bool
	// Visibility of the group; "" if it is not known without asking.
	Visibility string

	Other      github.Team  // the second team, if the arguments name one
	OtherGroup store.Record // and its group

	// Prefetched is what Spec.Prefetch returned.
	Prefetched any
	// First is the first attempt at this request; nil if this is the first.
	First *First
	// Seen is what this attempt acts on, for the record; a command adds to it before Begin.
	Seen Seen
	// Specs returns the declarations of all commands.
	Specs func() []Spec
	// Dispatch is [Dispatcher.Dispatch].
	Dispatch Dispatch
	// Unknown is [Dispatcher.Unknown].
	Unknown func(name string, rest ...string) *Error

	declared      *Command
	member        *github.Membership // in the organization, if it was asked; zero: none
	authorized    bool
	teamFromIssue bool // the team is TeamHint, since the arguments name none
	anyTeam       bool // the arguments need not name the team: something else may
	// authorizedAt is when GitHub said so.
	authorizedAt time.Time
	decoded      decoded
	leases       []string        // keys of the leases that are given back when the outcome is on record
	newer        []store.Attempt // that changed something since First, the newest first

	marked bool // what it changes in its groups is on record

	pinning bool // what the names in the arguments mean is noted in pins
	pins    []store.RequestTarget

	mu      sync.Mutex
	plan    store.Diff // what it is to change
	changed []Thing
	unsure  []string     // things that may have changed: GitHub did not answer
	edits   []store.Edit // that GitHub confirmed

	accepted *store.Expected // what the group is expected to be from now on; nil: as before
	ended    []store.Finding // by that
}
