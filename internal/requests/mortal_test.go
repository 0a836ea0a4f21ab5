package requests_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"modernc.org/sqlite"

	"github.com/actions-runner-manager/actions-runner-manager/commands/commandtest"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

func TestMain(m *testing.M) {
	sqlite.RegisterConnectionHook(watchCommits)
	storetest.Main(m)
}

// A mortal is a process that ends at one of its acts: a call to GitHub, or a write to the
// database. From then on nothing of what it does reaches either.
type mortal struct {
	*commandtest.Kit
	ctx context.Context // ends with the process

	mu    sync.Mutex
	end   context.CancelFunc
	at    int // the act at which it ends; 0: none
	after bool
	acts  int
	dead  bool
}

// newMortal starts a process beside the kit, on the same database and GitHub.
func newMortal(t *testing.T, k *commandtest.Kit, database string) *mortal {
	t.Helper()
	m := &mortal{}
	m.ctx, m.end = context.WithCancel(t.Context())
	t.Cleanup(m.end)
	hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		effect, alive := m.act(r.Method != http.MethodGet)
		if effect && alive {
			k.Hub.ServeHTTP(w, r)
			return
		}
		if effect {
			k.Hub.ServeHTTP(httptest.NewRecorder(), r)
		}
		m.end()
		panic(http.ErrAbortHandler)
	}))
	t.Cleanup(hub.Close)
	if path, ok := strings.CutPrefix(database, "sqlite:"); ok {
		committers.Store(path, m)
		t.Cleanup(func() { committers.Delete(path) })
	} else {
		database = m.proxy(t, database)
	}
	m.Kit = k.Process(database, hub.URL)
	return m
}

// dies makes the process end at that act from now on: before its effect, or after it and before
// the process learns of it. Only acts that change something have an after.
func (m *mortal) dies(at int, after bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at, m.after, m.acts = at, after, 0
}

func (m *mortal) isDead() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.dead
}

// act counts an act. It reports whether it has an effect, and whether the process lives to see
// it.
func (m *mortal) act(changes bool) (effect, alive bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dead {
		return false, false
	}
	if m.at == 0 || m.after && !changes {
		return true, true
	}
	if m.acts++; m.acts < m.at {
		return true, true
	}
	m.dead = true
	return m.after, false
}

// committers are the mortals that write to an SQLite database, by its path.
var committers sync.Map

// watchCommits counts each commit of an SQLite database as an act.
func watchCommits(conn sqlite.ExecQuerierContext, dsn string) error {
	path, _, _ := strings.Cut(strings.TrimPrefix(dsn, "file:"), "?")
	m, ok := committers.Load(path)
	if !ok {
		return nil
	}
	conn.(sqlite.HookRegisterer).RegisterCommitHook(func() int32 {
		effect, alive := m.(*mortal).act(true)
		if !alive {
			m.(*mortal).end()
		}
		if effect {
			return 0
		}
		return 1 // rolls back
	})
	return nil
}

// proxy returns the URL of the PostgreSQL database through a proxy that counts writes as acts.
func (m *mortal) proxy(t *testing.T, database string) string {
	t.Helper()
	at, err := url.Parse(database)
	require.NoError(t, err)
	behind := at.Host
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			front, err := l.Accept()
			if err != nil {
				return
			}
			back, err := net.Dial("tcp", behind)
			if err != nil || m.isDead() {
				front.Close()
				continue
			}
			c := &proxied{m: m, front: front, back: back}
			go c.close(c.forward)
			go c.close(c.backward)
		}
	}()
	at.Host = l.Addr().String()
	return at.String()
}

// A proxied is a connection to PostgreSQL.
type proxied struct {
	m           *mortal
	front, back net.Conn
	last        bool // the answer to come is the one that the process does not see
	mu          sync.Mutex
}

// close closes both ends once pass has ended.
func (c *proxied) close(pass func() error) {
	_ = pass()
	c.front.Close()
	c.back.Close()
}

// writes matches the statements that change something. Within a transaction only COMMIT has a
// lasting effect, and the others are counted too.
var writes = regexp.MustCompile(`(?i)\b(INSERT INTO|UPDATE|DELETE FROM|COMMIT)\b`)

// forward passes on what the process sends: what belongs to one round trip, at once.
// https://www.postgresql.org/docs/current/protocol-message-formats.html
func (c *proxied) forward() error {
	startup, err := message(c.front, 0)
	if err != nil {
		return err
	}
	if _, err := c.back.Write(startup); err != nil {
		return err
	}
	var trip []byte
	for {
		one, err := message(c.front, 1)
		if err != nil {
			return err
		}
		trip = append(trip, one...)
		switch one[0] {
		case 'Q', 'S': // a simple query, or the end of extended ones
			effect, alive := !c.m.isDead(), true
			if effect && writes.Match(trip) {
				effect, alive = c.m.act(true)
			}
			if !effect {
				c.m.end()
				return net.ErrClosed
			}
			c.mu.Lock()
			c.last = !alive
			c.mu.Unlock()
		case 'P', 'B', 'D', 'E', 'C': // parse, bind, describe, execute, close: before S
			continue
		}
		if _, err := c.back.Write(trip); err != nil {
			return err
		}
		trip = nil
	}
}

// backward passes on what PostgreSQL answers.
func (c *proxied) backward() error {
	for {
		one, err := message(c.back, 1)
		if err != nil {
			return err
		}
		c.mu.Lock()
		last := c.last
		c.mu.Unlock()
		if last && one[0] == 'Z' { // ready for the next query: it is done
			c.m.end()
			return nil
		}
		if last {
			continue
		}
		if _, err := c.front.Write(one); err != nil {
			return err
		}
	}
}

// message reads a message with that many bytes before its length.
func message(r io.Reader, before int) ([]byte, error) {
	head := make([]byte, before+4)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	body := make([]byte, binary.BigEndian.Uint32(head[before:])-4)
	_, err := io.ReadFull(r, body)
	return append(head, body...), err
}
