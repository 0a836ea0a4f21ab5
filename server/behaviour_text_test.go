package server_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// weird returns texts that are not valid names.
func weird() map[string]string {
	return map[string]string{
		"a path":                  "x/../../y",
		"an encoded path":         "x%2f..%2fy",
		"twice encoded":           "%252e%252e%252f",
		"dots":                    "..",
		"one dot":                 ".",
		"a slash before":          "/platform",
		"a slash behind":          "platform/",
		"a query":                 "platform?role=all",
		"a fragment":              "platform#x",
		"an ampersand":            "platform&team=web",
		"a backslash":             `a\b`,
		"NUL":                     "plat\x00form",
		"a line break":            "plat\nform",
		"a carriage return":       "plat\rform",
		"Cyrillic a":              "pl\u0430tform",
		"full width":              "ｐｌａｔｆｏｒｍ",
		"zero width":              "plat\u200bform",
		"right to left":           "plat\u202eform",
		"accents, decomposed":     "plate\u0301form",
		"an emoji":                "🚀",
		"a semicolon":             "a;b",
		"markup":                  "<img src=x onerror=alert(1)>",
		"a mention":               "@everybody/all",
		"another organization's":  "other/platform",
		"three parts":             "acme/platform/x",
		"a template":              "{team}",
		"quotes":                  `"'` + "`",
		"SQL":                     "x' OR '1'='1",
		"10,000 characters":       strings.Repeat("a", 10_000),
		"10,001 characters":       strings.Repeat("a", 10_001),
		"10,000 wide characters":  strings.Repeat("界", 10_000),
		"10,000 slashes":          strings.Repeat("/", 10_000),
		"10,000 times up":         strings.Repeat("../", 3_333),
		"invalid UTF-8":           "plat\xffform",
		"only invisible":          "\u200b",
		"a star":                  "*",
		"an array that is broken": `["api"`,
		"an object":               `{"a":1}`,
		"nested":                  `[["api"]]`,
	}
}

// An invalid name gets a clear refusal in every argument, and never becomes a path on
// GitHub; the world checks that.
func TestWeirdTexts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.ok("ghp_ada", "POST /api/v1/group-create?team=web")
	w.hub.Update(org(func(o *ghsim.Org) {
		o.Runners = append(o.Runners, &ghsim.Runner{ID: 900, GroupID: o.Group("platform").ID, Name: "r1", OS: "linux", Status: "online"})
	}))
	w.ok("ghp_ada", "PATCH /api/v1/repos-add?team=platform&repos=api")
	w.hub.ResetCalls()
	for name, text := range weird() {
		t.Run(name, func(t *testing.T) {
			w := w.in(t)
			ask := func(token, command string, pairs ...string) answer {
				if q := query(pairs...); len(q) < 40_000 {
					return w.call(token, "POST /api/v1/"+command+q)
				}
				values := map[string]string{}
				for i := 0; i < len(pairs); i += 2 {
					values[pairs[i]] = pairs[i+1]
				}
				data, err := json.Marshal(values)
				require.NoError(t, err)
				return w.call(token, "POST /api/v1/"+command, string(data), "application/json")
			}
			for _, a := range []answer{
				ask("ghp_ada", "group-list", "team", text),
				ask("ghp_ada", "group-create", "team", text),
				ask("ghp_ada", "whoami", "team", text),
				ask("ghp_ada", "audit-list", "team", text),
				ask("ghp_ada", "repos-add", "team", "platform", "repos", text),
				ask("ghp_ada", "repos-set", "team", "platform", "repos", text),
				ask("ghp_ada", "runners-transfer", "team", "platform", "runners", text, "to", "web"),
				ask("ghp_ada", "runners-transfer", "team", "platform", "runners", "r1", "to", text),
				ask("ghp_ada", "group-delete", "team", "platform", "move-runners-to", text),
				ask("ghp_ada", "runners-remove", "team", "platform", "runners", text),
				ask("ghp_ada", "workflows-set", "team", "platform", "workflows", text),
				ask("ghp_olga", "group-adopt", "team", "platform", "group", text),
				ask("ghp_olga", "group-adopt", "team", text, "group", "legacy"),
				ask("ghp_olga", "group-release", "team", text),
				ask("ghp_ada", "audit-list", "team", "platform", "since", text),
			} {
				assert.Contains(t, []int{400, 403, 404}, a.Code, clip(a.text))
				assert.NotEmpty(t, a.Error)
				assert.Less(t, len(a.Error), 2000, "the error does not repeat 10,000 characters")
			}
			for _, a := range []answer{
				ask("ghp_ada", "repos-remove", "team", "platform", "repos", text),
				ask("ghp_ada", "token-jit", "team", "platform", "name", text+"/"),
				ask("ghp_ada", "token-jit", "team", "platform", "name", "j", "work-folder", "/"+text),
				ask("", "help", "command", text),
			} {
				assert.Less(t, a.Code, 500, clip(a.text))
			}
			assert.Contains(t, []int{400, 401, 429}, w.callStatus(text), "as a token")
		})
	}
	assert.Empty(t, w.writes(), "nothing was changed")
	assert.Equal(t, []string{"api"}, w.repos("platform"))
}

// callStatus sends text as the token, if a header can contain it.
func (w *world) callStatus(text string) int {
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.url+"/api/v1/whoami", nil)
	require.NoError(w.t, err)
	req.Header.Set("Authorization", text)
	res, err := w.client.Do(req)
	if err != nil {
		return 400 // the client refused to send it
	}
	defer res.Body.Close()
	return res.StatusCode
}

func clip(text string) string { return text[:min(len(text), 500)] }

// The same in comments: one comment with every text that fits on a line.
func TestWeirdComments(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.hub.ResetCalls()
	for name, text := range weird() {
		if strings.ContainsRune(text, 0) || !utf8.ValidString(text) {
			continue // no comment holds these
		}
		t.Run(name, func(t *testing.T) {
			quoted := "'" + strings.ReplaceAll(text, "'", "") + "'"
			lines := []string{
				"/runner-group group-list --team " + quoted, "/runner-group repos-add --team platform " + quoted,
				"/runner-group runners-remove --yes --team platform --runners " + quoted, "/runner-group " + quoted,
				"/runner-group group-list --" + text,
			}
			replies, reaction := w.in(t).say("ada", 2, strings.Join(lines, "\n"))
			assert.Equal(t, "confused", reaction)
			require.Len(t, replies, 1)
			outside := regexp.MustCompile("`[^`\n]*`").ReplaceAllString(replies[0], "")
			assert.NotContains(t, outside, "@everybody", "nobody is called")
			assert.NotContains(t, outside, "<img")
		})
	}
	assert.Empty(t, w.writes())
}

// Over REST, an unknown command is answered with what was probably meant, which does no more
// than what was typed.
func TestSuggestionsOverREST(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	for request, want := range map[string]string{
		"GET /api/v1/repos-list":               "Unknown command `repos-list`. Did you mean `group-list`?",
		"GET /api/v1/help?command=repos-list":  "Unknown command `repos-list`. Did you mean `group-list`?",
		"PATCH /api/v1/repos/add?repos=api":    "Did you mean `repos-add`?",
		"DELETE /api/v1/repo-delete?repos=api": "Did you mean `repos-remove`?",
		"POST /api/v1/group-rename":            "Unknown command `group-rename`. No command renames a runner group.",
	} {
		a := w.refused(404, "unknown_command", "ghp_ada", request)
		assert.Contains(t, a.Error, want, request)
		assert.NotContains(t, a.Error, "repos-set")
	}
}

// Paths that only resemble a command are not found.
func TestWeirdPaths(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	for _, path := range []string{
		"/api/v1/", "/api/v1", "/api/v1/help/", "/api/v1//help", "/api/v1/../v1/help", "/api/v1/%68elp", "/api/v1/help%2f", "/api/v1/HELP", "/api/v1/help%00",
		"/api/v1/./help", "/api//v1/help", "/api/v1/x/../help", "/api/v1/" + strings.Repeat("a", 5000), "/api/v1/group-create%2f..%2fhelp", "/api/v1/%2e%2e/livez",
	} {
		a := w.call("ghp_ada", "GET "+path)
		assert.Equal(t, "unknown_command", a.Reason, path)
		assert.Equal(t, 404, a.Code, path)
	}
}
