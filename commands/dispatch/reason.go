package dispatch

import "net/http"

// A Reason says to programs why a command was refused or failed. The set is part of the
// public interface.
type Reason string

// The reasons. [Reasons] has their statuses and meanings.
const (
	ReasonInvalidArgument   Reason = "invalid_argument"
	ReasonMissingArgument   Reason = "missing_argument"
	ReasonUnknownArgument   Reason = "unknown_argument"
	ReasonMissingToken      Reason = "missing_token"
	ReasonBadToken          Reason = "bad_token"
	ReasonNotMaintainer     Reason = "not_maintainer"
	ReasonGroupNotOwned     Reason = "group_not_owned"
	ReasonRepoNotPermitted  Reason = "repo_not_permitted"
	ReasonPublicRepo        Reason = "public_repo"
	ReasonPolicy            Reason = "policy"
	ReasonOwnerOnly         Reason = "owner_only"
	ReasonNotMember         Reason = "not_member"
	ReasonNotTrusted        Reason = "not_trusted"
	ReasonGroupNotFound     Reason = "group_not_found"
	ReasonRunnerNotFound    Reason = "runner_not_found"
	ReasonTrustNotFound     Reason = "trust_not_found"
	ReasonRequestNotFound   Reason = "request_not_found"
	ReasonUnknownCommand    Reason = "unknown_command"
	ReasonMethod            Reason = "method"
	ReasonTooLarge          Reason = "too_large"
	ReasonMediaType         Reason = "media_type"
	ReasonGroupExists       Reason = "group_exists"
	ReasonRunnerExists      Reason = "runner_exists"
	ReasonRunnerBusy        Reason = "runner_busy"
	ReasonGroupNotEmpty     Reason = "group_not_empty"
	ReasonGroupNotSelected  Reason = "group_not_selected"
	ReasonLimitReached      Reason = "limit_reached"
	ReasonRequestDecided    Reason = "request_decided"
	ReasonSuperseded        Reason = "superseded"
	ReasonRateLimited       Reason = "rate_limited"
	ReasonInternal          Reason = "internal"
	ReasonGitHubError       Reason = "github_error"
	ReasonGitHubRateLimited Reason = "github_rate_limited"
	ReasonGitHubTimeout     Reason = "github_timeout"
	ReasonBusy              Reason = "busy"
	ReasonUnavailable       Reason = "unavailable"
	ReasonSetup             Reason = "setup"
)

// A ReasonInfo is what holds for every error of one reason.
type ReasonInfo struct {
	Reason Reason
	Status int // HTTP
	// Transient is set if the same command may succeed later although nobody changes
	// anything: GitHub or this server could not work for a while.
	Transient bool
	Meaning   string // for the documentation; no full stop
}

// reasons is the one table of reasons, in the order of the documentation.
var reasons = []ReasonInfo{ //nolint:gochecknoglobals // a table that is never written
	{ReasonInvalidArgument, http.StatusBadRequest, false, "an argument is malformed, or names an organization that is not served here"},
	{ReasonMissingArgument, http.StatusBadRequest, false, "a required argument is missing"},
	{ReasonUnknownArgument, http.StatusBadRequest, false, "the command has no argument of that name"},
	{ReasonMissingToken, http.StatusUnauthorized, false, "no token was sent"},
	{ReasonBadToken, http.StatusUnauthorized, false, "GitHub or this server refuses the token"},
	{ReasonNotMaintainer, http.StatusForbidden, false, "you're not an active maintainer of that team, or it doesn't exist"},
	{ReasonGroupNotOwned, http.StatusForbidden, false, "the group belongs to another team"},
	{ReasonRepoNotPermitted, http.StatusForbidden, false, "the team (for `repo-runners` the caller) has too little permission on the repository, or it doesn't exist"},
	{ReasonPublicRepo, http.StatusForbidden, false, "public repositories may not be attached here"},
	{ReasonPolicy, http.StatusForbidden, false, "the operator's policy does not allow it"},
	{ReasonOwnerOnly, http.StatusForbidden, false, "only owners of the organization may do this"},
	{ReasonNotMember, http.StatusForbidden, false, "only members of the organization may do this"},
	{ReasonNotTrusted, http.StatusForbidden, false, "no trust of that team lets this workflow do this, or there is no such team"},
	{ReasonGroupNotFound, http.StatusNotFound, false, "the team owns no runner group yet"},
	{ReasonRunnerNotFound, http.StatusNotFound, false, "the group has no such runner"},
	{ReasonTrustNotFound, http.StatusNotFound, false, "the team has no such trust"},
	{ReasonRequestNotFound, http.StatusNotFound, false, "there is no such request, or you may neither see nor decide it"},
	{ReasonUnknownCommand, http.StatusNotFound, false, "there is no such command"},
	{ReasonMethod, http.StatusMethodNotAllowed, false, "the command does not accept this method; the header Allow lists those it does"},
	{ReasonTooLarge, http.StatusRequestEntityTooLarge, false, "the body is larger than 1 MiB"},
	{ReasonMediaType, http.StatusUnsupportedMediaType, false, "the body is neither JSON nor a form"},
	{ReasonGroupExists, http.StatusConflict, false, "a group of that name exists"},
	{ReasonRunnerExists, http.StatusConflict, false, "a runner of that name exists"},
	{ReasonRunnerBusy, http.StatusConflict, false, "the runner is busy with a job"},
	{ReasonGroupNotEmpty, http.StatusConflict, false, "the group still has runners"},
	{ReasonGroupNotSelected, http.StatusConflict, false, "the group is not limited to selected repositories"},
	{ReasonLimitReached, http.StatusConflict, false, "the group would hold more repositories or runners than the operator allows"},
	{ReasonRequestDecided, http.StatusConflict, false, "the request was decided already, or it expired"},
	{ReasonSuperseded, http.StatusConflict, false, "the server could not finish the command, and a newer one changed the same thing before it could repeat it"},
	{ReasonRateLimited, http.StatusTooManyRequests, false, "too many requests; Retry-After says when to try again"},
	{ReasonInternal, http.StatusInternalServerError, false, "the server failed; its operator finds the cause in the log by the request id"},
	{ReasonGitHubError, http.StatusBadGateway, true, "GitHub failed"},
	{ReasonGitHubRateLimited, http.StatusServiceUnavailable, true, "GitHub's rate limit is used up; Retry-After says when to try again"},
	{ReasonBusy, http.StatusServiceUnavailable, true, "another command is still running on the same group"},
	{ReasonUnavailable, http.StatusServiceUnavailable, true, "the server's database does not answer, or the server is shutting down"},
	{ReasonSetup, http.StatusServiceUnavailable, false, "the server is not set up yet"},
	{ReasonGitHubTimeout, http.StatusGatewayTimeout, true, "GitHub did not answer in time"},
}

// Reasons returns the table of reasons, in the order of their statuses.
func Reasons() []ReasonInfo { return append([]ReasonInfo(nil), reasons...) }

// info returns the reason's row. One that is not in the table is an internal error.
func (r Reason) info() ReasonInfo {
	for _, info := range reasons {
		if info.Reason == r {
			return info
		}
	}
	return ReasonInfo{Reason: r, Status: http.StatusInternalServerError}
}

// Status returns the HTTP status that goes with the reason.
func (r Reason) Status() int { return r.info().Status }

// Transient reports whether the same command may succeed later although nobody changes
// anything.
func (r Reason) Transient() bool { return r.info().Transient }
