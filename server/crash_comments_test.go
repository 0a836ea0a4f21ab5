package server_test

import (
	"bytes"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// A said is a comment that somebody wrote.
type said struct {
	issue int
	id    int64
	text  string
	want  string // its last reaction
}

func (w *crashWorld) write(login string, issue int, text string) said {
	w.t.Helper()
	id, err := w.hub.Comment("acme", "runner-admin", issue, login, text)
	require.NoError(w.t, err)
	return said{issue: issue, id: id, text: text, want: "rocket"}
}

// settled waits until every comment has its last reaction. It checks that each comment has
// one reply, and that each secret was posted once.
func (w *crashWorld) settled(within time.Duration, all ...said) {
	w.t.Helper()
	var open []said
	done := assert.Eventually(w.t, func() bool {
		open = nil
		for _, s := range all {
			if w.reaction(s.issue, s.id) == "" {
				open = append(open, s)
			}
		}
		return len(open) == 0
	}, within, tick)
	require.True(w.t, done, "%d comments have no last reaction: %+v", len(open), open)
	for _, s := range all {
		replies := w.repliesTo(s)
		if assert.Len(w.t, replies, 1, "replies to %q (comment %d)", s.text, s.id) {
			if strings.Contains(replies[0], "· `superseded`") {
				w.superseded = append(w.superseded, s.text) // interrupted, and yields to a newer command
				continue
			}
			assert.Equal(w.t, s.want, w.reaction(s.issue, s.id), "reaction to %q; reply:\n%s", s.text, replies[0])
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for command, n := range w.secrets {
		assert.Equal(w.t, 1, n, "comments with the secret of %s", command)
	}
}

// guids returns the deliveries of a comment.
func (w *crashWorld) guids(id int64) map[string]bool {
	guids := map[string]bool{}
	for _, d := range w.hub.Deliveries() {
		if d.Action == "created" && bytes.Contains(d.Payload, fmt.Appendf(nil, `"id":%d,`, id)) {
			guids[d.GUID] = true
		}
	}
	return guids
}

// repliesTo returns the bot's replies to a comment, without secrets.
func (w *crashWorld) repliesTo(s said) (replies []string) {
	guids := w.guids(s.id)
	for _, c := range w.hub.Comments("acme", "runner-admin", s.issue) {
		if _, after, ok := strings.Cut(c.Body, "<!-- arm:reply "); ok {
			if guid, _, _ := strings.Cut(after, " "); guids[guid] {
				replies = append(replies, c.Body)
			}
		}
	}
	return replies
}

// redeliver has GitHub send every failed delivery again until each has arrived, as its
// page of deliveries can.
func (w *crashWorld) redeliver() {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		require.NoError(w.t, w.hub.Wait(w.t.Context()))
		missed := w.missedDeliveries()
		for guid, d := range missed {
			_, err := w.hub.Deliver(w.t.Context(), d.Event, d.Payload, ghsim.DeliverOptions{GUID: guid})
			require.NoError(w.t, err)
		}
		return len(missed) == 0
	}, time.Minute, tick, "some deliveries fail each time")
}

// missedDeliveries returns the deliveries of new comments of which no attempt arrived.
func (w *crashWorld) missedDeliveries() map[string]ghsim.Delivery {
	arrived, missed := map[string]bool{}, map[string]ghsim.Delivery{}
	for _, d := range w.hub.Deliveries() {
		if d.StatusCode >= 200 && d.StatusCode < 300 {
			arrived[d.GUID] = true
		} else if d.Action == "created" {
			missed[d.GUID] = d
		}
	}
	maps.DeleteFunc(missed, func(guid string, _ ghsim.Delivery) bool { return arrived[guid] })
	return missed
}

// secretsGone waits until no comment shows a secret.
func (w *crashWorld) secretsGone(within time.Duration) {
	w.t.Helper()
	require.Eventually(w.t, func() bool { return len(w.secretComments()) == 0 }, within, tick, "comments with a secret are still there")
}

func (w *crashWorld) secretComments() (bodies []string) {
	for issue := 1; issue <= 2; issue++ {
		for _, c := range w.hub.Comments("acme", "runner-admin", issue) {
			if strings.Contains(c.Body, "<!-- arm:secret ") {
				bodies = append(bodies, c.Body)
			}
		}
	}
	return bodies
}
