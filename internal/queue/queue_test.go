package queue_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/queue"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVar); role != "" {
		child(role)
		return
	}
	flag.Parse()
	if err := flag.Set("test.parallel", strconv.Itoa(max(8, runtime.GOMAXPROCS(0)))); err != nil { // the tests wait more than they compute
		panic(err)
	}
	storetest.Main(m)
}

// each runs the test on every database, beside other tests.
func each(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	t.Parallel()
	for name, url := range map[string]func(testing.TB) string{
		"sqlite": storetest.SQLite, "postgres": storetest.Postgres, "pgbouncer": storetest.PgBouncer,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, url(t))
		})
	}
}

// handler is a queue.Handler made of functions. If one is nil, it does nothing.
type handler struct {
	handle func(context.Context, *queue.Work) error
	giveUp func(context.Context, *queue.Work, error) error
}

func (h handler) Handle(ctx context.Context, w *queue.Work) error {
	if h.handle == nil {
		return nil
	}
	return h.handle(ctx, w)
}

func (h handler) GiveUp(ctx context.Context, w *queue.Work, cause error) error {
	if h.giveUp == nil {
		return nil
	}
	return h.giveUp(ctx, w, cause)
}

func open(t testing.TB, url string, clock func() time.Time) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{URL: url, Clock: clock, Exclusive: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// openBeside opens a store beside another of this process.
func openBeside(t testing.TB, url string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{URL: url})
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

// start opens a store and runs a queue on it until the test ends.
func start(t testing.TB, url string, o queue.Options) *queue.Queue {
	t.Helper()
	o.Store = open(t, url, nil)
	return run(t, o.PollFast())
}

func run(t testing.TB, o queue.Options) *queue.Queue {
	t.Helper()
	o.Logger = zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.ErrorLevel)
	if o.Handler == nil {
		o.Handler = handler{}
	}
	q, err := queue.New(o)
	require.NoError(t, err)
	require.NoError(t, q.Start(t.Context()))
	t.Cleanup(func() { stop(t, q) })
	return q
}

func stop(t testing.TB, q *queue.Queue) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	require.NoError(t, q.Stop(ctx))
}

func item(n int) queue.Item {
	return queue.Item{GUID: fmt.Sprintf("guid-%05d", n), InstallationID: 77, CommentID: int64(1000 + n), Payload: []byte(`{"n":1}`)}
}

func accept(t testing.TB, q *queue.Queue, it queue.Item) bool {
	t.Helper()
	fresh, err := q.Accept(context.Background(), it)
	require.NoError(t, err)
	return fresh
}

func eventually(t testing.TB, condition func() bool, within time.Duration, msg string) {
	t.Helper()
	require.Eventually(t, condition, within, 10*time.Millisecond, msg)
}

func drained(t testing.TB, q *queue.Queue, within time.Duration) {
	t.Helper()
	eventually(t, func() bool {
		depth, _, err := q.Depth(context.Background())
		return err == nil && depth == 0
	}, within, "the queue is not done")
}

func TestAcceptOnce(t *testing.T) {
	each(t, func(t *testing.T, url string) {
		var mu sync.Mutex
		var handled []string
		q := start(t, url, queue.Options{Handler: handler{handle: func(_ context.Context, w *queue.Work) error {
			mu.Lock()
			defer mu.Unlock()
			handled = append(handled, w.GUID)
			assert.Equal(t, 1, w.Attempt)
			assert.False(t, w.Interrupted)
			assert.Equal(t, int64(77), w.InstallationID)
			assert.JSONEq(t, `{"n":1}`, string(w.Payload))
			return nil
		}}})

		assert.True(t, accept(t, q, item(1)))
		assert.False(t, accept(t, q, item(1)), "the same delivery")
		other := item(1)
		other.GUID = "another"
		assert.False(t, accept(t, q, other), "the same comment under another GUID, which is not signed")
		drained(t, q, 5*time.Second)
		assert.False(t, accept(t, q, item(1)), "the same delivery, done")
		assert.False(t, accept(t, q, other), "the same comment, done")

		// Two without a comment are two.
		for _, guid := range []string{"no-comment-1", "no-comment-2"} {
			assert.True(t, accept(t, q, queue.Item{GUID: guid, InstallationID: 77, Payload: []byte(`{"n":1}`)}))
		}
		drained(t, q, 5*time.Second)
		mu.Lock()
		defer mu.Unlock()
		assert.ElementsMatch(t, []string{"guid-00001", "no-comment-1", "no-comment-2"}, handled)

		_, err := q.Accept(context.Background(), queue.Item{})
		require.Error(t, err)
	})
}

// On SQLite our statement inserts the same job as River's own.
func TestJobsAreAsRiverInsertsThem(t *testing.T) {
	s := open(t, storetest.SQLite(t), nil)
	q, err := queue.New(queue.Options{Store: s, Handler: handler{}})
	require.NoError(t, err)
	it := item(1)
	it.GUID = `a "GUID"`
	require.True(t, accept(t, q, it))
	require.NoError(t, q.InsertByRiver(t.Context(), it.GUID))
	var columns, ours, rivers string
	require.NoError(t, s.QueryRow(t.Context(), `SELECT group_concat(CASE WHEN name LIKE '%_at'
			THEN 'typeof(' || name || '), length(' || name || '), abs(julianday(' || name || ') - julianday(''now'')) < 1'
			ELSE 'typeof(' || name || '), quote(' || name || ')' END)
		FROM pragma_table_info('river_job') WHERE name <> 'id'`).Scan(&columns))
	all := `SELECT json_array(` + columns + `) FROM river_job ORDER BY id`
	require.NoError(t, s.QueryRow(t.Context(), all+` LIMIT 1`).Scan(&ours))
	require.NoError(t, s.QueryRow(t.Context(), all+` LIMIT 1 OFFSET 1`).Scan(&rivers))
	assert.Equal(t, rivers, ours)
}

// If every delivery of a burst arrives twice, each is done once.
func TestBurst(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		const deliveries, connections = 500, 32
		var mu sync.Mutex
		handled := map[string]int{}
		q := run(t, queue.Options{Store: open(t, url, nil), Handler: handler{handle: func(ctx context.Context, w *queue.Work) error {
			if err := w.Record(ctx, "one", "x"); err != nil {
				return err
			}
			mu.Lock()
			handled[w.GUID]++
			mu.Unlock()
			return nil
		}}})
		var fresh int
		var slowest time.Duration
		work := make(chan int)
		var all sync.WaitGroup
		began := time.Now()
		for range connections {
			all.Go(func() {
				for n := range work {
					started := time.Now()
					ok, err := q.Accept(context.Background(), item(n%deliveries))
					took := time.Since(started)
					assert.NoError(t, err)
					mu.Lock()
					if ok {
						fresh++
					}
					slowest = max(slowest, took)
					mu.Unlock()
				}
			})
		}
		for n := range 2 * deliveries {
			work <- n
		}
		close(work)
		all.Wait()
		t.Logf("accepted within %s, the slowest took %s", time.Since(began), slowest)
		assert.Equal(t, deliveries, fresh)
		drained(t, q, 2*time.Minute)
		t.Logf("all done after %s", time.Since(began))
		mu.Lock()
		defer mu.Unlock()
		assert.Len(t, handled, deliveries)
		for guid, n := range handled {
			assert.Equal(t, 1, n, guid)
		}
	})
}

func TestLatency(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		done := make(chan time.Time, 1)
		q := run(t, queue.Options{Store: open(t, url, nil), Handler: handler{handle: func(context.Context, *queue.Work) error {
			done <- time.Now()
			return nil
		}}})
		for n := range 3 {
			accept(t, q, item(n))
			began := time.Now()
			took := (<-done).Sub(began)
			t.Logf("started %s after it was accepted", took)
			if n > 0 { // the first waits for the queue's own start
				assert.Less(t, took, time.Second)
			}
			drained(t, q, 5*time.Second)
		}
	})
}
