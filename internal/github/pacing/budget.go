package pacing

import (
	"context"
	"slices"
	"sync"
	"time"
)

// A Budget holds the windows of an installation's meters and shares them between
// replicas. [Memory] serves a single process; a database holds it for several.
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

	mu     sync.Mutex
	states map[int64]*State // by installation
}

// NewMemory makes a Budget in memory.
func NewMemory(now func() time.Time) *Memory { return &Memory{now: now, states: map[int64]*State{}} }

// Lease implements [Budget].
func (b *Memory) Lease(_ context.Context, installation int64, replica string, requests []LeaseRequest) ([]Lease, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.states[installation] == nil {
		b.states[installation] = &State{}
	}
	return b.states[installation].Lease(b.now(), replica, requests), nil
}

// A State is what one installation has used of its meters. A Budget that several replicas
// share keeps it as JSON and reads and writes it in one transaction. The zero value is
// nothing used.
type State struct {
	Windows map[string]*stateWindow `json:"windows"` // by meter
}

type stateWindow struct {
	Spent []stateSpent         `json:"spent,omitempty"`
	Open  map[string]stateOpen `json:"open,omitempty"` // by replica
}

type stateSpent struct {
	At     time.Time `json:"at"`
	Amount int       `json:"n"`
}

type stateOpen struct {
	Amount int       `json:"n"`
	Seen   time.Time `json:"seen"`
}

// mergeWithin joins what ended within that time of each other, at the later moment, so that
// a state stays small and never counts less.
const mergeWithin = 100 * time.Millisecond

// Lease settles and leases as [Budget] says, at the time now.
func (s *State) Lease(now time.Time, replica string, requests []LeaseRequest) []Lease {
	if s.Windows == nil {
		s.Windows = map[string]*stateWindow{}
	}
	leases := make([]Lease, len(requests))
	for i, r := range requests {
		w := s.Windows[r.Meter.Name]
		if w == nil {
			w = &stateWindow{}
			s.Windows[r.Meter.Name] = w
		}
		if w.Open == nil {
			w.Open = map[string]stateOpen{}
		}
		for _, spent := range r.Spent {
			w.Spent = append(w.Spent, stateSpent{now.Add(-spent.Age), spent.Amount})
		}
		w.Open[replica] = stateOpen{r.Open, now}
		window := w.at(now, r.Meter.Span)
		granted := min(r.Want, window.free(r.Meter, r.Class))
		window.Open += granted
		if granted == r.Want {
			extra := min(r.Extra, max(0, r.Meter.burst()-window.used(r.Meter.Span, 0)))
			granted += extra
			window.Open += extra
		}
		w.Open[replica] = stateOpen{r.Open + granted, now}
		leases[i] = Lease{granted, window}
	}
	return leases
}

// at removes what no longer counts and returns the rest.
func (w *stateWindow) at(now time.Time, span time.Duration) Window {
	for replica, o := range w.Open {
		if crashed := o.Seen.Add(replicaTTL); now.After(crashed) {
			w.Spent = append(w.Spent, stateSpent{crashed, o.Amount})
			delete(w.Open, replica)
		}
	}
	slices.SortFunc(w.Spent, func(a, b stateSpent) int { return a.At.Compare(b.At) })
	var out Window
	kept := w.Spent[:0]
	for _, s := range w.Spent {
		if now.Sub(s.At) >= span || s.Amount == 0 {
			continue
		}
		if n := len(kept); n > 0 && s.At.Sub(kept[n-1].At) < mergeWithin && now.Sub(s.At) > mergeWithin {
			kept[n-1] = stateSpent{s.At, kept[n-1].Amount + s.Amount}
			continue
		}
		kept = append(kept, s)
	}
	w.Spent = kept
	for _, s := range w.Spent {
		out.Spent = append(out.Spent, Spent{now.Sub(s.At), s.Amount})
	}
	for _, o := range w.Open {
		out.Open += o.Amount
	}
	return out
}
