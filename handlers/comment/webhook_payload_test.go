package comment

import (
	"context"
	"crypto/hmac"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/costtest"
)

// contractPayload reads one of GitHub's own example payloads.
func contractPayload(tb testing.TB, name string) []byte {
	tb.Helper()
	dir := os.Getenv("GITHUB_CONTRACT_DIR")
	if dir == "" {
		tb.Skip("SKIPPED: GITHUB_CONTRACT_DIR is not set, so nothing is checked against GitHub's own payloads; `make contract` fetches them")
	}
	body, err := os.ReadFile(filepath.Join(dir, "webhooks", name))
	require.NoError(tb, err)
	return body
}

func TestWebhookOnGitHubsPayloads(t *testing.T) {
	for _, file := range []string{"issue_comment.created.with-installation.json", "issue_comment.created.on-pr.slash-command.json"} {
		t.Run(file, func(t *testing.T) {
			var event map[string]any
			require.NoError(t, json.Unmarshal(contractPayload(t, file), &event))
			text := "/runner-group group-list"
			in(event, "comment.body", text)
			body, err := json.Marshal(event)
			require.NoError(t, err)
			var repo struct {
				Repository struct {
					ID    int64
					Name  string
					Owner struct{ Login string }
				}
				Installation struct{ ID int64 }
				Comment      struct {
					ID   int64
					User Author
				}
			}
			require.NoError(t, json.Unmarshal(body, &repo))
			var got []Comment
			h := NewWebhook(WebhookOptions{
				Secrets: func() []string { return []string{hookSecret} },
				Orgs: []WebhookOrg{{
					Org: repo.Repository.Owner.Login, AdminRepo: repo.Repository.Name,
					InstallationID: func() int64 { return repo.Installation.ID },
				}},
				Accept: func(_ context.Context, _ string, c Comment) (bool, error) { got = append(got, c); return true, nil },
			})
			w := httptest.NewRecorder()
			h.ServeHTTP(w, delivery("issue_comment", body))
			require.Equal(t, 200, w.Code)
			require.Len(t, got, 1)
			assert.Equal(t, repo.Comment.ID, got[0].CommentID)
			assert.Equal(t, repo.Comment.User, got[0].Author)
			assert.Equal(t, repo.Repository.ID, got[0].RepoID)
			assert.Equal(t, text, got[0].Lines[0].Text)
			assert.False(t, got[0].CreatedAt.IsZero())
		})
	}
}

func TestWebhookIgnoresGitHubsOtherPayloads(t *testing.T) {
	contractPayload(t, "ping.json")
	files, err := filepath.Glob(filepath.Join(os.Getenv("GITHUB_CONTRACT_DIR"), "webhooks", "*.json"))
	require.NoError(t, err)
	for _, file := range files {
		event, _, _ := strings.Cut(filepath.Base(file), ".")
		body, err := os.ReadFile(file)
		require.NoError(t, err)
		h := newHook()
		w := httptest.NewRecorder()
		h.handler().ServeHTTP(w, delivery(event, body))
		assert.Equal(t, 200, w.Code, file)
		assert.Equal(t, []string{OutcomeIgnored}, h.outcomes, file)
	}
}

// BenchmarkIgnoredWebhook shows what a delivery costs that is none of ours, beside
// a handler that does nothing but check the signature.
func BenchmarkIgnoredWebhook(b *testing.B) {
	filler := strings.Repeat(`"https://api.github.com/repos/acme/web/issues/1",`, 300) // 15 kB, as real ones
	body := commentEvent(func(event map[string]any) {
		in(event, "comment.body", "Thanks \u003cb\u003e")
		in(event, "repository.urls", filler)
	})
	bare := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent, err := io.ReadAll(r.Body)
		if err != nil || !hmac.Equal([]byte(sign(hookSecret, sent)), []byte(r.Header.Get("X-Hub-Signature-256"))) {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	hook := newHook()
	ours := NewWebhook(WebhookOptions{Secrets: func() []string { return hook.secrets }})
	for name, handler := range map[string]http.Handler{"bare": bare, "ours": ours} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			for range b.N {
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, delivery("issue_comment", body))
				if w.Code != http.StatusOK {
					b.Fatal(w.Code)
				}
			}
		})
	}
}

func FuzzWebhookPayload(f *testing.F) {
	f.Add(commentEvent(nil))
	f.Add([]byte(`{"action":"created","comment":{"body":"/runner-group"},"issue":{"labels":[null]}}`))
	f.Add([]byte(`{"a":"\u0072unner"`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var w *httptest.ResponseRecorder
		costtest.Bounded(t, len(body), func() {
			w = httptest.NewRecorder()
			newHook().handler().ServeHTTP(w, delivery("issue_comment", body))
		})
		assert.Contains(t, []int{200, 400}, w.Code)
	})
}
