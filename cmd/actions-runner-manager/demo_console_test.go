package main

import (
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestDemoConsole signs in as each of the simulated people, as the guide says, and adds a runner.
func TestDemoConsole(t *testing.T) {
	d := start(t, nil, demoArgs()...)
	guide := d.out.String()
	console := regexp.MustCompile(`(?m)^    (http://\S+/console)$`).FindStringSubmatch(guide)[1]
	machine := regexp.MustCompile(`(?m)^    (http://\S+/machine)$`).FindStringSubmatch(guide)[1]
	found := regexp.MustCompile(`(\w+) maintains the team (\w+), whose group has the most runners`).FindStringSubmatch(guide)
	require.Equal(t, []string{"carol", "mobile"}, found[1:])
	require.Contains(t, guide, "olga owns acme, and sees all groups.")

	_, people := newBrowser(t).get(signInLink(t, console))
	choices := regexp.MustCompile(`login=(\w+)`).FindAllStringSubmatch(people, -1)
	require.Len(t, choices, 6, people)
	for _, choice := range choices {
		status, page := signInAs(t, console, choice[1]).get(console)
		assert.Equal(t, http.StatusOK, status, page)
		assert.Contains(t, page, "<h1>My groups</h1>")
		assert.Contains(t, page, choice[1])
	}
	status, page := signInAs(t, console, "olga").get(console + "/all")
	assert.Equal(t, http.StatusOK, status, page)

	carol := signInAs(t, console, found[1])
	status, page = carol.get(console + "/acme/" + found[2])
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, page, "Runners (20)")
	_, page = carol.get(console + "/acme/mobile?range=30d")
	gaps := regexp.MustCompile(`No data [^<]*`).FindAllString(page, -1)
	require.NotEmpty(t, gaps)
	assert.LessOrEqual(t, strings.Count(gaps[0], " to "), 2, "the month is in the chart: %s", gaps[0])
	assert.NotContains(t, gaps[0], "before")
	_, page = carol.post(console+"/acme/mobile/add-runner", url.Values{"kind": {"permanent"}, "os": {"linux"}, "name": {"build-7"}})
	lines := regexp.MustCompile(`(?s)<pre[^>]*><code>(.*?)</code>`).FindStringSubmatch(page)
	require.NotNil(t, lines, page)
	live := regexp.MustCompile(`data-live="([^"]+)"`).FindStringSubmatch(page)
	require.NotNil(t, live, page)
	_, page = carol.post(machine, url.Values{"lines": {html.UnescapeString(lines[1])}})
	require.Contains(t, page, "Connected to GitHub")
	require.Eventually(t, func() bool {
		_, part := carol.get(strings.TrimSuffix(console, "/console") + html.UnescapeString(live[1]))
		return strings.Contains(part, "Runner build-7 is online")
	}, 30*time.Second, 200*time.Millisecond)
	assert.Equal(t, 0, d.end())
}

// A browser keeps cookies.
type browser struct {
	t      *testing.T
	client http.Client
	last   *url.URL // where it is
}

func newBrowser(t *testing.T) *browser {
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	return &browser{t: t, client: http.Client{Jar: jar, Timeout: 20 * time.Second}}
}

// signInLink is what the page asks somebody to follow who is not signed in.
func signInLink(t *testing.T, console string) string {
	t.Helper()
	status, page := newBrowser(t).get(console)
	require.Equal(t, http.StatusUnauthorized, status)
	link := regexp.MustCompile(`href="(/console/signin[^"]*)"`).FindStringSubmatch(page)
	require.NotNil(t, link, page)
	return strings.TrimSuffix(console, "/console") + html.UnescapeString(link[1])
}

func signInAs(t *testing.T, console, login string) *browser {
	t.Helper()
	b := newBrowser(t)
	_, people := b.get(signInLink(t, console))
	link := regexp.MustCompile(`href="([^"]*login=` + login + `[^"]*)"`).FindStringSubmatch(people)
	require.NotNil(t, link, people)
	b.get(b.last.Scheme + "://" + b.last.Host + html.UnescapeString(link[1]))
	return b
}

func (b *browser) get(address string) (int, string) {
	b.t.Helper()
	return b.send(http.MethodGet, address, "")
}

func (b *browser) post(address string, form url.Values) (int, string) {
	b.t.Helper()
	return b.send(http.MethodPost, address, form.Encode())
}

func (b *browser) send(method, address, body string) (int, string) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, address, strings.NewReader(body))
	require.NoError(b.t, err)
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := b.client.Do(req)
	require.NoError(b.t, err)
	defer resp.Body.Close()
	b.last = resp.Request.URL
	page, err := io.ReadAll(resp.Body)
	require.NoError(b.t, err)
	return resp.StatusCode, string(page)
}
