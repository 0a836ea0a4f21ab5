package pacing

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A hub counts requests as GitHub does. It works in the time of a synctest bubble.
type hub struct {
	mu       sync.Mutex
	arrivals []arrival
}

type arrival struct {
	at   time.Time
	cost Cost
}

// request is one request: it arrives at some moment, and ends at a later one.
func (h *hub) request(latency time.Duration, cost Cost) {
	there := rand.N(latency)
	time.Sleep(there)
	h.mu.Lock()
	h.arrivals = append(h.arrivals, arrival{time.Now(), cost})
	h.mu.Unlock()
	time.Sleep(latency - there)
}

// most returns the most that any span had of a meter.
func (h *hub) most(meter int, span time.Duration) (most int) {
	sum, first := 0, 0
	for _, a := range h.arrivals {
		sum += a.cost.on(meter)
		for a.at.Sub(h.arrivals[first].at) >= span {
			sum -= h.arrivals[first].cost.on(meter)
			first++
		}
		most = max(most, sum)
	}
	return most
}

func (h *hub) requireLimits(t *testing.T) {
	t.Helper()
	for i, m := range Meters(DefaultPointsPerMinute) {
		assert.LessOrEqual(t, h.most(i, m.Span), m.Limit, m.Name)
	}
}

// A counted budget counts round trips.
type counted struct {
	Budget
	trips atomic.Int64
}

func (c *counted) Lease(ctx context.Context, installation int64, replica string, requests []LeaseRequest) ([]Lease, error) {
	c.trips.Add(1)
	time.Sleep(2 * time.Millisecond) // as to a database
	return c.Budget.Lease(ctx, installation, replica, requests)
}

// replicas makes n pacers that share a budget.
func replicas(n int) []*Pacer {
	budget := &counted{Budget: NewMemory(time.Now)}
	all := make([]*Pacer, n)
	for i := range all {
		all[i] = New(Options{Installation: 77, Replica: fmt.Sprint(i), Meters: Meters(DefaultPointsPerMinute), Budget: budget, Clock: System{}})
	}
	return all
}

// do sends requests one after the other, as a command does.
func (h *hub) do(ctx context.Context, p *Pacer, caller Caller, costs ...Cost) error {
	for _, c := range costs {
		ended, err := p.Acquire(ctx, caller, c)
		if err != nil {
			return err
		}
		h.request(50*time.Millisecond, c)
		ended()
	}
	return nil
}

// Whatever replicas and callers do, no span has more than GitHub allows.
func TestLimitsHold(t *testing.T) {
	for _, n := range []int{1, 3} {
		t.Run(fmt.Sprintf("replicas=%d", n), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, all := &hub{}, replicas(n)
				ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
				defer cancel()
				var wg sync.WaitGroup
				costs := []Cost{Read(), Read(), Write(), Content()}
				for i := range 40 {
					wg.Go(func() {
						for ctx.Err() == nil {
							turn, stop := context.WithTimeout(ctx, 30*time.Second)
							err := h.do(turn, all[i%n], Caller{TeamID: int64(i % 10), Kind: Kind(i % 4)}, costs[rand.N(len(costs))])
							stop()
							if err != nil {
								time.Sleep(rand.N(5 * time.Second))
							}
						}
					})
				}
				wg.Wait()
				h.requireLimits(t)
				assert.Greater(t, len(h.arrivals), 600)
				trips := all[0].o.Budget.(*counted).trips.Load()
				assert.Less(t, trips, int64(len(h.arrivals)), "fewer round trips than requests")
				t.Log(len(h.arrivals), "requests,", trips, "round trips")
			})
		})
	}
}

// One team's flood neither exceeds GitHub's limit nor takes the service from others.
func TestFlood(t *testing.T) {
	command := []Cost{Read(), Read(), Write()} // token-register
	synctest.Test(t, func(t *testing.T) {
		h, all := &hub{}, replicas(2)
		ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
		defer cancel()
		var done, refused atomic.Int64
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for ctx.Err() == nil {
					turn, stop := context.WithTimeout(ctx, 30*time.Second)
					if err := h.do(turn, all[i%2], Caller{TeamID: 1}, command...); err == nil {
						done.Add(1)
					} else {
						refused.Add(1)
						time.Sleep(time.Second)
					}
					stop()
				}
			})
		}
		for _, after := range []time.Duration{3 * time.Second, 15 * time.Second, 15 * time.Second} {
			time.Sleep(after)
			began := time.Now()
			require.NoError(t, h.do(ctx, all[0], Caller{TeamID: 2}, command...))
			assert.Less(t, time.Since(began), 3*time.Second, "another team's command")
			began = time.Now()
			require.NoError(t, h.do(ctx, all[1], Caller{Kind: Owner}, command...))
			assert.Less(t, time.Since(began), time.Second, "an owner's command")
		}
		wg.Wait()
		h.requireLimits(t)
		assert.GreaterOrEqual(t, done.Load(), int64(60), "commands of the flood")
		t.Log("done", done.Load(), "refused", refused.Load())
	})
}

func TestRefusal(t *testing.T) {
	tests := []struct {
		name    string
		used    int // just before, by other teams
		caller  Caller
		timeout time.Duration
		wait    time.Duration // RetryAfter; 0: served
	}{
		{name: "there is room", used: 500, caller: Caller{TeamID: 1}, timeout: time.Second},
		{name: "background has less room", used: 500, caller: Caller{Kind: Background}, timeout: 10 * time.Second, wait: time.Minute},
		{name: "background can wait", used: 500, caller: Caller{Kind: Background}, timeout: 2 * time.Minute},
		{name: "teams without much use have the reserve", used: 700, caller: Caller{TeamID: 1}, timeout: time.Second},
		{name: "owners have the reserve", used: 700, caller: Caller{Kind: Owner}, timeout: time.Second},
		{name: "nobody has more than all", used: 900, caller: Caller{Kind: Deletion}, timeout: 30 * time.Second, wait: time.Minute},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := replicas(1)[0]
				for range tt.used / writePoints {
					ended, err := p.Acquire(t.Context(), Caller{Kind: Owner}, Write())
					require.NoError(t, err)
					ended()
				}
				ctx, cancel := context.WithTimeout(t.Context(), tt.timeout)
				defer cancel()
				began := time.Now()
				ended, err := p.Acquire(ctx, tt.caller, Read())
				if tt.wait == 0 {
					require.NoError(t, err)
					ended()
					return
				}
				var refused *RefusedError
				require.ErrorAs(t, err, &refused)
				assert.InDelta(t, tt.wait, refused.RetryAfter, float64(2*time.Second))
				assert.Less(t, time.Since(began), 10*time.Millisecond, "it is refused at once")
			})
		})
	}
}

// Those that wait have their turn by class, then by their team's use.
func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := replicas(1)[0]
		use := func(c Caller, n int) {
			for range n {
				ended, err := p.Acquire(t.Context(), c, Write())
				require.NoError(t, err)
				ended()
			}
		}
		use(Caller{TeamID: 1}, 20)
		use(Caller{TeamID: 2}, 10)
		use(Caller{Kind: Owner}, 150)
		callers := []struct {
			name   string
			caller Caller
		}{
			{"background", Caller{Kind: Background}}, {"much", Caller{TeamID: 1}}, {"some", Caller{TeamID: 2}}, {"little", Caller{TeamID: 3}}, {"owner", Caller{Kind: Owner}},
		}
		names := map[Caller]string{}
		var wg sync.WaitGroup
		for _, c := range callers {
			wg.Go(func() {
				ended, err := p.Acquire(t.Context(), c.caller, Write())
				require.NoError(t, err)
				ended()
			})
			names[c.caller] = c.name
			synctest.Wait()
		}
		p.mu.Lock()
		var order []string
		for _, w := range p.waiting {
			order = append(order, names[w.caller])
		}
		p.mu.Unlock()
		wg.Wait()
		assert.Equal(t, []string{"little", "owner", "some", "much", "background"}, order)
	})
}

// A caller that leaves gives its place to the next.
func TestLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := replicas(1)[0]
		for range 180 {
			ended, err := p.Acquire(t.Context(), Caller{Kind: Owner}, Write())
			require.NoError(t, err)
			ended()
		}
		ctx, cancel := context.WithCancel(t.Context())
		left := make(chan error)
		go func() { _, err := p.Acquire(ctx, Caller{TeamID: 1}, Write()); left <- err }()
		synctest.Wait()
		cancel()
		require.ErrorIs(t, <-left, context.Canceled)
		ended, err := p.Acquire(t.Context(), Caller{TeamID: 1}, Write())
		require.NoError(t, err)
		ended()
		assert.Empty(t, p.waiting)
	})
}

// A thousand repositories of a thousand groups, detached at the same time by two replicas, take
// less than ten minutes, and people do not wait for them.
func TestTimedWork(t *testing.T) {
	end := []Cost{Read(), Write()} // what a repos-remove by the server asks for
	synctest.Test(t, func(t *testing.T) {
		h, all := &hub{}, replicas(2)
		began, left := time.Now(), atomic.Int64{}
		left.Store(1000)
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for left.Add(-1) >= 0 {
					for {
						turn, stop := context.WithTimeout(t.Context(), time.Minute)
						err := h.do(turn, all[i%2], Caller{TeamID: int64(i), Kind: Timed}, end...)
						stop()
						if err == nil {
							break
						}
						time.Sleep(time.Second)
					}
				}
			})
		}
		time.Sleep(2 * time.Minute)
		asked := time.Now()
		require.NoError(t, h.do(t.Context(), all[0], Caller{TeamID: 99}, Read(), Read(), Write()))
		assert.Less(t, time.Since(asked), 3*time.Second, "a person's command")
		wg.Wait()
		h.requireLimits(t)
		assert.Less(t, time.Since(began), 10*time.Minute)
		t.Log(time.Since(began))
	})
}
