package ghsim

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// A manifest is what an App asks to be made of.
// https://docs.github.com/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
type manifest struct {
	Name string `json:"name"`
	URL  string `json:"url"`
	Hook struct {
		URL    string `json:"url"`
		Active *bool  `json:"active"`
	} `json:"hook_attributes"`
	RedirectURL  string            `json:"redirect_url"`
	CallbackURLs []string          `json:"callback_urls"`
	SetupURL     string            `json:"setup_url"`
	Public       bool              `json:"public"`
	Permissions  map[string]string `json:"default_permissions"`
	Events       []string          `json:"default_events"`
}

// maxCallbackURLs is how many callback URLs an App can have.
const maxCallbackURLs = 10

// check names what GitHub would refuse.
func (m manifest) check() error {
	switch {
	case m.Name == "":
		return fmt.Errorf("the manifest has no name")
	case m.URL == "":
		return fmt.Errorf("the manifest has no url")
	case m.RedirectURL == "":
		return fmt.Errorf("the manifest has no redirect_url")
	case len(m.CallbackURLs) > maxCallbackURLs:
		return fmt.Errorf("the manifest has more than %d callback_urls", maxCallbackURLs)
	case m.Hook.URL == "" && len(m.Events) > 0:
		return fmt.Errorf("the manifest has events, but no hook_attributes.url")
	}
	for name, level := range m.Permissions {
		if !atLeast(level, "read") || level == "" {
			return fmt.Errorf("the manifest asks for %q of %q, which is no level", level, name)
		}
	}
	return nil
}

// RegisterManifest is GitHub's page that makes an App from a manifest. GitHub
// asks its reader once more; the simulator goes on at once.
func (s *Server) RegisterManifest(w http.ResponseWriter, r *http.Request, login string) {
	var m manifest
	if err := json.Unmarshal([]byte(r.FormValue("manifest")), &m); err != nil {
		http.Error(w, "The form field manifest holds no JSON object.", http.StatusUnprocessableEntity)
		return
	}
	if err := m.check(); err != nil {
		http.Error(w, "Invalid GitHub App configuration: "+err.Error()+".", http.StatusUnprocessableEntity)
		return
	}
	to, err := url.Parse(m.RedirectURL)
	if err != nil || to.Scheme != "http" && to.Scheme != "https" {
		http.Error(w, "Invalid GitHub App configuration: redirect_url is no address.", http.StatusUnprocessableEntity)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	org := s.state.Org(login)
	if org == nil {
		http.Error(w, "There is no organization "+login+".", http.StatusNotFound)
		return
	}
	if s.state.App(Slug(m.Name)) != nil {
		http.Error(w, "Invalid GitHub App configuration: name is already taken.", http.StatusUnprocessableEntity)
		return
	}
	code := s.secret(strings.ToLower(randomToken("", 40)))
	if s.manifests == nil {
		s.manifests = map[string]*App{}
	}
	s.manifests[code] = &App{
		Name: m.Name, Slug: Slug(m.Name), Owner: org, Public: m.Public, HookURL: m.Hook.URL, CallbackURLs: m.CallbackURLs, SetupURL: m.SetupURL,
		Permissions: m.Permissions, Events: m.Events, CreatedAt: s.now(),
	}
	q := to.Query()
	q.Set("code", code)
	if state := r.URL.Query().Get("state"); state != "" {
		q.Set("state", state)
	}
	to.RawQuery = q.Encode()
	http.Redirect(w, r, to.String(), http.StatusFound)
}

// convertManifest hands out the App's credentials, once.
func (c *call) convertManifest() answer {
	a := c.s.manifests[c.params["code"]]
	if a == nil {
		return notFound("/apps/apps#create-a-github-app-from-a-manifest")
	}
	delete(c.s.manifests, c.params["code"])
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err) // never fails
	}
	a.ID, a.HookID, a.WebhookSecret = c.st.id("app"), c.st.id("hook"), c.s.secret(strings.ToLower(randomToken("", 40)))
	if a.Permissions == nil {
		a.Permissions = map[string]string{}
	}
	if a.Events == nil {
		a.Events = []string{}
	}
	if err := c.s.complete(a, encodeKey(key)); err != nil {
		panic(err) // the key was just made
	}
	c.st.Apps = append(c.st.Apps, a)
	o := c.integration(a)
	for k, v := range (obj{"client_id": a.ClientID, "client_secret": a.ClientSecret, "webhook_secret": a.WebhookSecret, "pem": a.PrivateKey()}) {
		o[k] = v
	}
	return created(o)
}

// Install installs the App on all repositories of the organization, and
// returns the installation's id. If it is installed already, that one stays.
func (s *Server) Install(slug, org string) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, o := s.state.App(slug), s.state.Org(org)
	if a == nil || o == nil {
		return 0, fmt.Errorf("install the App %q on %q: %w", slug, org, errNothing)
	}
	if i := find(a.Installations, func(i *Installation) bool { return i.Org == o }); i != nil {
		return i.ID, nil
	}
	b := builder{s: s, st: &s.state}
	b.installation(a, InstallationSpec{Org: org})
	if b.err == nil {
		s.installationEvent("created", a.Installations[len(a.Installations)-1])
	}
	s.touch()
	return a.Installations[len(a.Installations)-1].ID, b.err
}
