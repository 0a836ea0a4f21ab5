package dispatch

// WhyNotApproved returns why policy.approval cannot list the command; "" if it can.
func (s Spec) WhyNotApproved() string {
	switch {
	case s.Needs == Owner:
		return "is for owners only already"
	case s.Needs != Maintainer:
		return "is not for maintainers, so no owner can approve it for one"
	case s.Effect == Reads:
		return "changes nothing"
	case s.Effect == Reveals:
		return "reveals a secret, which nobody but its caller may get"
	}
	return ""
}
