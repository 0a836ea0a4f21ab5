package server_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// A refused request causes no call to the runner-group API.
func TestRefusedBeforeRunnerGroups(t *testing.T) {
	t.Parallel()
	sc := acme()
	sc.Users = append(sc.Users,
		ghsim.UserSpec{Login: "ann", Tokens: []ghsim.TokenSpec{{Value: "ghu_ann", ClientID: "Iv1.other"}, {Value: "gho_ann", ClientID: "somebody-else"}}},
		ghsim.UserSpec{Login: "pia", Tokens: []ghsim.TokenSpec{{Value: "ghp_pia"}}})
	sc.Organizations[0].PendingMembers = []string{"pia"}
	w := newWorld(t, sc, "POLICY_TEAMS_DENY=denied*,web", "SERVER_UNKNOWN_TOKEN_RATE=1000")
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.hub.ResetCalls()

	steps := []step{
		{name: "no token", token: "none", request: "GET /api/v1/group-list?team=platform", want: "401 missing_token"},
		{name: "a token that GitHub does not know", token: "ghp_nobody", request: "GET /api/v1/group-list?team=platform", want: "401 bad_token"},
		{name: "the same again", token: "ghp_nobody", request: "GET /api/v1/group-list?team=platform", want: "401 bad_token"},
		{name: "a suspended user", token: "ghp_sam", request: "GET /api/v1/group-list?team=platform", want: "401 bad_token"},
		{name: "a bot", token: "ghp_robot", request: "GET /api/v1/group-list?team=platform", want: "401 bad_token"},
		{name: "Actions' own token", token: "Bearer ghs_abcdefghijklmnop", request: "GET /api/v1/group-list?team=platform", want: "401 bad_token"},
		{name: "another App's user token", token: "ghu_ann", request: "GET /api/v1/whoami", want: "401 bad_token"},
		{name: "a strange OAuth app's token", token: "gho_ann", request: "GET /api/v1/whoami", want: "401 bad_token"},
		{name: "Basic is no way", token: "Basic Z2hwX2FkYTp4", request: "GET /api/v1/whoami", want: "401 bad_token"},
		{name: "pending in the team", token: "ghp_pete", request: "GET /api/v1/group-list?team=platform", want: "403 not_maintainer"},
		{name: "outside", token: "ghp_eve", request: "GET /api/v1/group-list?team=platform", want: "403 not_maintainer"},
		{name: "pending in the organization", token: "ghp_pia", request: "GET /api/v1/whoami", want: "403 not_member"},
		{name: "outside, a command for members", token: "ghp_eve", request: "GET /api/v1/whoami", want: "403 not_member"},
		{name: "outside, another", token: "ghp_eve", request: "GET /api/v1/groups-list", want: "403 not_member"},
		{name: "of a child team", token: "ghp_kim", request: "GET /api/v1/group-list?team=platform", want: "403 not_maintainer"},
		{name: "an owner who does not maintain it", token: "ghp_olga", request: "GET /api/v1/group-list?team=platform", want: "403 not_maintainer"},
		{name: "a maintainer cannot adopt", request: "POST /api/v1/group-adopt?team=platform&group=legacy", want: "403 owner_only"},
		{name: "nor release", request: "PATCH /api/v1/group-release?team=platform", want: "403 owner_only"},
		{name: "no such team", request: "GET /api/v1/group-list?team=nowhere", want: "403 not_maintainer"},
		{name: "a secret team", request: "GET /api/v1/group-list?team=secret", want: "403 not_maintainer"},
		{name: "the second team is another's", request: "POST /api/v1/runners-transfer?team=platform&runners=r1&to=others", want: "403 not_maintainer"},
		{name: "so too for group-delete", request: "DELETE /api/v1/group-delete?team=platform&move-runners-to=others", want: "403 not_maintainer"},
		{name: "a transfer to itself", request: "POST /api/v1/runners-transfer?team=platform&runners=r1&to=PLATFORM", want: "400 invalid_argument"},
		{name: "no team", request: "GET /api/v1/group-list", want: "400 missing_argument"},
		{name: "an empty team", request: "GET /api/v1/group-list?team=", want: "400 missing_argument"},
		{name: "no repositories", request: "PATCH /api/v1/repos-add?team=platform", want: "400 missing_argument"},
		{name: "an empty list", request: "PATCH /api/v1/repos-set?team=platform&repos=,%20,", want: "400 missing_argument"},
		{name: "no workflows at all", request: "PATCH /api/v1/workflows-set?team=platform", want: "400 missing_argument"},
		{name: "no runners", request: "DELETE /api/v1/runners-remove?team=platform", want: "400 missing_argument"},
		{name: "names and offline", request: "DELETE /api/v1/runners-remove?team=platform&runners=a&offline", want: "400 invalid_argument"},
		{name: "an unknown argument", request: "GET /api/v1/group-list?team=platform&colour=red", want: "400 unknown_argument"},
		{name: "org, if only one is served", request: "GET /api/v1/group-list?team=platform&org=acme", want: "400 unknown_argument"},
		{name: "a bad name of a runner", request: "POST /api/v1/token-jit?team=platform&name=a/b", want: "400 invalid_argument"},
		{name: "a bad folder", request: "POST /api/v1/token-jit?team=platform&name=a&work-folder=../x", want: "400 invalid_argument"},
		{name: "a bad workflow", request: "PATCH /api/v1/workflows-set?team=platform&workflows=ci.yml", want: "400 invalid_argument"},
		{name: "another organization's workflow", request: "PATCH /api/v1/workflows-set?team=platform&workflows=other/api/.github/workflows/ci.yml@main", want: "400 invalid_argument"},
		{name: "a bad limit", request: "GET /api/v1/audit-list?team=platform&limit=many", want: "400 invalid_argument"},
		{name: "a bad moment", request: "GET /api/v1/audit-list?team=platform&since=yesterday", want: "400 invalid_argument"},
		{name: "not JSON", request: "PATCH /api/v1/repos-add", body: "{", want: "400 invalid_argument"},
		{name: "an unknown command", request: "GET /api/v1/group-lst", want: "404 unknown_command"},
		{name: "the wrong method", request: "PATCH /api/v1/group-create?team=platform", want: "405 method"},
		{name: "GET is not for new commands", request: "GET /api/v1/token-jit?team=platform&name=a", want: "405 method"},
		{name: "a denied team", request: "POST /api/v1/group-create?team=web", want: "403 policy"},
		{name: "a repository that the team cannot admin", request: "PATCH /api/v1/repos-add?team=platform&repos=docs", want: "403 repo_not_permitted"},
		{name: "no such repository", request: "PATCH /api/v1/repos-add?team=platform&repos=nothing", want: "403 repo_not_permitted"},
		{name: "a public repository", request: "PATCH /api/v1/repos-set?team=platform&repos=site", want: "403 public_repo"},
	}
	for _, request := range everyCommand("platform") {
		steps = append(steps, step{name: "a mere member: " + request, token: "ghp_bob", request: request, want: "403 not_maintainer"})
	}
	w.steps(t, steps)
	listed := w.groupCalls()
	for _, call := range listed { // for whom maintained the team within the last hour, beside the checks
		assert.Equal(t, "GET /orgs/acme/actions/runner-groups/5/repositories", call, "only repos-add reads ahead")
	}

	media := w.call("ghp_ada", "PATCH /api/v1/repos-add", "team=platform", "text/plain")
	assert.Equal(t, "media_type", media.Reason)
	large := w.call("ghp_ada", "PATCH /api/v1/repos-add", `{"team":"platform","repos":"`+strings.Repeat("a,", 1<<19)+`"}`, "application/json")
	assert.Equal(t, "too_large", large.Reason)
	assert.Equal(t, 413, large.Code)
	method := w.call("ghp_ada", "DELETE /api/v1/group-list?team=platform")
	assert.Contains(t, method.header.Get("Allow"), "GET, POST")
	missing := w.call("", "GET /api/v1/whoami")
	assert.NotEmpty(t, missing.header.Get("WWW-Authenticate"))
	assert.Equal(t, "no-store", missing.header.Get("Cache-Control"))
	assert.Equal(t, "nosniff", missing.header.Get("X-Content-Type-Options"))
	assert.Equal(t, "application/json", strings.Split(missing.header.Get("Content-Type"), ";")[0])
	assert.Equal(t, listed, w.groupCalls())
}

// Every command answers the same for a secret team and for one that does not exist.
func TestSecretTeamsStaySecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	checked := regexp.MustCompile(`Checked at [0-9:]+`)
	// as is what is said of nowhere as if it were said of the secret team at that second
	as := func(nowhere, secret string) string {
		return checked.ReplaceAllString(strings.ReplaceAll(nowhere, "nowhere", "secret"), checked.FindString(secret))
	}
	secret, nothing := everyCommand("secret"), everyCommand("nowhere")
	for i := range secret {
		a, b := w.call("ghp_ada", secret[i]), w.call("ghp_ada", nothing[i])
		assert.Equal(t, 403, a.Code, secret[i])
		assert.Equal(t, b.Code, a.Code, secret[i])
		assert.Equal(t, b.Reason, a.Reason, secret[i])
		assert.Equal(t, as(b.Error, a.Error), a.Error, secret[i])
		assert.Equal(t, len(b.Items), len(a.Items))
	}
	// neither does an owner's record of it show
	w.ok("ghp_olga", "POST /api/v1/group-adopt?team=secret&group=legacy")
	for i := range secret {
		a, b := w.call("ghp_ada", secret[i]), w.call("ghp_ada", nothing[i])
		assert.Equal(t, as(b.Error, a.Error), a.Error, secret[i])
	}
	assert.Equal(t, w.ok("ghp_ada", "GET /api/v1/whoami?team=nowhere").Response["teams"], w.ok("ghp_ada", "GET /api/v1/whoami?team=secret").Response["teams"])
	assert.Equal(t, w.ok("ghp_ada", "GET /api/v1/groups-list?team=nowhere").Response, w.ok("ghp_ada", "GET /api/v1/groups-list?team=secret").Response)
	said, _ := w.say("ada", 2, "/runner-group group-list --team secret")
	unsaid, _ := w.say("ada", 2, "/runner-group group-list --team nowhere")
	assert.Equal(t, plain(as(unsaid[0], said[0])), plain(said[0]))
	// private repositories likewise
	a := w.call("ghp_ada", "POST /api/v1/group-create?team=platform")
	assert.Equal(t, 200, a.Code)
	there, gone := w.call("ghp_ada", "PATCH /api/v1/repos-add?team=platform&repos=foreign"), w.call("ghp_ada", "PATCH /api/v1/repos-add?team=platform&repos=nothing")
	assert.Equal(t, strings.ReplaceAll(gone.Error, "nothing", "foreign"), there.Error)
}

// plain removes the hidden marker, which differs in each reply.
func plain(reply string) string {
	text, _, _ := strings.Cut(reply, "<!--")
	return strings.TrimSpace(text)
}
