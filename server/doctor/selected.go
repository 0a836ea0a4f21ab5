package doctor

import (
	"context"
	"slices"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/config"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

// A Selection is some of the checks that [Run] makes, for one organization of a running
// server, with few calls to GitHub. Setup follows its progress by them.
type Selection struct {
	Config       *config.Config
	Organization config.Organization
	App          github.AppInfo // its slug and page are enough
	GitHub       *github.App
	Org          *github.Org
	// Names of the checks: installation, installation-permissions and repositories cost two
	// calls together until the App is installed, admin-repo one, and webhook, which includes
	// deliveries, two.
	Names []string
	// Refresh asks GitHub again for an installation that the server knows. One more call.
	Refresh bool
}

// Run makes the checks. If the App cannot work in the organization, the result holds only
// the check of the installation. The names are without the organization.
func (s Selection) Run(ctx context.Context) []Check {
	d := &doctor{config: s.Config, gh: s.GitHub, app: s.App}
	ctx, cancel := context.WithTimeout(ctx, 2*callTimeout)
	defer cancel()
	if s.Refresh && s.Org.InstallationID() != 0 {
		_, _ = s.Org.Refresh(ctx) // if it fails, what is known counts
	}
	installation, err := s.Org.Installation(ctx)
	if !d.checkInstallation(s.Organization, s.Org, installation, err) {
		return d.selected("installation")
	}
	missing := d.checkGranted(s.Organization, installation)
	d.checkSelection(s.Organization, installation)
	if s.wants("admin-repo") {
		d.checkAdminRepo(ctx, s.Organization, s.Org, installation, missing)
	}
	if s.wants("webhook") {
		d.checkWebhook(ctx)
	}
	return d.selected(append(s.Names, "deliveries")...)
}

func (s Selection) wants(name string) bool { return slices.Contains(s.Names, name) }

// selected returns the checks of these names.
func (d *doctor) selected(names ...string) []Check {
	var found []Check
	for _, c := range d.checks {
		c.Name, _, _ = strings.Cut(c.Name, " ")
		if slices.Contains(names, c.Name) {
			found = append(found, c)
		}
	}
	return found
}
