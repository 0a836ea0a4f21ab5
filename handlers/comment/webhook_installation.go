package comment

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/palantir/go-githubapp/githubapp"
)

const eventInstallation = "installation"

// installationEvents handles the events named installation: the App was installed,
// uninstalled, suspended, unsuspended, or given other permissions. Every App gets them.
type installationEvents struct{ *webhook }

// Handles implements [githubapp.EventHandler].
func (installationEvents) Handles() []string { return []string{eventInstallation} }

func (installationEvents) wants([]byte) bool { return true }

// Handle has the installation looked up again. What the payload says is not relied on: GitHub
// may deliver events late, and in another order.
func (e installationEvents) Handle(ctx context.Context, _, guid string, payload []byte) error {
	var p struct {
		Action       string `json:"action"`
		Installation struct {
			ID      int64       `json:"id"`
			Account payloadUser `json:"account"`
		} `json:"installation"`
	}
	if err := json.Unmarshal(payload, &p); err != nil {
		return &malformedError{fmt.Errorf("installation: %w", err)}
	}
	outcome, detail := OutcomeIgnored, "not of an organization that is served"
	for _, org := range e.Orgs {
		if org.Refresh == nil || !org.is(p.Installation.Account) {
			continue
		}
		outcome, detail = OutcomeAccepted, ""
		log := e.Logger.With().Str(githubapp.LogKeyDeliveryID, guid).Str("org", org.Org).Str("action", p.Action).Int64("installation", p.Installation.ID).Logger()
		if err := org.Refresh(ctx); err != nil {
			log.Warn().Err(err).Msg("The App's installation changed, and GitHub was asked for it in vain; it is asked again at the next command")
			continue
		}
		log.Info().Msg("The App's installation was looked up again")
	}
	githubapp.SetResponder(ctx, func(w http.ResponseWriter, _ *http.Request) { e.answer(w, http.StatusOK, outcome, detail) })
	return nil
}

// refreshAll looks all installations up again: the event lists the installation's repositories,
// and is too large to be read.
func (h *webhook) refreshAll(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, acceptTimeout)
	defer cancel()
	for _, org := range h.Orgs {
		if org.Refresh == nil {
			continue
		}
		if err := org.Refresh(ctx); err != nil {
			h.Logger.Warn().Err(err).Str("org", org.Org).Msg("GitHub was asked for the App's installation in vain; it is asked again at the next command")
		}
	}
}

// is reports whether the account is the organization, by its id if that is known.
func (o WebhookOrg) is(account payloadUser) bool {
	if o.OrgID != nil && o.OrgID() != 0 && account.ID != 0 {
		return account.ID == o.OrgID()
	}
	return strings.EqualFold(account.Login, o.Org)
}

// named reports whether login is the organization's name. If it is neither the configured nor
// the remembered one, the organization may have been renamed, so GitHub is asked.
func (o WebhookOrg) named(ctx context.Context, login string) (bool, error) {
	isName := func() bool {
		return login == "" || strings.EqualFold(login, o.Org) || o.Name != nil && strings.EqualFold(login, o.Name())
	}
	if isName() || o.Refresh == nil {
		return isName(), nil
	}
	if err := o.Refresh(ctx); err != nil {
		return false, fmt.Errorf("ask GitHub if %s is called %s now: %w", o.Org, login, err)
	}
	return isName(), nil
}

// installed reports whether the delivery is of the App's installation in the organization. It
// is not relied on if it is the remembered one no longer: GitHub is asked before a comment is
// ignored. While none is known (GitHub was down at start), who runs the command finds out.
func (o WebhookOrg) installed(ctx context.Context, id int64) (bool, error) {
	known := o.InstallationID()
	switch {
	case id == 0:
		return false, nil
	case known == 0, known == id:
		return true, nil
	case o.IsInstallation == nil:
		return false, nil
	}
	ours, err := o.IsInstallation(ctx, id)
	if err != nil {
		return false, fmt.Errorf("ask GitHub if installation %d is the App's in %s: %w", id, o.Org, err)
	}
	return ours, nil
}
