package server_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// newSSHKey returns a public key to which a secret can be encrypted.
func newSSHKey(t *testing.T) string {
	t.Helper()
	public, _, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	key, err := ssh.NewPublicKey(public)
	require.NoError(t, err)
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
}

// withKey gives somebody an SSH key.
func withKey(sc ghsim.Scenario, login, key string) ghsim.Scenario {
	for i := range sc.Users {
		if sc.Users[i].Login == login {
			sc.Users[i].Keys = []string{key}
		}
	}
	return sc
}

// example returns the example arguments that spec declares, with the names of this test
// for those of the examples. They succeed if the team owns a group with the runner TEAM-1,
// and the team TEAM-to owns one too.
func example(spec dispatch.Spec, team string) map[string]string {
	names := map[string]string{
		"platform": team, "web": team + "-to", "platform,web": team + "," + team + "-to",
		"platform-runners": team, "build-1": team + "-new", "build-1,build-2": team + "-1",
	}
	args := map[string]string{}
	for _, p := range spec.Params {
		value, ok := names[p.Example]
		if !ok {
			value = p.Example
		}
		if value != "" {
			args[p.Name] = value
		}
	}
	return args
}

// asREST formats a command for [world.call].
func asREST(spec dispatch.Spec, args map[string]string) string {
	var pairs []string
	for name, value := range args {
		pairs = append(pairs, name, value)
	}
	return spec.Method + " /api/v1/" + spec.Name + query(pairs...)
}

// asComment formats a command as a comment, confirmed if needed.
func asComment(spec dispatch.Spec, args map[string]string) string {
	line := "/runner-group " + spec.Name
	for name, value := range args {
		line += " --" + name + " " + value
	}
	if spec.Effect == dispatch.Destroys {
		line += " --yes"
	}
	return line
}

// logged returns the log lines of the commands that ended.
func (w *world) logged() (calls []loggedCall) {
	for line := range strings.Lines(w.log.String()) {
		var c loggedCall
		if json.Unmarshal([]byte(line), &c) == nil && c.Message == "command" {
			calls = append(calls, c)
		}
	}
	return calls
}

type loggedCall struct{ Message, Command, Channel, Team, Caller, Outcome, Reason, ID string }

// reasonOf returns how a comment's only command ended, by its delivery's GUID: "done"
// or the reason.
func (w *world) reasonOf(guid string) string {
	reason := "nothing logged"
	for _, c := range w.logged() { // the last one counts: a command that waits for its turn is busy first
		if id, _, _ := strings.Cut(c.ID, "/"); id == guid {
			if reason = c.Reason; c.Outcome == "done" {
				reason = "done"
			}
		}
	}
	return reason
}

var outcomeShape = regexp.MustCompile(`"outcome":"([a-z]+)"`)

// delivery returns the delivery of a comment, once it is answered, and its outcome.
func (w *world) delivery(comment int64) (d ghsim.Delivery, outcome string) {
	w.t.Helper()
	require.NoError(w.t, w.hub.Wait(w.t.Context()))
	for _, d = range w.hub.Deliveries() {
		var p struct{ Comment struct{ ID int64 } }
		if json.Unmarshal(d.Payload, &p) == nil && p.Comment.ID == comment {
			return d, outcomeOf(d)
		}
	}
	require.Fail(w.t, "no delivery of the comment")
	return d, ""
}

func outcomeOf(d ghsim.Delivery) string {
	if match := outcomeShape.FindStringSubmatch(d.ResponseBody); match != nil {
		return match[1]
	}
	return d.ResponseBody
}

// A payload is that of a delivery, which a test can change and send again.
type payload map[string]any

func payloadOf(t testing.TB, d ghsim.Delivery) payload {
	t.Helper()
	var p payload
	require.NoError(t, json.Unmarshal(d.Payload, &p))
	return p
}

// set changes the value at a path such as "comment.user.type".
func (p payload) set(path string, value any) payload {
	object := map[string]any(p)
	parts := strings.Split(path, ".")
	for _, part := range parts[:len(parts)-1] {
		object, _ = object[part].(map[string]any)
	}
	object[parts[len(parts)-1]] = value
	return p
}

// deliver sends a payload as GitHub would, and returns the status and outcome.
func (w *world) deliver(p payload, o ghsim.DeliverOptions) (status int, outcome string) {
	w.t.Helper()
	d, err := w.hub.Deliver(w.t.Context(), "issue_comment", p, o)
	require.NoError(w.t, err)
	return d.StatusCode, outcomeOf(d)
}

// state reads the simulated organization acme.
func (w *world) state(look func(*ghsim.Org, *ghsim.State)) {
	w.hub.Update(func(st *ghsim.State) { look(st.Org("acme"), st) })
}
