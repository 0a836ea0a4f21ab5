package server_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/config"
	"github.com/actions-runner-manager/actions-runner-manager/server"
)

// spelled are the lines of comments by ada, who maintains platform and web, with the reason
// for which their arguments are refused; "": they are not.
var spelled = []struct{ line, reason string }{
	{"repos-add api,web --team platform", ""},
	{"repos-add api, web --team=platform", ""},
	{"repos-add api web team=platform", ""},
	{"repos-add repos=api,web team=platform", ""},
	{"repos-add --repos api --repos web --team platform", ""},
	{`repos-add '["api","web"]' --team platform`, ""},
	{`repos-add ["api","web"] --team platform`, ""},
	{`repos-add ["api", "web"] --team platform`, ""},
	{`repos-add '["api"' --team platform`, "invalid_argument"},
	{`repos-add [api --team platform`, "invalid_argument"},
	{`repos-add '["api,web"]' --team platform`, "invalid_argument"},
	{`repos-add "api,web" --team 'platform'`, ""},
	{"repos-add “api,web” --team ‘platform’", ""},
	{"repos-add «api» —team platform", ""},
	{"repos-add api –team=platform", ""},
	{"repos-add api --Team platform", ""},
	{"repos-add api --team @acme/platform", ""},
	{"repos-add api --team @other/platform", "invalid_argument"},
	{"repos-add acme/api --team platform", ""},
	{"repos-add a/../b --team platform", "invalid_argument"},
	{"repos-add GITHUB/acme/api --team platform", ""},
	{"repos-add GITHUB/acme/api.git,GITHUB/acme/web/ --team platform", ""},
	{"repos-add GITHUB/acme/api/issues --team platform", "invalid_argument"},
	{"repos-add GITHUB/acme --team platform", "invalid_argument"},
	{"repos-add https://gitlab.example.com/acme/api --team platform", "invalid_argument"},
	{"repos-add api --team platform --team web", "invalid_argument"},
	{"repos-add api --team platform --team platform", ""},
	{"repos-add --team platform", "missing_argument"},
	{"repos-add , --team platform", "missing_argument"},
	{"repos-add '' --team platform", "missing_argument"},
	{"repos-add api --team", "missing_argument"},
	{"repos-add api -team platform", "unknown_argument"},
	{"repos-add api --tem platform", "unknown_argument"},
	{"repos-add api --team platform; rm", "invalid_argument"},
	{"repos-add $API --team platform", "invalid_argument"},
	{`repos-add "api --team platform`, "invalid_argument"},
	{"repos-add api\u200b --team platform", ""}, // what nobody sees is left out
	{"repos-add a\u200bpi --team platform", ""},
	{"repos-add\u00a0api --team platform", ""},
	{"Repos-Add api --team platform", ""},
	{"repos-add api,\nweb,\ndocs --team platform", ""},
	{"repos-add api,\nweb, --team\n", "missing_argument"},
	{"repos-add api \\\n--team platform", ""},
	{"repos-add api \\\n--tem platform", "unknown_argument"},
	{"repos-add api --team platform --yes=perhaps", "invalid_argument"},
	{"repos-add " + strings.Repeat("a,", 1_100) + " --team platform", ""},
	{"repos-add " + many("a", 1_001) + " --team platform", "invalid_argument"},
	{"repos-add " + strings.Repeat("a", 101) + " --team platform", "invalid_argument"},
	{"repos-set api --team platform --yes", ""},
	{"repos-set api --team platform", ""},
	{"group-list platform", ""},
	{"group-list platform --team platform", "invalid_argument"},
	{"group-list platform web", "unknown_argument"},
	{"group-list --team ''", ""},
	{"group-list --encrypted --team platform", "unknown_argument"},
	{"group-list x=y --team platform", "unknown_argument"},
	{"token-register --encrypted platform", ""},
	{"token-jit b1 --labels gpu,x64 --team platform", ""},
	{"token-jit b1 --labels 'gpu, x 64' --team platform", ""},
	{"token-jit b1 --labels '-x' --team platform", "invalid_argument"},
	{"token-jit b_1/2 --team platform", "invalid_argument"},
	{"token-jit b1 b2 --team platform", "unknown_argument"},
	{"runners-remove --team platform", "missing_argument"},
	{"runners-remove b1 --offline --team platform", "invalid_argument"},
	{"runners-remove --offline=perhaps --team platform", "invalid_argument"},
	{"runners-label b1 --team platform", "missing_argument"},
	{"runners-label --add gpu --team platform", "missing_argument"},
	{"runners-label b1 --set --team platform", "missing_argument"},
	{"runners-label b1 --set '' --team platform", ""},
	{"runners-label b1 --set a --add b --team platform", "invalid_argument"},
	{"runners-label b1 --add gpu,Self-Hosted --team platform", "invalid_argument"},
	{"runners-list platform --label gpu --offline", ""},
	{"repo-runners acme/api --labels gpu,large", ""},
	{"repo-runners", "missing_argument"},
	{"repo-runners api web", "unknown_argument"},
	{"runners-transfer b1 --team platform --to platform", "invalid_argument"},
	{"runners-transfer b1 --team platform --to Platform", "invalid_argument"},
	{"runners-transfer b1 --to platform", ""}, // the team may be another one
	{"runners-transfer b1 --team platform", "missing_argument"},
	{"group-delete --move-runners-to platform platform", "invalid_argument"},
	{"workflows-set --team platform", "missing_argument"},
	{"workflows-set '' --team platform", ""},
	{"workflows-set ci.yml --team platform", "invalid_argument"},
	{"audit-list platform --limit 1001", "invalid_argument"},
	{"audit-list platform --command repo-add", "invalid_argument"},
	{"audit-list platform --since 7d --before 2999-01-01 --changes --by ada", ""},
	{"whoami platform,web", ""},
	{"whoami 'plat form'", "invalid_argument"},
	{"groups-list ../x", "invalid_argument"},
	{"groups-list " + many("t", 101), "invalid_argument"},
	{"help repos-add", ""},
	{"help repo-add", "unknown_command"},
	{"help --nonsense", "unknown_argument"},
	{"repo-add api", "unknown_command"},
	{"", ""},
	{"--help", ""},
}

// many returns a list of n names.
func many(name string, n int) string {
	var names []string
	for i := range n {
		names = append(names, fmt.Sprint(name, i))
	}
	return strings.Join(names, ",")
}

var reasonShape = regexp.MustCompile("· `([a-z]+_[a-z_]+|policy|internal|busy|unavailable)`")

// What the subcommand parse says of a line is what the server does with it.
func TestParseIsWhatTheServerDoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=web")
	ofArguments := []string{"invalid_argument", "missing_argument", "unknown_argument", "unknown_command"}
	configured := config.Config{Org: "acme"}
	configured.GitHub.URL = w.hubURL
	for _, test := range spelled {
		comment := "Hello,\n/runner-group " + strings.ReplaceAll(test.line, "GITHUB", w.hubURL) + "\nthanks"
		found := server.Explain(&configured, comment)
		require.Len(t, found, 1, test.line)
		assert.Equal(t, test.reason, string(found[0].Reason), "parse: %s: %s", test.line, found[0].Error)
		unnamed := server.Explain(&config.Config{GitHub: configured.GitHub}, comment)
		if !strings.Contains(test.line, "@other/") { // which may be the organization
			assert.Equal(t, test.reason, string(unnamed[0].Reason), "parse without an organization: %s", test.line)
		}
		replies, reaction := w.say("ada", 2, comment)
		require.NotEmpty(t, replies, test.line)
		reason := ""
		if match := reasonShape.FindStringSubmatch(replies[len(replies)-1]); len(match) == 2 && slices.Contains(ofArguments, match[1]) {
			reason = match[1]
			assert.Equal(t, "confused", reaction, test.line)
		}
		assert.Equal(t, test.reason, reason, "server: %s: %s", test.line, replies)
	}
}

// The word after the slash is that of the configuration, for both.
func TestParseOfTrigger(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme(), "CHATOPS_TRIGGER=arm")
	configured := config.Config{Org: "acme", Chatops: config.Chatops{Trigger: "arm"}}
	const comment = "/runner-group help\n/arm repo-add api\n/Arm whoami"
	found := server.Explain(&configured, comment)
	require.Len(t, found, 2)
	assert.Equal(t, "unknown_command", string(found[0].Reason))
	replies, _ := w.say("ada", 2, comment)
	require.Len(t, replies, 1)
	assert.Equal(t, 1, strings.Count(replies[0], "❌"))
	assert.Equal(t, 1, strings.Count(replies[0], "✅"))
}

// The commands after the tenth are refused by both, whatever they are.
func TestParseOfTooManyCommands(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	comment := strings.Repeat("/runner-group help\n", 10) + "/runner-group repos-add a;b\n"
	found := server.Explain(&config.Config{Org: "acme"}, comment)
	require.Len(t, found, 11)
	assert.Equal(t, "policy", string(found[10].Reason))
	replies, _ := w.say("ada", 2, comment)
	assert.Contains(t, replies[0], "· `policy`")
}
