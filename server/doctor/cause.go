package doctor

import (
	"errors"
	"fmt"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

// A cause is something that GitHub says when it refuses, and what to do about it.
type cause struct {
	sentence string // part of GitHub's own, in lower case
	remedy   string
	page     func(d *doctor, org string) string // where to do it; nil: nowhere
}

// causes is the table of what GitHub says, as seen in its answers to Apps.
func causes() []cause {
	app := func(d *doctor, _ string) string { return d.appPage() }
	permissions := func(d *doctor, _ string) string { return d.appPage("permissions") }
	installed := func(d *doctor, org string) string { return d.page("organizations", org, "settings", "installations") }
	security := func(d *doctor, org string) string { return d.page("organizations", org, "settings", "security") }
	return []cause{
		{"ip allow list", "Add the address from which this server reaches GitHub to the IP allow list.", security},
		{"has been suspended", "Unsuspend the App on the organization's page of installed GitHub Apps.", installed},
		{"not accessible by integration", "Give the App the missing permission, and approve it in the organization: see app-permissions and installation-permissions.", permissions},
		{"permissions requested are not granted", "Approve the App's permissions in the organization: see installation-permissions.", installed},
		{"could not be decoded", "appID and private key don't belong together. Set appID to the App ID in the App's settings, or generate a private key there and set privateKey to it.", app},
		{"integration not found", "Set appID to the App ID in the App's settings.", app},
		{"issued at", "Synchronize the clock of this machine with NTP: `timedatectl set-ntp true`, or run chrony.", nil},
		{"expiration time", "Synchronize the clock of this machine with NTP: `timedatectl set-ntp true`, or run chrony.", nil},
		{"saml", "Authorize the App for single sign-on in the organization.", security},
	}
}

// failGitHub adds a check that failed because GitHub refused something, with GitHub's own
// sentence. The remedy follows from that sentence; guess is for one that says nothing.
func (d *doctor) failGitHub(name, org, detail string, err error, guess, page string) {
	if detail != "" {
		detail += ": "
	}
	detail += said(err)
	remedy := guess
	if found, ok := causeOf(err); ok {
		remedy, page = found.remedy, ""
		if found.page != nil {
			page = found.page(d, org)
		}
	} else {
		switch github.KindOf(err) {
		case github.RateLimited:
			remedy, page = "GitHub's rate limit is used up: run doctor again when it is over.", ""
		case github.Unavailable, github.Timeout:
			remedy, page = "GitHub had a problem. Run doctor again.", d.statusPage()
		case github.Incomplete:
			remedy, page = "Something between this server and GitHub changes answers, such as a gateway. Let it pass them on unchanged.", ""
		}
	}
	d.fail(name, detail, remedy, page)
}

// causeOf returns the row of the table that fits what GitHub says.
func causeOf(err error) (cause, bool) {
	var failure *github.Error
	if !errors.As(err, &failure) {
		return cause{}, false
	}
	sentence := strings.ToLower(failure.Message)
	for _, c := range causes() {
		if strings.Contains(sentence, c.sentence) {
			return c, true
		}
	}
	return cause{}, false
}

// said describes a failure with GitHub's own sentence as a quotation.
func said(err error) string {
	var failure *github.Error
	if !errors.As(err, &failure) || failure.Status == 0 || failure.Message == "" || failure.Elsewhere != "" {
		return err.Error()
	}
	return fmt.Sprintf("%s: GitHub says %s (%d)", failure.Op, dispatch.QuoteSentence(failure.Message), failure.Status)
}
