package server_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// readingCommands are those that policy.membersRead opens to plain members of the team.
func readingCommands() []string {
	return []string{"GET /api/v1/group-list?team=platform", "GET /api/v1/runners-list?team=platform", "GET /api/v1/group-check?team=platform"}
}

// teamsListed are the teams in the answer of groups-list.
func (w *world) teamsListed(token string) (teams []string) {
	w.t.Helper()
	for _, g := range w.ok(token, "GET /api/v1/groups-list").Response["groups"].([]any) {
		teams = append(teams, g.(map[string]any)["team"].(string))
	}
	return teams
}

// With policy.membersRead plain members of a team read its group, those of child teams too.
// They change nothing, and learn nothing of other teams.
func TestMembersRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme(), "POLICY_MEMBERS_READ=true")
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	w.ok("ghp_ada", "POST /api/v1/group-create?team=web")
	members := map[string][]string{"ghp_bob": {"platform"}, "ghp_kim": {"platform"}, "ghp_ada": {"platform", "web"}}
	for token, teams := range members {
		for _, request := range readingCommands() {
			w.ok(token, request)
		}
		assert.Equal(t, teams, w.teamsListed(token), token)
	}
	for _, token := range []string{"ghp_bob", "ghp_kim"} {
		for _, request := range []string{
			"PATCH /api/v1/repos-add?team=platform&repos=api", "POST /api/v1/token-register?team=platform", "PATCH /api/v1/group-accept?team=platform",
			"PATCH /api/v1/runners-label?team=platform&runners=x&add=y", "GET /api/v1/audit-list?team=platform", "GET /api/v1/group-list?team=web",
		} {
			w.refused(403, "not_maintainer", token, request)
		}
		for _, request := range readingCommands() { // the refusals above do not refuse this
			w.ok(token, request)
		}
		assert.Empty(t, w.ok(token, "GET /api/v1/whoami").Response["teams"])
	}
	// pete's membership is pending; olga is in no team but secret, and eve in nothing
	for _, token := range []string{"ghp_pete", "ghp_olga", "ghp_eve"} {
		for _, request := range readingCommands() {
			a := w.refused(403, "not_maintainer", token, request)
			assert.Contains(t, a.Error, "You're not a member of team `platform`")
		}
		w.hub.ResetCalls()
		w.refused(403, "not_maintainer", token, readingCommands()[0])
		w.refused(403, "not_maintainer", token, "PATCH /api/v1/repos-add?team=platform&repos=api")
		assert.Empty(t, w.groupCalls())
	}
	a := w.refused(403, "not_maintainer", "ghp_bob", "GET /api/v1/group-list?team=secret")
	b := w.refused(403, "not_maintainer", "ghp_bob", "GET /api/v1/group-list?team=nobody")
	assert.Equal(t, a.Error[:len("You're not a member of team")], b.Error[:len("You're not a member of team")])

	// In a comment the label names the team.
	replies, reaction := w.say("kim", 1, "/runner-group runners-list")
	assert.Equal(t, "rocket", reaction, replies)
	_, reaction = w.say("kim", 1, "/runner-group repos-add api")
	assert.Equal(t, "confused", reaction)
}

// Without it they read nothing.
func TestMembersReadOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	for _, request := range readingCommands() {
		w.refused(403, "not_maintainer", "ghp_bob", request)
	}
	assert.Empty(t, w.teamsListed("ghp_bob"))
}
