package server_test

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/url"
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
		message := append(head, make([]byte, size)...)
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
