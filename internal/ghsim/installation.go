package ghsim

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// installationEvent notifies an App of a change of its installation. Every App gets these
// events. https://docs.github.com/webhooks/webhook-events-and-payloads#installation
// The caller holds the lock.
func (s *Server) installationEvent(action string, i *Installation) {
	c := s.renderer()
	var sender any
	for _, m := range i.Org.Members {
		if sender == nil && m.Role == "admin" {
			sender = c.user(m.User)
		}
	}
	payload := obj{"action": action, "installation": c.installation(i), "sender": sender}
	if action == "created" || action == "deleted" {
		payload["repositories"] = each(filter(i.Org.Repos, func(r *Repo) bool { return i.Repos == nil || slices.Contains(i.Repos, r.ID) }), func(r *Repo) any {
			return obj{"id": r.ID, "node_id": node("R", r.ID), "name": r.Name, "full_name": r.FullName(), "private": r.Private()}
		})
	}
	body, err := json.Marshal(payload)
	if err != nil {
		panic(err) // our own maps always encode
	}
	s.send(&Delivery{App: i.App, Event: "installation", Action: action, InstallationID: i.ID, Payload: body}, DeliverOptions{})
}

// Uninstall removes the first App's installation in an organization, as its owner would.
func (s *Server) Uninstall(org string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.installationIn(org)
	if old == nil {
		return fmt.Errorf("the App's installation in %s: %w", org, errNothing)
	}
	s.uninstall(old)
	s.touch()
	return nil
}

// Reinstall uninstalls the first App from an organization, if it is installed there, and
// installs it again. The installation has a new id, which is returned.
func (s *Server) Reinstall(org string) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.state.Org(org)
	if o == nil || len(s.state.Apps) == 0 {
		return 0, fmt.Errorf("the App in %s: %w", org, errNothing)
	}
	app := s.state.Apps[0]
	if old := s.installationIn(org); old != nil {
		s.uninstall(old)
	}
	i := &Installation{ID: s.state.id("installation"), App: app, Org: o, Permissions: maps.Clone(app.Permissions), Events: slices.Clone(app.Events), CreatedAt: s.now()}
	app.Installations = append(app.Installations, i)
	s.installationEvent("created", i)
	s.touch()
	return i.ID, nil
}

// installationIn is the first App's installation in an organization, or nil.
func (s *Server) installationIn(org string) *Installation {
	o := s.state.Org(org)
	if o == nil || len(s.state.Apps) == 0 {
		return nil
	}
	return find(s.state.Apps[0].Installations, func(i *Installation) bool { return i.Org == o })
}

func (s *Server) uninstall(old *Installation) {
	old.App.Installations = filter(old.App.Installations, func(i *Installation) bool { return i != old })
	s.installationEvent("deleted", old)
}
