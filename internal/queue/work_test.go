package queue_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/rcrowley/go-metrics"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/queue"
)

// A journal is a list of what a handler saw, with times.
type journal struct {
	mu    sync.Mutex
	lines []string
	times []time.Time
}

func (j *journal) note(format string, args ...any) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, fmt.Sprintf(format, args...))
	j.times = append(j.times, time.Now())
	return len(j.lines)
}

func (j *journal) get() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]string(nil), j.lines...)
}

type limited struct{ after time.Duration }

func (limited) Error() string               { return "slow down" }
func (l limited) RetryAfter() time.Duration { return l.after }
func retryWithin(int) time.Duration         { return time.Millisecond }
func describe(w *queue.Work) (seen string) {
	return fmt.Sprintf("%d last=%t interrupted=%t", w.Attempt, w.Last, w.Interrupted)
}

func TestOutcomes(t *testing.T) {
	broken := errors.New("broken")
	for _, test := range []struct {
		name   string
		handle func(call int, ctx context.Context, w *queue.Work) error
		giveUp func(call int) error
		want   []string
		counts map[string]int64
	}{
		{
			name: "retried until it works",
			handle: func(call int, _ context.Context, _ *queue.Work) error {
				if call < 3 {
					return broken
				}
				return nil
			},
			want:   []string{"1 last=false interrupted=false", "2 last=false interrupted=false", "3 last=true interrupted=false"},
			counts: map[string]int64{"done": 1, "retried": 2, "accepted": 1},
		},
		{
			name:   "given up when the retries are spent",
			handle: func(int, context.Context, *queue.Work) error { return broken },
			giveUp: func(call int) error {
				if call < 5 {
					return broken // itself retried
				}
				return nil
			},
			want: []string{
				"1 last=false interrupted=false", "2 last=false interrupted=false", "3 last=true interrupted=false",
				"give up: broken", "give up: broken",
			},
			counts: map[string]int64{"gave_up": 1, "retried": 3, "accepted": 1},
		},
		{
			name:   "giving up ends too",
			handle: func(int, context.Context, *queue.Work) error { return broken },
			giveUp: func(int) error { return broken },
			want: []string{
				"1 last=false interrupted=false", "2 last=false interrupted=false", "3 last=true interrupted=false",
				"give up: broken", "give up: broken", "give up: broken", "give up: broken", "give up: broken", "give up: broken",
			},
			counts: map[string]int64{"gave_up": 1},
		},
		{
			name: "again is no failure",
			handle: func(call int, _ context.Context, _ *queue.Work) error {
				switch {
				case call < 5:
					return &queue.Again{}
				case call == 5:
					return fmt.Errorf("the limit: %w", &queue.Again{After: 20 * time.Millisecond})
				}
				return nil
			},
			want: []string{
				"1 last=false interrupted=false", "1 last=false interrupted=false", "1 last=false interrupted=false",
				"1 last=false interrupted=false", "1 last=false interrupted=false", "1 last=false interrupted=false",
			},
			counts: map[string]int64{"done": 1, "retried": 0},
		},
		{
			name: "steps are kept over retries, the first outcome of each",
			handle: func(call int, ctx context.Context, w *queue.Work) error {
				if call == 1 {
					if err := errors.Join(w.Record(ctx, "a", 1), w.Record(ctx, "a", 2)); err != nil {
						return err
					}
					return broken
				}
				if got := string(w.Steps()["a"]); got != "1" {
					return fmt.Errorf("%w: step a is %q", errTest, got)
				}
				return nil
			},
			want:   []string{"1 last=false interrupted=false", "2 last=false interrupted=false"},
			counts: map[string]int64{"done": 1},
		},
		{
			name: "a panic is an interruption, until there is progress",
			handle: func(call int, _ context.Context, _ *queue.Work) error {
				switch call {
				case 1:
					panic("oh")
				case 2:
					return broken // the effect could not be looked for
				}
				return nil
			},
			want:   []string{"1 last=false interrupted=false", "2 last=false interrupted=true", "3 last=true interrupted=true"},
			counts: map[string]int64{"done": 1, "retried": 2},
		},
		{
			name: "a timeout is an interruption",
			handle: func(call int, ctx context.Context, w *queue.Work) error {
				if call == 1 {
					<-ctx.Done()
					// What happened is recorded even so.
					return errors.Join(ctx.Err(), w.Record(ctx, "a", 1))
				}
				if len(w.Steps()) != 1 {
					return errTest
				}
				return nil
			},
			want:   []string{"1 last=false interrupted=false", "2 last=false interrupted=true"},
			counts: map[string]int64{"done": 1},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			each(t, func(t *testing.T, url string) {
				var seen journal
				registry := metrics.NewRegistry()
				q := start(t, url, queue.Options{
					MaxAttempts: 3, Backoff: retryWithin, StepTimeout: time.Second, Registry: registry,
					Handler: handler{
						handle: func(ctx context.Context, w *queue.Work) error {
							return test.handle(seen.note("%s", describe(w)), ctx, w)
						},
						giveUp: func(_ context.Context, _ *queue.Work, cause error) error {
							return test.giveUp(seen.note("give up: %v", cause))
						},
					},
				})
				accept(t, q, item(1))
				drained(t, q, 20*time.Second)
				assert.Equal(t, test.want, seen.get())
				for outcome, want := range test.counts {
					counter := metrics.GetOrRegisterCounter("queue.deliveries."+outcome, registry)
					eventually(t, func() bool { return counter.Count() == want }, time.Second, outcome) // counted once it is done
				}
			})
		})
	}
}

var errTest = errors.New("the test failed")

func TestRetryAfter(t *testing.T) {
	each(t, func(t *testing.T, url string) {
		for _, test := range []struct {
			name string
			err  error
		}{
			{"an error that says so", fmt.Errorf("create group: %w", limited{300 * time.Millisecond})},
			{"again", &queue.Again{After: 300 * time.Millisecond}},
		} {
			t.Run(test.name, func(t *testing.T) {
				var seen journal
				q := start(t, url, queue.Options{Backoff: retryWithin, Handler: handler{handle: func(context.Context, *queue.Work) error {
					if seen.note("called") == 1 {
						return test.err
					}
					return nil
				}}})
				it := item(1)
				it.GUID, it.CommentID = test.name, int64(len(test.name))
				accept(t, q, it)
				drained(t, q, 10*time.Second)
				require.Len(t, seen.times, 2)
				assert.GreaterOrEqual(t, seen.times[1].Sub(seen.times[0]), 300*time.Millisecond)
				stop(t, q)
			})
		}
	})
}

func TestDepth(t *testing.T) {
	each(t, func(t *testing.T, url string) {
		now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		q, err := queue.New(queue.Options{Store: open(t, url, func() time.Time { return now }), Handler: handler{}})
		require.NoError(t, err)
		depth, oldest, err := q.Depth(t.Context())
		require.NoError(t, err)
		assert.Zero(t, depth)
		assert.Zero(t, oldest)
		accept(t, q, item(1))
		now = now.Add(time.Minute)
		accept(t, q, item(2))
		depth, oldest, err = q.Depth(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 2, depth)
		assert.Equal(t, time.Minute, oldest)
	})
}

// If the queue stops during a step, the step ends. The next one follows after the next
// start, once.
func TestStopBetweenSteps(t *testing.T) {
	each(t, func(t *testing.T, url string) {
		var seen journal
		entered, leave := make(chan struct{}), make(chan struct{})
		h := handler{handle: func(ctx context.Context, w *queue.Work) error {
			step := fmt.Sprint(len(w.Steps()) + 1)
			seen.note("step %s interrupted=%t", step, w.Interrupted)
			if step == "1" {
				close(entered)
				<-leave
			}
			if err := w.Record(ctx, step, "done"); err != nil {
				return err
			}
			if step == "3" {
				return nil
			}
			return &queue.Again{}
		}}
		q := start(t, url, queue.Options{Handler: h})
		accept(t, q, item(1))
		<-entered
		stopped := make(chan struct{})
		go func() { stop(t, q); close(stopped) }()
		<-q.Stopping()
		close(leave)
		<-stopped
		assert.Equal(t, []string{"step 1 interrupted=false"}, seen.get())

		s := openBeside(t, url)
		again := run(t, queue.Options{Store: s, Handler: h}.PollFast())
		drained(t, again, 10*time.Second)
		assert.Equal(t, []string{"step 1 interrupted=false", "step 2 interrupted=false", "step 3 interrupted=false"}, seen.get())
	})
}

// If a step does not end in time when the queue stops, it is cancelled, and the next attempt
// is marked as interrupted.
func TestStopInMidStep(t *testing.T) {
	each(t, func(t *testing.T, url string) {
		var seen journal
		entered := make(chan struct{}, 2)
		h := handler{handle: func(ctx context.Context, w *queue.Work) error {
			n := seen.note("%s", describe(w))
			entered <- struct{}{}
			if n == 1 {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		}}
		q := start(t, url, queue.Options{Handler: h})
		accept(t, q, item(1))
		<-entered
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		require.NoError(t, q.Stop(ctx))

		again := run(t, queue.Options{Store: openBeside(t, url), Handler: h}.PollFast())
		drained(t, again, 10*time.Second)
		assert.Equal(t, []string{"1 last=false interrupted=false", "2 last=false interrupted=true"}, seen.get())
	})
}

// If the database cannot be written, deliveries are refused. Those before and after are kept.
func TestAcceptWithoutDatabase(t *testing.T) {
	each(t, func(t *testing.T, url string) {
		s := openBeside(t, url)
		q, err := queue.New(queue.Options{Store: s, Handler: handler{}})
		require.NoError(t, err)
		accept(t, q, item(1))
		require.NoError(t, s.Close())
		_, err = q.Accept(t.Context(), item(2))
		require.Error(t, err)

		again, err := queue.New(queue.Options{Store: openBeside(t, url), Handler: handler{}})
		require.NoError(t, err)
		assert.False(t, accept(t, again, item(1)))
		assert.True(t, accept(t, again, item(2)))
	})
}
