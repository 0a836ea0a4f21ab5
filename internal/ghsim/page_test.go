package ghsim_test

import (
	"bufio"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

const issuePath = "/acme/runner-admin/issues/1"

func TestPages(t *testing.T) {
	s := newSim(t)
	tests := []struct {
		name, path string
		want       int
		contains   string
	}{
		{"index", "/", 200, "acme/runner-admin#1"},
		{"issue", issuePath, 200, "team:platform"},
		{"pull request", "/acme/runner-admin/pull/2", 200, "A change"},
		{"issues of a repository", "/acme/runner-admin/issues", 200, `href="/acme/runner-admin/issues/1"`},
		{"issues of no repository", "/acme/nope/issues", 404, "no such page"},
		{"no issue", "/acme/runner-admin/issues/99", 404, "no such page"},
		{"style", "/_sim/page.css", 200, "--page"},
		{"script", "/_sim/page.js", 200, "EventSource"},
		{"avatar", "/avatars/ada.svg", 200, ">A</text>"},
		{"avatar of an odd name", "/avatars/%3Cscript%3E.svg", 200, "&lt;</text>"},
		{"icon", "/favicon.ico", 200, "<svg"},
		{"install", "/apps/runner-manager/installations/new", 200, "organization_self_hosted_runners"},
		{"install nothing", "/apps/nope/installations/new", 404, "no such page"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := s.get(tt.path, "")
			assert.Equal(t, tt.want, r.StatusCode)
			assert.Contains(t, r.body, tt.contains)
			if strings.HasPrefix(r.Header.Get("Content-Type"), "text/html") {
				assert.Contains(t, r.Header.Get("Content-Security-Policy"), "default-src 'none'")
				assert.NotContains(t, r.body, "<script>", "no inline script")
				assert.NotContains(t, r.body, "https://", "no other host")
			}
		})
	}
	assert.Empty(t, s.Calls(), "pages are no calls of the API")
}

func TestWriteOnThePage(t *testing.T) {
	s := newSim(t)
	write := func(as, text string, header ...string) reply {
		form := url.Values{"as": {as}, "body": {text}}.Encode()
		return s.do(http.MethodPost, issuePath, "", form, append(header, "Content-Type", "application/x-www-form-urlencoded")...)
	}
	r := write("ada", "| a | b |\r\n|---|---|\r\n| 1 | 2 |\r\n\r\n<script>x</script> [y](javascript:z)")
	require.Equal(t, http.StatusSeeOther, r.StatusCode, r.body)
	assert.Contains(t, r.Header.Get("Location"), issuePath+"#issuecomment-")
	page := s.get(issuePath, "").body
	assert.Contains(t, page, "<td>1</td>")
	assert.NotContains(t, page, "<script>x")
	assert.NotContains(t, page, "javascript:")
	comments := s.Comments("acme", "runner-admin", 1)
	assert.Equal(t, "ada", comments[len(comments)-1].Author.Login)
	assert.NotContains(t, comments[len(comments)-1].Body, "\r")

	for name, r := range map[string]reply{
		"nobody":       write("nobody", "x"),
		"not a member": write("eve", "x"),
		"blank":        write("ada", "  "),
	} {
		assert.Equal(t, http.StatusUnprocessableEntity, r.StatusCode, name)
	}
	assert.Equal(t, http.StatusForbidden, write("ada", "x", "Sec-Fetch-Site", "cross-site").StatusCode)
}

// The page keeps what GitHub keeps of the HTML in answers, and nothing else.
func TestHTMLOnThePage(t *testing.T) {
	s := newSim(t)
	for _, text := range []string{
		"<details><summary>Runners &lt;b&gt;</summary>\n\n| a |\n| --- |\n| 1 |\n\n</details>",
		"<sub>@ada · `x`</sub> <b onclick=x>bold</b>",
		"<details open onclick=x><img src=x onerror=y>\n<script>x</script>\n<!-- hidden -->\n<style>y",
	} {
		_, err := s.Comment("acme", "runner-admin", 1, "ada", text)
		require.NoError(t, err)
	}
	page := s.get(issuePath, "").body
	assert.Contains(t, page, "<details><summary>Runners &lt;b&gt;</summary>")
	assert.Contains(t, page, "<sub>@ada · <code>x</code></sub>")
	for _, unsafe := range []string{"onclick", "onerror", "<script>x", "<style", "hidden -->"} {
		assert.NotContains(t, page, unsafe)
	}
}

func TestReactionsOnThePage(t *testing.T) {
	s := newSim(t)
	comment := state(s, func(st *ghsim.State) int64 { return st.Org("acme").Repo("runner-admin").Issue(1).Comments[0].ID })
	r := s.do(http.MethodPost, "/repos/acme/runner-admin/issues/comments/"+id(comment)+"/reactions", s.token(""), `{"content":"rocket"}`)
	require.Equal(t, http.StatusCreated, r.StatusCode)
	assert.Contains(t, s.get(issuePath, "").body, "🚀")
}

func TestLiveEvents(t *testing.T) {
	s := newSim(t)
	req, err := http.NewRequest(http.MethodGet, s.http.URL+issuePath+"/live", nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	next := func() string {
		for lines.Scan() {
			if lines.Text() != "" {
				return lines.Text()
			}
		}
		return "end"
	}
	first := next()
	assert.Regexp(t, `^data: \d+$`, first)
	_, err = s.Comment("acme", "runner-admin", 1, "ada", "hi")
	require.NoError(t, err)
	assert.NotEqual(t, first, next())
	s.Close()
	assert.Eventually(t, func() bool { return next() == "end" }, waitFor, tick)
}
