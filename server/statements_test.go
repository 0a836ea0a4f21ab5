package server_test

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"net"
	"net/url"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

// A sqlCounter forwards connections to PostgreSQL, and counts what a server sends: statements,
// and the round trips in which it sends them. The frontend's messages are a type and a length:
// https://www.postgresql.org/docs/current/protocol-message-formats.html
type sqlCounter struct{ statements, roundTrips atomic.Int64 }

// countSQL returns the address of the database through a counter.
func countSQL(t testing.TB, database string) (string, *sqlCounter) {
	t.Helper()
	address, err := url.Parse(database)
	require.NoError(t, err)
	target := address.Host
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	address.Host = listener.Addr().String()
	c := &sqlCounter{}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", target)
			if err != nil {
				client.Close()
				return
			}
			go func() { _, _ = io.Copy(client, server); client.Close() }()
			go func() { c.forward(server, client); server.Close() }()
		}
	}()
	return address.String(), c
}

func (c *sqlCounter) forward(server io.Writer, client io.Reader) {
	in := bufio.NewReader(client)
	for first := true; ; first = false {
		head := make([]byte, 5) // the first message has no type
		if first {
			head = head[:4]
		}
		if _, err := io.ReadFull(in, head); err != nil {
			return
		}
		size := int(binary.BigEndian.Uint32(head[len(head)-4:])) - 4
		if !first {
			switch head[0] {
			case 'Q': // simple query
				c.statements.Add(1)
				c.roundTrips.Add(1)
			case 'E': // execute
				c.statements.Add(1)
			case 'S': // sync: the server answers now
				c.roundTrips.Add(1)
			}
		}
		message := slices.Concat(head, make([]byte, size))
		if _, err := io.ReadFull(in, message[len(head):]); err != nil {
			return
		}
		if _, err := server.Write(message); err != nil {
			return
		}
	}
}

// A start costs as many statements with many recorded groups as with none.
func TestStartIsIndependentOfGroups(t *testing.T) {
	t.Parallel()
	database := storetest.Postgres(t)
	counted, c := countSQL(t, database)
	w := newWorld(t, acme(), "DATABASE_URL="+counted, "FLEET_POLL_INTERVAL=5m")
	var id int64
	w.hub.Update(func(s *ghsim.State) { id = s.Org("acme").ID })
	var counts []int64
	for _, groups := range []int{0, 5_000} {
		require.NoError(t, w.stop())
		record(t, database, id, groups)
		c.statements.Store(0)
		w.start()
		counts = append(counts, c.statements.Load())
	}
	const background = 15 // what begins to work meanwhile
	assert.InDelta(t, counts[0], counts[1], background, "statements until the server is ready")
}

// record records that many groups of the organization in the database.
func record(t testing.TB, database string, org int64, groups int) {
	t.Helper()
	st, err := store.Open(t.Context(), store.Options{URL: database})
	require.NoError(t, err)
	defer st.Close()
	records := make([]store.Record, groups)
	for i := range records {
		records[i] = store.Record{
			OrgID: org, TeamID: int64(i + 1_000_000), TeamSlug: fmt.Sprintf("team-%d", i), GroupID: int64(i + 1_000_000), GroupName: fmt.Sprintf("team-%d", i),
			Visibility: "selected", Origin: store.Adopted, By: "operator", At: time.Now(),
		}
	}
	require.NoError(t, st.AddRecords(t.Context(), records))
}

// sqlBudgets are the statements and round trips to PostgreSQL of warm commands. None depends on
// how many groups, teams or audit entries there are.
func sqlBudgets() map[string]struct{ statements, roundTrips int64 } {
	return map[string]struct{ statements, roundTrips int64 }{
		"group-list":             {4, 4},
		"repos-add, 1 repo":      {14, 8},
		"repos-add, 20 repos":    {33, 8},
		"repos-remove, 20 repos": {53, 8},
		"repos-set, 20 repos":    {52, 9},
		"token-register":         {4, 4},
		"token-jit":              {8, 5},
		"group-create":           {29, 13},
	}
}

// Nothing is run beside a command here: on a busy machine what the server does by itself would come
// between, each time.
func TestStatementsOfCommands(t *testing.T) {
	for _, c := range costs() {
		budget, ok := sqlBudgets()[c.name]
		if !ok {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			counted, counter := countSQL(t, storetest.Postgres(t))
			w := newWorld(t, bigAcme(10, 100), "DATABASE_URL="+counted)
			c.prepare(w)
			statements, roundTrips := int64(math.MaxInt64), int64(math.MaxInt64)
			for range 40 { // the least counts: the server does other things, too
				if statements <= budget.statements && roundTrips <= budget.roundTrips {
					break
				}
				counter.statements.Store(0)
				counter.roundTrips.Store(0)
				w.ok("ghp_ada", c.request)
				statements, roundTrips = min(statements, counter.statements.Load()), min(roundTrips, counter.roundTrips.Load())
				if c.undo != "" {
					w.ok("ghp_ada", c.undo)
				}
			}
			t.Logf("%-24s %2d statements in %2d round trips", c.name, statements, roundTrips)
			assert.LessOrEqual(t, statements, budget.statements, "statements")
			assert.LessOrEqual(t, roundTrips, budget.roundTrips, "round trips")
		})
	}
}
