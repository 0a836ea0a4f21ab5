package requests

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// marker is a hidden line by which the comment is found.
func marker(r store.Request) string {
	return fmt.Sprintf("<!-- arm:request %d/%d -->", r.OrgID, r.Number)
}

var loginShape = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`)

// text is the comment that tells the outcome of the request.
func (k *Keeper) text(org *dispatch.Org, r store.Request) string {
	mark := "❌"
	if r.State == store.RequestApproved || r.State == store.RequestWithdrawn {
		mark = "✅"
	}
	slash := dispatch.Spec{Trigger: org.Trigger}.Slash()
	var b strings.Builder
	fmt.Fprintf(&b, "%s **Request %d %s**", mark, r.Number, happened(r))
	fmt.Fprintf(&b, ": %s.", k.o.Escape(about(r)))
	if r.State == store.RequestApproved && !r.Until.IsZero() {
		fmt.Fprintf(&b, " The access ends at %s.", r.Until.UTC().Format("15:04 UTC on 2 January 2006"))
	}
	if r.Note != "" {
		why := r.Note
		if r.State == store.RequestDenied {
			why = "Reason: " + dispatch.Quote(why)
		}
		b.WriteString("\n\n" + k.o.Escape(why))
	}
	if r.State == store.RequestExpired {
		b.WriteString("\n\nRequest it again if you still want it.")
	}
	requester := "`" + r.Requester + "`"
	if loginShape.MatchString(r.Requester) {
		requester = "@" + r.Requester
	}
	fmt.Fprintf(&b, "\n\n<sub>%s · `%s requests-list` shows your requests</sub>\n\n%s", requester, slash, marker(r))
	return b.String()
}

func happened(r store.Request) string {
	by := ""
	if loginShape.MatchString(r.DecidedBy) {
		by = " by `" + r.DecidedBy + "`"
	}
	switch r.State {
	case store.RequestApproved:
		return "was approved" + by
	case store.RequestDenied:
		return "was denied" + by
	case store.RequestWithdrawn:
		return "was withdrawn"
	case store.RequestExpired:
		return "expired, because nobody decided it"
	}
	return "was approved" + by + " and then failed"
}

func about(r store.Request) string {
	if r.Kind != store.AccessRequest {
		return dispatch.RequestedCommand(r)
	}
	var names []string
	for _, t := range r.TargetsOf("repo") {
		names = append(names, "`"+t.Name+"`")
	}
	return fmt.Sprintf("the use of the runner group of team `%s` by %s", r.TeamSlug, strings.Join(names, ", "))
}
