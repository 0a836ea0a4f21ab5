package oidc

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Claims are what GitHub says of a job in its token.
// https://docs.github.com/en/actions/reference/security/oidc#oidc-token-claims
type Claims struct {
	OwnerID           int64 // of the repository
	RepositoryID      int64
	Repository        string // OWNER/NAME, as it is called now
	Ref               string // refs/heads/main
	Environment       string // "" if the job has none
	Event             string // that triggered the workflow: push
	WorkflowRef       string // OWNER/NAME/.github/workflows/FILE@REF
	JobWorkflowRef    string // that of the file that has the job, which may be a reusable workflow
	RunnerEnvironment string // github-hosted or self-hosted
	Actor             string // login of who triggered the workflow
	RunID             string
	ID                string // jti: unique for each token
	Expires           time.Time
}

// Name is what the audit calls the job's run.
func (c Claims) Name() string { return "workflow:" + c.Repository + "@" + c.RunID }

// Workflow returns the path of the workflow's file in its own repository, "" if it is another
// repository's.
func (c Claims) Workflow() string { return c.fileOf(c.WorkflowRef) }

// jobWorkflow is the path of the file that has the job, "" if it is another repository's.
func (c Claims) jobWorkflow() string { return c.fileOf(c.JobWorkflowRef) }

// workflowRef splits OWNER/NAME/.github/workflows/FILE@REF. FILE has no slash, but may have
// an @, as REF may.
var workflowRef = regexp.MustCompile(`^([^/@]+/[^/@]+)/(\.github/workflows/[^/]+)@[^@]`)

// fileOf returns the path in a reference to a workflow of the token's own repository, whose
// names in one token are of one moment.
func (c Claims) fileOf(ref string) string {
	match := workflowRef.FindStringSubmatch(ref)
	if len(match) < 3 || !strings.EqualFold(match[1], c.Repository) {
		return ""
	}
	return match[2]
}

// maxClaim bounds the claims that are kept, in bytes.
const maxClaim = 1 << 10

var repositoryShape = regexp.MustCompile(`^[A-Za-z0-9._-]{1,100}/[A-Za-z0-9._-]{1,100}$`)

// parseClaims reads the payload of a verified token.
func parseClaims(payload []byte) (Claims, error) {
	var raw struct {
		OwnerID           number  `json:"repository_owner_id"`
		RepositoryID      number  `json:"repository_id"`
		RunID             number  `json:"run_id"`
		Repository        string  `json:"repository"`
		Ref               string  `json:"ref"`
		Environment       string  `json:"environment"`
		Event             string  `json:"event_name"`
		WorkflowRef       string  `json:"workflow_ref"`
		JobWorkflowRef    string  `json:"job_workflow_ref"`
		RunnerEnvironment string  `json:"runner_environment"`
		Actor             string  `json:"actor"`
		ID                string  `json:"jti"`
		Expiry            float64 `json:"exp"`
	}
	if err := json.Unmarshal(payload, &raw); err != nil {
		return Claims{}, &RefusedError{Message: "The claims of this JSON Web Token are not those of a job of GitHub Actions.", Cause: err}
	}
	for _, text := range []string{raw.Ref, raw.Environment, raw.Event, raw.WorkflowRef, raw.JobWorkflowRef, raw.RunnerEnvironment, raw.Actor, raw.ID} {
		if len(text) > maxClaim {
			return Claims{}, refuse("A claim of this JSON Web Token is longer than %d bytes.", maxClaim)
		}
	}
	if raw.OwnerID <= 0 || raw.RepositoryID <= 0 || raw.RunID <= 0 || !repositoryShape.MatchString(raw.Repository) {
		return Claims{}, refuse("The claims of this JSON Web Token are not those of a job of GitHub Actions: it names no repository, owner or run.")
	}
	return Claims{
		OwnerID: int64(raw.OwnerID), RepositoryID: int64(raw.RepositoryID), Repository: raw.Repository,
		Ref: raw.Ref, Environment: raw.Environment, Event: raw.Event, WorkflowRef: raw.WorkflowRef, JobWorkflowRef: raw.JobWorkflowRef,
		RunnerEnvironment: raw.RunnerEnvironment, Actor: raw.Actor, RunID: strconv.FormatInt(int64(raw.RunID), 10),
		ID: raw.ID, Expires: time.Unix(int64(raw.Expiry), 0),
	}, nil
}

// A number is an id, which GitHub writes as text.
type number int64

// UnmarshalJSON implements [json.Unmarshaler].
func (n *number) UnmarshalJSON(data []byte) error {
	id, err := strconv.ParseInt(strings.Trim(string(data), `"`), 10, 64)
	*n = number(id)
	return err
}
