package ghsim_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

func body(text string) io.ReadCloser { return io.NopCloser(strings.NewReader(text)) }

// A hook receives webhooks and answers with a status.
type hook struct {
	mu     sync.Mutex
	status int
	got    []received
}

type received struct {
	header http.Header
	body   []byte
}

func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	data, _ := io.ReadAll(r.Body)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.got = append(h.got, received{r.Header, data})
	if h.status != 0 {
		w.WriteHeader(h.status)
	}
}

func (h *hook) answer(status int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.status = status
}

func (h *hook) all() []received {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]received{}, h.got...)
}

func (s *sim) receiver() *hook {
	h := new(hook)
	s.SetHookURL(serve(s.t, h).URL + "/api/github/hook")
	return h
}

func TestCommentMakesADelivery(t *testing.T) {
	s := newSim(t)
	h := s.receiver()
	_, err := s.Comment("acme", "runner-admin", 1, "ada", "/runner-group help")
	require.NoError(t, err)
	require.NoError(t, s.Wait(t.Context()))
	got := h.all()
	require.Len(t, got, 1)
	mac := hmac.New(sha256.New, []byte("hush"))
	mac.Write(got[0].body)
	assert.Equal(t, "sha256="+hex.EncodeToString(mac.Sum(nil)), got[0].header.Get("X-Hub-Signature-256"))
	for name, want := range map[string]string{
		"X-GitHub-Event": "issue_comment", "X-GitHub-Hook-Installation-Target-ID": "4242",
		"X-GitHub-Hook-Installation-Target-Type": "integration", "Content-Type": "application/json",
	} {
		assert.Equal(t, want, got[0].header.Get(name), name)
	}
	d := s.Deliveries()[0]
	assert.Equal(t, d.GUID, got[0].header.Get("X-GitHub-Delivery"))
	assert.Equal(t, "OK", d.Status)
	assert.Equal(t, http.StatusOK, d.StatusCode)
	assert.Equal(t, int64(77), d.InstallationID)

	var p map[string]any
	require.NoError(t, json.Unmarshal(got[0].body, &p))
	assert.Equal(t, "created", p["action"])
	assert.Nil(t, p["comment"].(map[string]any)["performed_via_github_app"])
	assert.Equal(t, "ada", p["sender"].(map[string]any)["login"])

	// The bot's own comments make deliveries too, and say through which App.
	s.do(http.MethodPost, "/repos/acme/runner-admin/issues/1/comments", s.token(""), `{"body":"done"}`)
	require.NoError(t, s.Wait(t.Context()))
	require.NoError(t, json.Unmarshal(h.all()[1].body, &p))
	comment := p["comment"].(map[string]any)
	assert.Equal(t, float64(4242), comment["performed_via_github_app"].(map[string]any)["id"])
	assert.Equal(t, "Bot", comment["user"].(map[string]any)["type"])
	assert.Equal(t, "runner-manager[bot]", p["sender"].(map[string]any)["login"])
}

// The payload has the members that a real one has.
func TestPayloadIsLikeGitHubs(t *testing.T) {
	dir := os.Getenv("GITHUB_CONTRACT_DIR")
	if dir == "" {
		t.Skip("PAYLOADS ARE NOT COMPARED WITH GITHUB'S: set GITHUB_CONTRACT_DIR (make contract)")
	}
	s := newSim(t)
	_, err := s.Comment("acme", "runner-admin", 1, "ada", "hi")
	require.NoError(t, err)
	var ours map[string]any
	require.NoError(t, json.Unmarshal(s.Deliveries()[0].Payload, &ours))
	for _, name := range []string{"with-installation", "with-organization"} {
		data, err := os.ReadFile(filepath.Join(dir, "webhooks", "issue_comment.created."+name+".json"))
		require.NoError(t, err)
		var theirs map[string]any
		require.NoError(t, json.Unmarshal(data, &theirs))
		compare(t, "", theirs, ours)
	}
}

func compare(t *testing.T, path string, theirs, ours map[string]any) {
	t.Helper()
	for k, want := range theirs {
		if k == "draft" || k == "assignee" || k == "milestone" { // for pull requests, or null here
			continue
		}
		got, there := ours[k]
		if !assert.Truef(t, there, "%s.%s is missing", path, k) {
			continue
		}
		if w, is := want.(map[string]any); is {
			g, _ := got.(map[string]any)
			compare(t, path+"."+k, w, g)
		}
	}
}

func TestRedelivery(t *testing.T) {
	s := newSim(t)
	h := s.receiver()
	app := s.jwt(4242)
	h.answer(http.StatusServiceUnavailable)
	for range 3 {
		_, err := s.Comment("acme", "runner-admin", 1, "ada", "x")
		require.NoError(t, err)
	}
	s.PauseDeliveries(true)
	_, err := s.Comment("acme", "runner-admin", 1, "ada", "while you were out")
	require.NoError(t, err)
	s.PauseDeliveries(false)
	require.NoError(t, s.Wait(t.Context()))
	h.answer(http.StatusAccepted)
	_, err = s.Comment("acme", "runner-admin", 1, "ada", "fine")
	require.NoError(t, err)
	require.NoError(t, s.Wait(t.Context()))

	r := s.get("/app/hook/deliveries?status=success", app)
	assert.Len(t, r.get(), 1)
	r = s.get("/app/hook/deliveries?status=failure&per_page=3", app)
	assert.Len(t, r.get(), 3)
	assert.Equal(t, "failed to connect to host", r.get(0, "status"), "the newest first")
	next := strings.TrimSuffix(strings.TrimPrefix(r.Header.Get("Link"), "<"), `>; rel="next"`)
	r = s.get(next, app)
	assert.Len(t, r.get(), 1)
	assert.Empty(t, r.Header.Get("Link"))

	all := s.Deliveries()
	missed := all[3]
	r = s.get("/app/hook/deliveries/"+id(missed.ID), app)
	assert.Equal(t, "while you were out", r.get("request", "payload", "comment", "body"))
	assert.Equal(t, http.StatusAccepted, s.do(http.MethodPost, "/app/hook/deliveries/"+id(missed.ID)+"/attempts", app, "").StatusCode)
	require.NoError(t, s.Wait(t.Context()))
	all = s.Deliveries()
	again := all[len(all)-1]
	assert.Equal(t, missed.GUID, again.GUID)
	assert.NotEqual(t, missed.ID, again.ID)
	assert.True(t, again.Redelivery)
	assert.Equal(t, http.StatusAccepted, again.StatusCode)

	// Another App sees none of it, and nobody what is older than three days.
	assert.Empty(t, s.get("/app/hook/deliveries", s.jwt(4343)).get())
	s.Now = func() time.Time { return time.Now().Add(73 * time.Hour) }
	assert.Empty(t, s.get("/app/hook/deliveries", s.jwt(4242)).get())
	assert.NotEmpty(t, s.get("/api/v3/app/hook/deliveries", s.jwt(4242)).get(), "seven days on an Enterprise Server")
}

func TestDeliver(t *testing.T) {
	s := newSim(t)
	h := s.receiver()
	tests := []struct {
		name         string
		opts         ghsim.DeliverOptions
		sha1, sha256 bool
	}{
		{"signed", ghsim.DeliverOptions{}, true, true},
		{"unsigned", ghsim.DeliverOptions{Unsigned: true}, false, false},
		{"only the old signature", ghsim.DeliverOptions{SHA1Only: true}, true, false},
		{"a GUID and a header of one's own", ghsim.DeliverOptions{GUID: "g", Header: http.Header{"X-Odd": {"1"}}}, true, true},
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, err := s.Deliver(t.Context(), "ping", `{"zen":"x"}`, tt.opts)
			require.NoError(t, err)
			assert.Equal(t, http.StatusOK, d.StatusCode)
			got := h.all()[i]
			assert.Equal(t, `{"zen":"x"}`, string(got.body))
			assert.Equal(t, tt.sha1, got.header.Get("X-Hub-Signature") != "")
			assert.Equal(t, tt.sha256, got.header.Get("X-Hub-Signature-256") != "")
			assert.Equal(t, d.GUID, got.header.Get("X-GitHub-Delivery"))
			if tt.opts.GUID != "" {
				assert.Equal(t, "g", d.GUID)
				assert.Equal(t, "1", got.header.Get("X-Odd"))
			}
		})
	}
	_, err := s.Deliver(t.Context(), "ping", "{}", ghsim.DeliverOptions{App: "nope"})
	assert.Error(t, err)
}

func TestManifest(t *testing.T) {
	s := newSim(t)
	page := "/organizations/acme/settings/apps/new?state=s%26t"
	register := func(manifest string) reply {
		return s.do(http.MethodPost, page, "", url.Values{"manifest": {manifest}}.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	}
	for _, bad := range []string{"", "{}", `{"name":"x"}`, `{"name":"Runner Manager","url":"http://x","redirect_url":"http://x"}`, `{"name":"x","url":"http://x","redirect_url":"javascript:1"}`} {
		assert.Equal(t, http.StatusUnprocessableEntity, register(bad).StatusCode, bad)
	}
	r := register(`{"name":"Fresh","url":"http://x","hook_attributes":{"url":"http://127.0.0.1:1/hook"},"redirect_url":"http://x/setup/callback","setup_url":"http://x/done","default_permissions":{"issues":"write","organization_self_hosted_runners":"write"},"default_events":["issue_comment"]}`)
	require.Equal(t, http.StatusFound, r.StatusCode, r.body)
	to, err := r.Location()
	require.NoError(t, err)
	assert.Equal(t, "s&t", to.Query().Get("state"))
	convert := "/app-manifests/" + to.Query().Get("code") + "/conversions"
	r = s.do(http.MethodPost, convert, "", "")
	require.Equal(t, http.StatusCreated, r.StatusCode, r.body)
	for _, secret := range []string{"pem", "client_secret", "webhook_secret"} {
		assert.Contains(t, s.Secrets(), r.get(secret))
	}
	assert.Equal(t, "fresh", r.get("slug"))
	assert.Equal(t, http.StatusNotFound, s.do(http.MethodPost, convert, "", "").StatusCode, "a code works once")

	// The installation's page, then its button.
	assert.Contains(t, s.get("/apps/fresh/installations/new", "").body, "<form")
	r = s.do(http.MethodPost, "/apps/fresh/installations/new", "", "org=acme", "Content-Type", "application/x-www-form-urlencoded")
	require.Equal(t, http.StatusSeeOther, r.StatusCode, r.body)
	to, err = r.Location()
	require.NoError(t, err)
	assert.Equal(t, "x", to.Host)
	assert.Equal(t, "/done", to.Path)
	assert.NotEmpty(t, to.Query().Get("installation_id"))
	assert.Equal(t, "install", to.Query().Get("setup_action"))
	assert.Len(t, state(s, func(st *ghsim.State) []*ghsim.Installation { return st.App("fresh").Installations }), 1)
}
