package dispatch

import (
	"net/http"
	"slices"
)

// Reasons returns the reasons for which a REST call of the command may be refused or fail,
// in the order of [Reasons]: those that follow from what it declares, and its Refusals. A
// path or method that does not exist is no call of the command.
func (s Spec) Reasons() []ReasonInfo {
	may := append([]Reason{ReasonUnknownArgument, ReasonInternal, ReasonSetup}, s.Refusals...)
	if len(s.Params) > 0 {
		may = append(may, ReasonInvalidArgument, ReasonTooLarge, ReasonMediaType, ReasonUnavailable)
	}
	if s.WholeOrg || slices.ContainsFunc(s.Params, func(p Param) bool { return p.Required }) {
		may = append(may, ReasonMissingArgument)
	}
	if s.Needs != Anyone {
		may = append(may, ReasonMissingToken, ReasonBadToken, ReasonRateLimited, ReasonNotTrusted, ReasonPolicy, ReasonInvalidArgument, ReasonUnavailable, ReasonBusy,
			ReasonGitHubError, ReasonGitHubRateLimited, ReasonGitHubTimeout)
	}
	switch s.Needs {
	case Member:
		may = append(may, ReasonNotMember)
	case Maintainer:
		may = append(may, ReasonNotMaintainer)
	case Owner:
		may = append(may, ReasonOwnerOnly)
	case Anyone:
	}
	if s.Group == OwnsGroup {
		may = append(may, ReasonGroupNotFound, ReasonGroupNotOwned)
	}
	if s.Effect == Changes || s.Effect == Destroys {
		may = append(may, ReasonSuperseded)
	}
	list := slices.DeleteFunc(Reasons(), func(r ReasonInfo) bool { return !slices.Contains(may, r.Reason) })
	for i := range list {
		// What anybody may ask reports an outage of GitHub as this server's own state.
		if s.Needs == Anyone && list[i].Reason == ReasonGitHubError {
			list[i].Status = http.StatusServiceUnavailable
		}
	}
	return list
}
