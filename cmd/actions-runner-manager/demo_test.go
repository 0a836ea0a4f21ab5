package main

import (
	"context"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age/agessh"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func demoArgs(more ...string) []string {
	return append([]string{"demo", "--port", "0", "--github-port", "0"}, more...)
}

// TestDemo does what the demo shows a newcomer, word for word.
func TestDemo(t *testing.T) {
	d := start(t, nil, demoArgs()...)
	guide := d.out.String()
	issue := regexp.MustCompile(`http://\S+/issues/1`).FindString(guide)
	require.NotEmpty(t, issue, guide)
	require.Contains(t, guide, "    /runner-group repos-add api,web\n")

	status, _ := send(t, http.MethodPost, issue, nil, url.Values{"as": {"ada"}, "body": {"/runner-group repos-add api,web"}})
	require.Equal(t, http.StatusOK, status)
	require.Eventually(t, func() bool {
		_, page := send(t, http.MethodGet, issue, nil, nil)
		return strings.Contains(page, "Added ") && strings.Contains(page, "🚀")
	}, 20*time.Second, 50*time.Millisecond, "the bot does not answer")

	got := map[string]curled{}
	for _, line := range curlLines(guide) {
		got[line.name] = line.run(t)
	}
	require.Len(t, got, 5, guide)
	assert.Contains(t, got["ada whoami"].body, `"teams":["platform"]`)
	assert.Contains(t, got["ada group-list"].body, `"repos":["api","web"]`, "curl does not see what the comment did")
	assert.Equal(t, http.StatusOK, got["ada repos-add"].status, got["ada repos-add"].body)
	assert.Contains(t, got["ada token-jit"].body, "encoded_jit_config")
	assert.Equal(t, http.StatusForbidden, got["mallory repos-add"].status)
	assert.Contains(t, got["mallory repos-add"].body, "not_maintainer")

	require.Contains(t, guide, "    /runner-group token-jit build-1\n")
	_, _ = send(t, http.MethodPost, issue, nil, url.Values{"as": {"ada"}, "body": {"/runner-group token-jit build-1"}})
	require.Eventually(t, func() bool {
		_, page := send(t, http.MethodGet, issue, nil, nil)
		return strings.Contains(page, "BEGIN AGE ENCRYPTED FILE")
	}, 20*time.Second, 50*time.Millisecond, "the configuration is not encrypted")
	key, err := os.ReadFile(regexp.MustCompile(`age -d -i (\S+) <<`).FindStringSubmatch(guide)[1])
	require.NoError(t, err)
	_, err = agessh.ParseIdentity(key)
	require.NoError(t, err)

	operate(t, guide, issue)
	watched(t, guide)
	_, page := send(t, http.MethodGet, issue, nil, nil)
	require.Contains(t, guide, "    actions-runner-manager demo decrypt\n")
	pasted := regexp.MustCompile(`(?s)-----BEGIN AGE.*END AGE ENCRYPTED FILE-----`).FindString(html.UnescapeString(page))
	decrypted := doWith(t, nil, "age -d <<'EOF'\r\n"+pasted+"\nEOF\n", "demo", "decrypt")
	assert.Equal(t, exitFine, decrypted.status, decrypted.stderr)
	assert.Contains(t, decrypted.stdout, "./run.sh --jitconfig ")
	assert.Contains(t, page, "demo-runner")
	assert.Equal(t, 0, d.end())
	assert.NotContains(t, strings.TrimPrefix(d.out.String(), guide), "{", "the demo's log is quiet")
}

// TestDemoLife watches runners that live an hour in a second: they get the newest release.
func TestDemoLife(t *testing.T) {
	d := start(t, nil, demoArgs("--speed", "3600")...)
	lines := curlLines(d.out.String())
	list := lines[slices.IndexFunc(lines, func(l curlLine) bool { return l.name == "ada group-list" })]
	require.Eventually(t, func() bool { return strings.Contains(list.run(t).body, `"version":"2.324.0"`) }, 20*time.Second, 50*time.Millisecond)
	assert.Equal(t, 0, d.end())

	refused := do(t, nil, demoArgs("--speed", "-1")...)
	assert.Equal(t, exitUsage, refused.status)
	assert.Contains(t, refused.stderr, "--speed")
}

// TestDemoSetup goes from no App to a served command, as the guide says.
func TestDemoSetup(t *testing.T) {
	d := start(t, nil, demoArgs("--setup")...)
	guide := d.out.String()
	lines := curlLines(guide)
	require.Len(t, lines, 5, guide)
	assert.Equal(t, http.StatusServiceUnavailable, lines[0].run(t).status, "there is an App already")
	found := func(pattern, text string) string {
		match := regexp.MustCompile(pattern).FindStringSubmatch(text)
		require.NotNil(t, match, "%s in %s", pattern, text)
		return html.UnescapeString(match[len(match)-1])
	}

	status, page := send(t, http.MethodGet, found(`(?m)^    (http://\S+/setup\?token=\S+)$`, guide), nil, nil)
	require.Equal(t, http.StatusOK, status, page)
	file := found(`keeps its key in (\S+)`, guide)
	assert.Contains(t, page, file)
	form := url.Values{"manifest": {found(`name="manifest" value="([^"]+)"`, page)}}
	status, page = send(t, http.MethodPost, found(`<form method="post" action="([^"]+)"`, page), nil, form)
	require.Equal(t, http.StatusOK, status, page)
	written, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Contains(t, string(written), "BEGIN RSA PRIVATE KEY")
	status, page = send(t, http.MethodPost, found(`href="([^"]+/installations/new)"`, page), nil, url.Values{"org": {"acme"}})
	require.Equal(t, http.StatusOK, status, page)

	issue := found(`http://\S+/issues/1`, guide)
	for _, comment := range []struct{ who, command, answer string }{
		{"olga", "/runner-group group-adopt platform", "🚀"},
		{"ada", "/runner-group repos-add api,web", "Added "},
	} {
		require.Contains(t, guide, "    "+comment.command+"\n")
		_, _ = send(t, http.MethodPost, issue, nil, url.Values{"as": {comment.who}, "body": {comment.command}})
		require.Eventually(t, func() bool {
			_, page := send(t, http.MethodGet, issue, nil, nil)
			return strings.Contains(page, comment.answer)
		}, 20*time.Second, 50*time.Millisecond, "the bot does not answer %s", comment.command)
	}
	for i, want := range []int{200, 200, 200, 200, 403} {
		got := lines[i].run(t)
		assert.Equal(t, want, got.status, "%s: %s", lines[i].name, got.body)
	}
	status, page = signInAs(t, found(`(?m)^    (http://\S+/console)$`, guide), "ada").get(found(`(?m)^    (http://\S+/console)$`, guide))
	assert.Equal(t, http.StatusOK, status, page)
	assert.Contains(t, page, "platform")
	operate(t, guide, issue)
}

// operate calls what the guide shows to an operator: nothing is wrong, although the server
// listens on a free port, and the sample is answered.
func operate(t *testing.T, guide, issue string) {
	t.Helper()
	calls := map[string]call{}
	for _, line := range regexp.MustCompile(`(?m)^    actions-runner-manager (doctor|replay) (.+)$`).FindAllStringSubmatch(guide, -1) {
		calls[line[1]] = do(t, nil, append(line[1:2], strings.Fields(line[2])...)...)
		if line[1] == "doctor" {
			file := line[2]
			calls["healthcheck"] = do(t, nil, append([]string{"healthcheck"}, strings.Fields(file)...)...)
			calls["print"] = do(t, nil, append([]string{"replay", "--sample", "--print"}, strings.Fields(file)...)...)
		}
	}
	require.Len(t, calls, 4, guide)
	for name, got := range calls {
		assert.Equal(t, exitFine, got.status, "%s: %s%s", name, got.stdout, got.stderr)
	}
	assert.NotContains(t, calls["doctor"].stdout, "FAIL")
	assert.Contains(t, calls["doctor"].stdout, "ok    webhook: GitHub sends signed webhooks to http://127.0.0.1:")
	assert.Contains(t, calls["replay"].stdout, "accepted")
	assert.True(t, json.Valid([]byte(calls["print"].stdout)), calls["print"].stdout)
	require.Eventually(t, func() bool {
		_, page := send(t, http.MethodGet, issue, nil, nil)
		return strings.Contains(page, "ghost")
	}, 20*time.Second, 50*time.Millisecond, "the sample is not answered")
}

// watched calls the guide's fleet, once: the demo polls its group.
func watched(t *testing.T, guide string) {
	t.Helper()
	line := regexp.MustCompile(`(?m)^    actions-runner-manager fleet --watch (--config \S+)$`).FindStringSubmatch(guide)
	require.NotNil(t, line, guide)
	require.Eventually(t, func() bool {
		got := do(t, nil, append([]string{"fleet", "--json"}, strings.Fields(line[1])...)...)
		require.Equal(t, exitFine, got.status, got.stderr)
		var rows []fleetRow
		require.NoError(t, json.Unmarshal([]byte(got.stdout), &rows))
		i := slices.IndexFunc(rows, func(r fleetRow) bool { return r.Team == "platform" })
		return i >= 0 && rows[i].PolledAt != nil && rows[i].Idle+rows[i].Busy+rows[i].Offline >= 2
	}, 30*time.Second, 100*time.Millisecond, "the demo does not poll")
}

// A curlLine is a call that the guide prints.
type curlLine struct{ name, method, token, url string }

type curled struct {
	status int
	body   string
}

func curlLines(guide string) []curlLine {
	shape := regexp.MustCompile(`(?m)^    curl (?:-X (\w+) )?-H "Authorization: Bearer (\S+)" "([^"]+)"$`)
	var lines []curlLine
	for _, m := range shape.FindAllStringSubmatch(guide, -1) {
		who := "ada"
		if strings.Contains(m[2], "mallory") {
			who = "mallory"
		}
		u, err := url.Parse(m[3])
		if err != nil {
			continue
		}
		method := m[1]
		if method == "" {
			method = http.MethodGet
		}
		lines = append(lines, curlLine{who + " " + strings.TrimPrefix(u.Path, "/api/v1/"), method, m[2], m[3]})
	}
	return lines
}

func (l curlLine) run(t *testing.T) curled {
	t.Helper()
	status, body := send(t, l.method, l.url, http.Header{"Authorization": {"Bearer " + l.token}}, nil)
	assert.True(t, json.Valid([]byte(body)), body)
	return curled{status, body}
}

func send(t *testing.T, method, target string, header http.Header, form url.Values) (int, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, target, strings.NewReader(form.Encode()))
	require.NoError(t, err)
	if header != nil {
		req.Header = header
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(body)
}

func TestDemoScenario(t *testing.T) {
	small := configFile(t, `
organizations:
  - login: globex
    repositories:
      - {name: ops, issues: [{title: Runners}]}
      - name: app
    teams:
      - {name: Core Team, maintainers: [eve], repositories: {app: admin}}
    runnerGroups: [{name: core-team}]
apps:
  - {name: My App, installations: [{org: globex}]}
`)
	d := start(t, nil, demoArgs("--scenario", small)...)
	assert.Contains(t, d.out.String(), "/globex/ops/issues/1")
	assert.Contains(t, d.out.String(), "/runner-group repos-add app")
	assert.Contains(t, curlLines(d.out.String())[1].run(t).body, `"name":"core-team"`)

	for text, want := range map[string]string{
		"organizations: [{login: x}]": "no App that is installed",
		"organisations: []":           "line 1: organisations: is not a key here; docs/scenario.md has the format",
	} {
		got := do(t, nil, demoArgs("--scenario", configFile(t, text))...)
		assert.Equal(t, 1, got.status)
		assert.Contains(t, got.stderr, want)
	}
	got := do(t, nil, demoArgs("--scenario", "/nowhere.yml")...)
	assert.Equal(t, 1, got.status)
	assert.Contains(t, got.stderr, "--scenario: open /nowhere.yml")
}

func TestDemoLeavesNothing(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	d := start(t, nil, demoArgs("--verbose")...)
	assert.Contains(t, d.out.String(), `"level":"info"`)
	assert.Equal(t, 0, d.end())
	left, err := os.ReadDir(os.TempDir())
	require.NoError(t, err)
	assert.Empty(t, left)
}
