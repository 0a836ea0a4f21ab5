package queue

import (
	"context"
	"sync"
	"time"
)

const (
	// burstSize is how many deliveries in one transaction make a burst.
	burstSize = 4
	// burstPause is how long a burst lasts after its last such transaction.
	burstPause = 100 * time.Millisecond
	// burstWaitMost is how long a worker waits for the end of a burst at most.
	burstWaitMost = 5 * time.Second
)

// bursts let deliveries be acknowledged before they are worked on, if many arrive at
// once: GitHub gives up on a delivery after 10 seconds, and SQLite has one writer, whom
// the workers would keep busy.
//
// On SQLite the server acknowledges 3.8 times as many comments with a command in a second
// as it does if workers do not wait: see docs/adr/0009-what-is-clever.md.
type bursts struct {
	mu   sync.Mutex
	last time.Time // when the last burst was stored
}

// stored notes that n deliveries were stored in one transaction.
func (b *bursts) stored(n int) {
	if n < burstSize {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last = time.Now()
}

// wait returns when no burst has been stored for burstPause, after burstWaitMost, if ctx
// ends, or if stopping is closed.
func (b *bursts) wait(ctx context.Context, stopping <-chan struct{}) {
	for until := time.Now().Add(burstWaitMost); time.Now().Before(until); {
		b.mu.Lock()
		over := time.Since(b.last) > burstPause
		b.mu.Unlock()
		if over {
			return
		}
		select {
		case <-time.After(burstPause):
		case <-ctx.Done():
			return
		case <-stopping:
			return
		}
	}
}
