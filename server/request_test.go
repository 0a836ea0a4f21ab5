package server_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// asking returns a world in which platform owns a group and kim has admin permission on docs.
func asking(t *testing.T, settings ...string) *world {
	t.Helper()
	w := newWorld(t, acme(), settings...)
	w.hub.Update(func(st *ghsim.State) {
		st.Org("acme").Repo("docs").Collaborators = map[int64]string{st.User("kim").ID: "admin"}
	})
	w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
	return w
}

// told returns how many comments of the issue tell outcomes with that text.
func (w *world) told(issue int, text string) (n int) {
	for _, c := range w.hub.Comments("acme", "runner-admin", issue) {
		if strings.Contains(c.Body, "<!-- arm:request ") && strings.Contains(c.Body, text) {
			n++
		}
	}
	return n
}

// A request in a comment mentions the team, and its outcome is posted there, once.
func TestRequestInComments(t *testing.T) {
	t.Parallel()
	w := asking(t)
	replies, reaction := w.say("kim", 2, `/runner-group access-request docs --team platform --for 2h --reason "nightly training"`)
	require.Len(t, replies, 1)
	assert.Equal(t, "rocket", reaction, replies[0])
	assert.Contains(t, replies[0], "@acme/platform")
	assert.Contains(t, replies[0], "request-approve 1`")

	replies, reaction = w.say("bob", 1, "/runner-group request-approve 1")
	require.Len(t, replies, 1)
	assert.Equal(t, "confused", reaction)
	assert.Contains(t, replies[0], "request_not_found")

	_, reaction = w.say("ada", 1, "/runner-group request-approve 1")
	assert.Equal(t, "rocket", reaction)
	assert.Equal(t, []string{"docs"}, w.repos("platform"))
	require.Eventually(t, func() bool { return w.told(2, "@kim") == 1 }, eventually, tick)
	assert.Equal(t, 1, w.told(2, "was approved"))
	assert.Zero(t, w.told(1, ""), "it was not requested there")
	w.say("kim", 2, "/runner-group access-request docs --team platform --for 3h")
	replies, reaction = w.say("ada", 1, `/runner-group request-deny 2 --reason "the GPUs are reserved"`)
	assert.Equal(t, "rocket", reaction, replies)
}

// GitHub is away when the outcome is to be told.
func TestRequestIsToldLater(t *testing.T) {
	t.Parallel()
	w := asking(t)
	w.say("kim", 2, "/runner-group access-request docs --team platform")
	w.hub.Inject(ghsim.Fault{Method: "POST", Path: "/issues/2/comments", Times: 1, DropAfter: true})
	w.ok("ghp_ada", "POST /api/v1/request-deny?id=1&reason=reserved")
	require.Eventually(t, func() bool {
		w.advance(30 * time.Second)
		return w.told(2, "was denied") == 1 && strings.Contains(w.log.String(), "is posted later")
	}, eventually, 100*time.Millisecond)
	w.advance(10 * time.Minute)
	w.refused(409, "request_decided", "ghp_ada", "POST /api/v1/request-approve?id=1")
	assert.Equal(t, 1, w.told(2, "reserved"), "an attempt that was cut off is found")
}

// Over REST the team is mentioned in its alert issue, once.
func TestRequestOverRESTMentionsTheTeam(t *testing.T) {
	t.Parallel()
	w := asking(t, "ALERTS_ISSUES=true")
	mentions := func() (n int) {
		_, comments := w.alertIssues()
		for _, c := range comments {
			if strings.Contains(c, "@acme/platform") && strings.Contains(c, "/runner-group request-approve 1`") {
				n++
			}
		}
		return n
	}
	for range 2 { // the same again is the same request
		a := w.call("ghp_kim", "POST /api/v1/access-request?team=platform&repos=docs")
		assert.JSONEq(t, `{"Code":202,"Response":{"request":1,"state":"pending"}}`, a.text)
	}
	require.Eventually(t, func() bool { return mentions() == 1 }, eventually, tick)
	w.ok("ghp_ada", "POST /api/v1/request-approve?id=1")
	w.ok("ghp_kim", "GET /api/v1/requests-list")
	assert.Equal(t, 1, mentions())
}

func TestRequestOverREST(t *testing.T) {
	t.Parallel()
	w := asking(t)
	a := w.call("ghp_kim", "POST /api/v1/access-request", `{"team":"platform","repos":["docs"],"for":"2h"}`, "application/json")
	assert.Equal(t, 202, a.Code, a.text)
	assert.JSONEq(t, `{"Code":202,"Response":{"request":1,"state":"pending"}}`, a.text)
	w.refused(404, "group_not_found", "ghp_kim", "POST /api/v1/access-request?team=secret&repos=docs")
	w.refused(404, "request_not_found", "ghp_bob", "POST /api/v1/request-deny?id=1")
	w.refused(403, "policy", "ghp_kim", "POST /api/v1/request-approve?id=1")
	w.ok("ghp_ada", "POST /api/v1/request-approve?id=1")
	w.refused(409, "request_decided", "ghp_ada", "POST /api/v1/request-deny?id=1")
	assert.Contains(t, w.ok("ghp_kim", "GET /api/v1/requests-list").text, `"state":"approved","decidedBy":"ada"`)
}

// A command that needs an owner waits for one, and runs as the requester's then.
func TestApprovalOverREST(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme(), "POLICY_APPROVAL=group-create,repos-set", "CHATOPS_OWNERS_TEAM=others")
	a := w.call("ghp_ada", "POST /api/v1/group-create?team=platform")
	assert.JSONEq(t, `{"Code":202,"Response":{"request":1,"state":"pending"}}`, a.text)
	replies, reaction := w.say("ada", 1, "/runner-group group-create --team web")
	require.Len(t, replies, 1)
	assert.Equal(t, "rocket", reaction)
	assert.Contains(t, replies[0], "@acme/others")
	w.refused(404, "request_not_found", "ghp_bob", "POST /api/v1/request-approve?id=1")
	w.ok("ghp_olga", "POST /api/v1/request-approve?id=1")
	_, reaction = w.say("olga", 2, "/runner-group request-approve 2")
	assert.Equal(t, "rocket", reaction)
	require.Eventually(t, func() bool { return w.told(1, "@ada") == 1 }, eventually, tick)
	assert.Contains(t, w.audited("ghp_ada", "team=platform"), "ada group-create platform done")
}
