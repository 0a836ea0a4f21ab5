package pacing

import (
	"context"
	"sync"
	"time"
)

// A Budget holds the windows of an installation's meters and shares them between
// replicas. [Memory] serves a single process; the store implements it for several.
type Budget interface {
	// Lease settles what a replica has spent, and leases it more, for all meters in one
	// round trip and atomically. The results are in the order of the requests.
	Lease(ctx context.Context, installation int64, replica string, requests []LeaseRequest) ([]Lease, error)
}

// A LeaseRequest is about one meter.
type LeaseRequest struct {
	Meter Meter
	Spent []Spent // ended since the last request
	Open  int     // what the replica still holds: not sent yet, or not ended
	Want  int     // for waiting requests of Class
	Extra int     // beyond that, for requests that may come; granted within the burst only
	Class class
}

// A Lease answers a LeaseRequest. Lease.Granted is between 0 and Want plus Extra.
type Lease struct {
	Granted int
	Window  Window // with the granted amount
}

// replicaTTL is how long a silent replica's open amounts are waited for. Then it must have
// crashed, and they count as spent at that moment. It is longer than useWithin and the
// longest request together.
const replicaTTL = 30 * time.Second

// Memory is a Budget in memory. The zero value is not usable: see [NewMemory].
type Memory struct {
	now func() time.Time

	mu      sync.Mutex
	windows map[windowKey]*memoryWindow
}

type windowKey struct {
	installation int64
	meter        string
}

type memoryWindow struct {
	spent []memorySpent
	open  map[string]memoryOpen // by replica
}

type memorySpent struct {
	at     time.Time
	amount int
}

type memoryOpen struct {
	amount int
	seen   time.Time
}

// NewMemory makes a Budget in memory.
func NewMemory(now func() time.Time) *Memory {
	return &Memory{now: now, windows: map[windowKey]*memoryWindow{}}
}

// Lease implements [Budget].
func (b *Memory) Lease(_ context.Context, installation int64, replica string, requests []LeaseRequest) ([]Lease, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	leases := make([]Lease, len(requests))
	for i, r := range requests {
		key := windowKey{installation, r.Meter.Name}
		w := b.windows[key]
		if w == nil {
			w = &memoryWindow{open: map[string]memoryOpen{}}
			b.windows[key] = w
		}
		for _, s := range r.Spent {
			w.spent = append(w.spent, memorySpent{now.Add(-s.Age), s.Amount})
		}
		w.open[replica] = memoryOpen{r.Open, now}
		window := w.at(now, r.Meter.Span)
		granted := min(r.Want, window.free(r.Meter, r.Class))
		window.Open += granted
		if granted == r.Want {
			extra := min(r.Extra, max(0, r.Meter.burst()-window.used(r.Meter.Span, 0)))
			granted += extra
			window.Open += extra
		}
		w.open[replica] = memoryOpen{r.Open + granted, now}
		leases[i] = Lease{granted, window}
	}
	return leases, nil
}

// at removes what no longer counts and returns the rest.
func (w *memoryWindow) at(now time.Time, span time.Duration) Window {
	for replica, o := range w.open {
		if crashed := o.seen.Add(replicaTTL); now.After(crashed) {
			w.spent = append(w.spent, memorySpent{crashed, o.amount})
			delete(w.open, replica)
		}
	}
	var out Window
	kept := w.spent[:0]
	for _, s := range w.spent {
		if age := now.Sub(s.at); age < span {
			kept = append(kept, s)
			out.Spent = append(out.Spent, Spent{age, s.amount})
		}
	}
	w.spent = kept
	for _, o := range w.open {
		out.Open += o.amount
	}
	return out
}
