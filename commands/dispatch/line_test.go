package dispatch

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fromREST is a place that waits for its turn; fromComment is one that comes back.
func fromREST(id string, caller int64, r rank) *place {
	return &place{key: "team", id: id, caller: caller, rank: r, turn: make(chan struct{})}
}

func fromComment(id string, caller int64) *place {
	return &place{key: "team", id: id, caller: caller, rank: rankMaintainer}
}

func hasTurn(p *place) bool {
	select {
	case <-p.turn:
		return true
	default:
		return false
	}
}

func TestLineFirstComeFirstServed(t *testing.T) {
	var l lines
	now := time.Now()
	first, second, third := fromREST("1", 1, rankMaintainer), fromREST("2", 2, rankMaintainer), fromREST("3", 3, rankMaintainer)
	owner := fromREST("4", 4, rankOwner)
	for _, p := range []*place{first, second, third, owner} {
		_, err := l.join(p, now)
		require.Nil(t, err)
	}
	assert.True(t, hasTurn(first))
	assert.False(t, hasTurn(second))
	l.leave("team", now)
	assert.True(t, hasTurn(owner), "an owner is next")
	assert.False(t, hasTurn(second))
	l.leave("team", now)
	assert.True(t, hasTurn(second))
	l.cancel(third, now)
	l.leave("team", now)
	assert.Empty(t, l.byKey, "a line that nobody is in is forgotten")
}

func TestLineIsBounded(t *testing.T) {
	var l lines
	now := time.Now()
	_, err := l.join(fromREST("first", 99, rankMaintainer), now)
	require.Nil(t, err)
	refused := 0
	for caller := range int64(6) {
		for range 5 {
			if _, err := l.join(fromREST("x", caller, rankMaintainer), now); err != nil {
				refused++
				assert.Equal(t, ReasonBusy, err.Reason)
			}
		}
	}
	assert.Equal(t, 30-maxWaitingPerTeam, refused, "16 wait, at most 4 of each caller")
	perCaller := map[int64]int{}
	for _, p := range l.byKey["team"].waiting {
		perCaller[p.caller]++
	}
	for caller, n := range perCaller {
		assert.LessOrEqual(t, n, maxWaitingPerCaller, caller)
	}
	_, err = l.join(fromREST("owner", 100, rankOwner), now)
	assert.Nil(t, err, "an owner finds room")
}

func TestLineKeepsThePlaceOfAComment(t *testing.T) {
	var l lines
	now := time.Now()
	first, last := fromREST("1", 1, rankMaintainer), fromREST("2", 2, rankMaintainer)
	_, err := l.join(first, now)
	require.Nil(t, err)
	ok, err := l.join(fromComment("c", 3), now)
	require.Nil(t, err)
	assert.False(t, ok)
	_, err = l.join(last, now)
	require.Nil(t, err)

	l.leave("team", now)
	assert.False(t, hasTurn(last), "the comment came first")
	ok, _ = l.join(fromComment("c", 3), now.Add(time.Second))
	assert.True(t, ok)
	l.leave("team", now)
	assert.True(t, hasTurn(last))
}

// A comment that does not come back, because another replica runs it or the server stops,
// keeps nobody waiting for long.
func TestLineGivesUpThePlaceOfAComment(t *testing.T) {
	var l lines
	past := time.Now().Add(-placeKept + 20*time.Millisecond)
	first, last := fromREST("1", 1, rankMaintainer), fromREST("2", 2, rankMaintainer)
	_, _ = l.join(first, past)
	_, _ = l.join(fromComment("c", 3), past)
	_, _ = l.join(last, past)
	l.leave("team", time.Now())
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	assert.True(t, l.wait(ctx, last, time.Now))
}

func TestLineWaitEndsWithTheContext(t *testing.T) {
	var l lines
	now := time.Now()
	first, second := fromREST("1", 1, rankMaintainer), fromREST("2", 2, rankMaintainer)
	_, _ = l.join(first, now)
	_, _ = l.join(second, now)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.False(t, l.wait(ctx, second, time.Now))
	l.leave("team", now)
	assert.Empty(t, l.byKey)
}
