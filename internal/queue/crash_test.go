package queue_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/queue"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

// The test binary is its own server. If roleVar is set, it opens the database and accepts
// deliveries. If the role is "work", it also works on them, and appends a line to the file
// of effects for each step, as GitHub would record a change.
const (
	roleVar    = "QUEUE_TEST_ROLE"
	urlVar     = "QUEUE_TEST_URL"
	itemsVar   = "QUEUE_TEST_ITEMS"
	effectsVar = "QUEUE_TEST_EFFECTS"
)

const stepsEach = 3

func child(role string) {
	go func() { // ends with the test, even if that is killed
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(1)
	}()
	ctx := context.Background()
	die := func(err error) {
		if err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
	}
	s, err := store.Open(ctx, store.Options{URL: os.Getenv(urlVar), Exclusive: true})
	die(err)
	q, err := queue.New(queue.Options{
		Store: s, StepTimeout: 2 * time.Second, RescueAfter: 3 * time.Second,
		Handler: handler{handle: threeSteps},
	}.PollFast())
	die(err)
	if role == "work" {
		die(q.Start(ctx))
	}
	items, err := strconv.Atoi(os.Getenv(itemsVar))
	die(err)
	var all sync.WaitGroup
	for n := range items {
		all.Go(func() {
			_, err := q.Accept(ctx, item(n))
			die(err)
		})
	}
	all.Wait()
	fmt.Println("accepted")
	if role != "work" {
		select {} // until it is killed
	}
	for range time.Tick(10 * time.Millisecond) { // without a deadline: the parent has one
		depth, _, err := q.Depth(ctx)
		die(err)
		if depth == 0 {
			break
		}
	}
	fmt.Println("drained")
	die(q.Stop(ctx))
	die(s.Close())
}

// threeSteps is a correct handler: it records each step, and if it was interrupted, it
// looks for the step's effect first.
func threeSteps(ctx context.Context, w *queue.Work) error {
	if len(w.Steps()) == stepsEach {
		return nil // it was killed after the last step
	}
	step := strconv.Itoa(len(w.Steps()) + 1)
	line := w.GUID + " " + step + "\n"
	path := os.Getenv(effectsVar)
	done := false
	if w.Interrupted {
		all, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		done = strings.Contains(string(all), line)
	}
	if !done {
		f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		defer f.Close()
		if _, err := io.WriteString(f, line); err != nil {
			return err
		}
		<-time.After(rand.N(15 * time.Millisecond)) // work that can be killed in the middle
	}
	if err := w.Record(ctx, step, "done"); err != nil {
		return err
	}
	if step == strconv.Itoa(stepsEach) {
		return nil
	}
	return &queue.Again{}
}

// A server is a child process that runs a queue.
type server struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines *bufio.Scanner
}

func serve(t *testing.T, role, url, effects string, items int) *server {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleVar+"="+role, urlVar+"="+url, effectsVar+"="+effects, itemsVar+"="+strconv.Itoa(items))
	cmd.Stderr = os.Stderr
	_, err := cmd.StdinPipe() // stays open as long as this process lives
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	s := &server{t: t, cmd: cmd, lines: bufio.NewScanner(out)}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return s
}

// says waits for a line, at most two minutes.
func (s *server) says(want string) {
	s.t.Helper()
	const within = 2 * time.Minute
	defer time.AfterFunc(within, func() { _ = s.cmd.Process.Kill() }).Stop()
	for s.lines.Scan() {
		line := s.lines.Text()
		if line == want {
			return
		}
		require.False(s.t, strings.HasPrefix(line, "error:"), line)
	}
	require.Failf(s.t, "the server ended", "it did not say %q; if it did not end by itself, it was killed after %s", want, within)
}

// kill is SIGKILL.
func (s *server) kill() {
	s.t.Helper()
	require.NoError(s.t, s.cmd.Process.Kill())
	_ = s.cmd.Wait() // killed
}

func requireEachOnce(t *testing.T, effects string, items int) {
	t.Helper()
	all, err := os.ReadFile(effects)
	require.NoError(t, err)
	counts := map[string]int{}
	for line := range strings.Lines(string(all)) {
		counts[line]++
	}
	for n := range items {
		for step := range stepsEach {
			line := fmt.Sprintf("%s %d\n", item(n).GUID, step+1)
			assert.Equal(t, 1, counts[line], line)
		}
	}
	assert.Len(t, counts, items*stepsEach)
}

func TestKilledBeforeWork(t *testing.T) {
	each(t, func(t *testing.T, url string) {
		s := serve(t, "accept", url, "", 20)
		s.says("accepted")
		s.kill()

		var seen journal
		q := start(t, url, queue.Options{Handler: handler{handle: func(_ context.Context, w *queue.Work) error {
			seen.note("%s", w.GUID)
			assert.False(t, w.Interrupted)
			return nil
		}}})
		drained(t, q, 20*time.Second)
		assert.Len(t, seen.get(), 20)
		assert.False(t, accept(t, q, item(3)))
	})
}

// If the server is killed three times while it works, every step of every delivery takes
// effect once.
func TestKilledDuringWork(t *testing.T) {
	each(t, func(t *testing.T, url string) {
		const items = 30
		effects := filepath.Join(t.TempDir(), "effects")
		for range 3 {
			s := serve(t, "work", url, effects, items)
			s.says("accepted")
			<-time.After(rand.N(80 * time.Millisecond)) // a random moment, not a wait for something
			s.kill()
		}
		passMinute(t, url)
		s := serve(t, "work", url, effects, items)
		began := time.Now()
		s.says("drained")
		t.Logf("went on and was done %s after the start", time.Since(began))
		require.NoError(t, s.cmd.Wait())
		requireEachOnce(t, effects, items)
	})
}

// passMinute does to River's tables what a minute of waiting does: the term of the leader
// that was killed is over, and its jobs have been running for so long that they are rescued.
func passMinute(t *testing.T, url string) {
	t.Helper()
	s := openBeside(t, url)
	if s.Dialect() != store.PostgreSQL {
		return // the only server rescues all jobs when it starts
	}
	for _, statement := range []string{
		`UPDATE river_leader SET expires_at = expires_at - interval '1 minute', elected_at = elected_at - interval '1 minute'`,
		`UPDATE river_job SET attempted_at = attempted_at - interval '1 minute' WHERE state = 'running'`,
	} {
		_, err := s.Exec(t.Context(), statement)
		require.NoError(t, err)
	}
}

// If two servers get the same deliveries at the same time, each is done once.
func TestTwoReplicas(t *testing.T) {
	t.Parallel()
	const items = 200
	for name, url := range map[string]func(testing.TB) string{"postgres": storetest.Postgres, "pgbouncer": storetest.PgBouncer} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, effects := url(t), filepath.Join(t.TempDir(), "effects")
			one := serve(t, "work", url, effects, items)
			two := serve(t, "work", url, effects, items)
			one.says("drained")
			two.says("drained")
			require.NoError(t, one.cmd.Wait())
			require.NoError(t, two.cmd.Wait())
			requireEachOnce(t, effects, items)
		})
	}
}
