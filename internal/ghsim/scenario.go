package ghsim

import (
	"time"

	"github.com/goccy/go-yaml"
)

// A Scenario describes what the simulated GitHub holds at the start. It is
// written as a Go literal in tests and as YAML for the demo; ids that are left
// out are given in the order of the text, so the same scenario always has the
// same ids.
type Scenario struct {
	Users         []UserSpec `yaml:"users,omitempty"`
	Organizations []OrgSpec  `yaml:"organizations,omitempty"`
	Apps          []AppSpec  `yaml:"apps,omitempty"`
	// Suggestions are comments that the page of an issue offers to write.
	Suggestions []string `yaml:"suggestions,omitempty"`
	// Life is what happens by itself.
	Life Life `yaml:"life,omitempty"`
}

// A UserSpec describes a [User]. People named only as members need none.
type UserSpec struct {
	ID        int64       `yaml:"id,omitempty"`
	Login     string      `yaml:"login"`
	Name      string      `yaml:"name,omitempty"`
	Type      string      `yaml:"type,omitempty"` // User (default) or Bot
	Suspended bool        `yaml:"suspended,omitempty"`
	Tokens    []TokenSpec `yaml:"tokens,omitempty"`
	Keys      []string    `yaml:"keys,omitempty"` // public SSH keys
}

// A TokenSpec describes a [Token].
type TokenSpec struct {
	Value    string   `yaml:"value"`
	ClientID string   `yaml:"clientID,omitempty"`
	Scopes   []string `yaml:"scopes,omitempty"`
}

// An OrgSpec describes an [Org].
type OrgSpec struct {
	ID             int64       `yaml:"id,omitempty"`
	Login          string      `yaml:"login"`
	Plan           string      `yaml:"plan,omitempty"`           // default: team
	BasePermission string      `yaml:"basePermission,omitempty"` // pull (default), push, admin or none
	Owners         []string    `yaml:"owners,omitempty"`
	Members        []string    `yaml:"members,omitempty"`
	PendingMembers []string    `yaml:"pendingMembers,omitempty"`
	Repositories   []RepoSpec  `yaml:"repositories,omitempty"`
	Teams          []TeamSpec  `yaml:"teams,omitempty"`
	RunnerGroups   []GroupSpec `yaml:"runnerGroups,omitempty"`
	// Runners are those of the default group.
	Runners []RunnerSpec `yaml:"runners,omitempty"`
}

// A TeamSpec describes a [Team]. Its people become members of the organization.
type TeamSpec struct {
	ID                 int64             `yaml:"id,omitempty"`
	Name               string            `yaml:"name"` // the slug follows it
	Description        string            `yaml:"description,omitempty"`
	Privacy            string            `yaml:"privacy,omitempty"` // closed (default) or secret
	CreatedAt          time.Time         `yaml:"createdAt,omitempty"`
	Parent             string            `yaml:"parent,omitempty"` // slug of a team above
	Maintainers        []string          `yaml:"maintainers,omitempty"`
	Members            []string          `yaml:"members,omitempty"`
	PendingMaintainers []string          `yaml:"pendingMaintainers,omitempty"`
	PendingMembers     []string          `yaml:"pendingMembers,omitempty"`
	Repositories       map[string]string `yaml:"repositories,omitempty"` // permission by repository
}

// A RepoSpec describes a [Repo].
type RepoSpec struct {
	ID         int64       `yaml:"id,omitempty"`
	Name       string      `yaml:"name"`
	Visibility string      `yaml:"visibility,omitempty"` // private (default), public or internal
	Archived   bool        `yaml:"archived,omitempty"`
	NoIssues   bool        `yaml:"noIssues,omitempty"`
	Issues     []IssueSpec `yaml:"issues,omitempty"`
	// Collaborators are the permissions of people, by their logins.
	Collaborators map[string]string `yaml:"collaborators,omitempty"`
}

// An IssueSpec describes an [Issue].
type IssueSpec struct {
	Number      int           `yaml:"number,omitempty"` // default: the next
	Title       string        `yaml:"title"`
	Body        string        `yaml:"body,omitempty"`
	Author      string        `yaml:"author,omitempty"` // default: the first owner
	State       string        `yaml:"state,omitempty"`  // open (default) or closed
	Locked      bool          `yaml:"locked,omitempty"`
	Labels      []string      `yaml:"labels,omitempty"`
	PullRequest bool          `yaml:"pullRequest,omitempty"`
	Comments    []CommentSpec `yaml:"comments,omitempty"`
	// Suggestions are comments that the issue's page offers, instead of the scenario's.
	Suggestions []string `yaml:"suggestions,omitempty"`
}

// A CommentSpec describes a [Comment] that is there from the start; no webhook announces it.
type CommentSpec struct {
	Author    string    `yaml:"author"`
	Body      string    `yaml:"body"`
	CreatedAt time.Time `yaml:"createdAt,omitempty"`
}

// A GroupSpec describes a runner [Group]. Every organization has the group
// Default by itself.
type GroupSpec struct {
	ID                    int64        `yaml:"id,omitempty"`
	Name                  string       `yaml:"name"`
	Visibility            string       `yaml:"visibility,omitempty"` // selected (default), all or private
	Inherited             bool         `yaml:"inherited,omitempty"`
	AllowsPublic          bool         `yaml:"allowsPublicRepositories,omitempty"`
	RestrictedToWorkflows bool         `yaml:"restrictedToWorkflows,omitempty"`
	SelectedWorkflows     []string     `yaml:"selectedWorkflows,omitempty"`
	WorkflowsReadOnly     bool         `yaml:"workflowRestrictionsReadOnly,omitempty"`
	Repositories          []string     `yaml:"repositories,omitempty"`
	Runners               []RunnerSpec `yaml:"runners,omitempty"`
	HostedRunners         []string     `yaml:"hostedRunners,omitempty"`
}

// A RunnerSpec describes a [Runner].
type RunnerSpec struct {
	ID     int64    `yaml:"id,omitempty"`
	Name   string   `yaml:"name"`
	OS     string   `yaml:"os,omitempty"`     // default: linux
	Status string   `yaml:"status,omitempty"` // online (default) or offline
	Busy   bool     `yaml:"busy,omitempty"`
	Labels []string `yaml:"labels,omitempty"` // default: self-hosted
	// Version is that of the runner; default: the newest; "none": it never connected.
	Version   string `yaml:"version,omitempty"`
	Ephemeral bool   `yaml:"ephemeral,omitempty"`
}

// An AppSpec describes an [App].
type AppSpec struct {
	ID            int64              `yaml:"id,omitempty"`
	Name          string             `yaml:"name"`
	Owner         string             `yaml:"owner,omitempty"`      // organization; default: the first
	PrivateKey    string             `yaml:"privateKey,omitempty"` // PEM; generated if it is left out, see [NewKey]
	WebhookSecret string             `yaml:"webhookSecret,omitempty"`
	HookURL       string             `yaml:"hookURL,omitempty"` // deliveries fail while it is empty
	SetupURL      string             `yaml:"setupURL,omitempty"`
	CallbackURLs  []string           `yaml:"callbackURLs,omitempty"` // where people who sign in with the App may be sent back
	Permissions   map[string]string  `yaml:"permissions,omitempty"`  // default: what Actions Runner Manager asks for
	Events        []string           `yaml:"events,omitempty"`       // default: issue_comment
	Installations []InstallationSpec `yaml:"installations,omitempty"`
}

// An InstallationSpec describes an [Installation].
type InstallationSpec struct {
	ID           int64             `yaml:"id,omitempty"`
	Org          string            `yaml:"org"`
	Repositories []string          `yaml:"repositories,omitempty"` // default: all
	Suspended    bool              `yaml:"suspended,omitempty"`
	Permissions  map[string]string `yaml:"permissions,omitempty"` // default: the App's
	Events       []string          `yaml:"events,omitempty"`      // default: the App's
	RateLimit    int               `yaml:"rateLimit,omitempty"`   // requests an hour; default 5000
}

// LoadScenario reads a scenario from YAML. An unknown or repeated key is an error, which
// names the line and the key.
func LoadScenario(data []byte) (Scenario, error) {
	var sc Scenario
	if err := yaml.UnmarshalWithOptions(data, &sc, yaml.Strict(), yaml.DisallowUnknownField()); err != nil {
		return Scenario{}, scenarioError(data, err)
	}
	return sc, nil
}
