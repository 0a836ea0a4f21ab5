package queue

import (
	"context"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
)

// A memoryDriver is one of River's drivers with another listener, which hears only of the
// jobs that this process inserts: other replicas find them when they look, which they do
// often anyway for jobs that were snoozed. River's own listener asks SQLite for
// notifications 20 times a second. On PostgreSQL it needs a session of its own, which
// PgBouncer does not give and a failover ends.
type memoryDriver[TTx any] struct {
	riverdriver.Driver[TTx]
	listener *memoryListener
}

func newMemoryDriver[TTx any](driver riverdriver.Driver[TTx]) *memoryDriver[TTx] {
	return &memoryDriver[TTx]{driver, &memoryListener{make(chan struct{}, 1)}}
}

// GetListener returns the listener that the process notifies.
func (d *memoryDriver[TTx]) GetListener(*riverdriver.GetListenenerParams) riverdriver.Listener {
	return d.listener
}

// SupportsListener makes River use the listener.
func (d *memoryDriver[TTx]) SupportsListener() bool { return true }

// SupportsListenNotify keeps River from sending notifications through the database.
func (d *memoryDriver[TTx]) SupportsListenNotify() bool { return false }

// memoryListener notifies River's client of new deliveries, and of nothing else.
type memoryListener struct {
	wake chan struct{} // of size 1
}

// notify has River look for new jobs.
func (l *memoryListener) notify() {
	select {
	case l.wake <- struct{}{}:
	default: // River will look anyway
	}
}

// WaitForNotification returns after notify was called, or if ctx ends.
func (l *memoryListener) WaitForNotification(ctx context.Context) (*riverdriver.Notification, error) {
	select {
	case <-l.wake:
		return &riverdriver.Notification{Topic: "river_insert", Payload: `{"queue":"` + river.QueueDefault + `"}`}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// There is no connection, so River's other methods do nothing.

// Close implements [riverdriver.Listener].
func (l *memoryListener) Close(context.Context) error { return nil }

// Connect implements [riverdriver.Listener].
func (l *memoryListener) Connect(context.Context) error { return nil }

// Listen implements [riverdriver.Listener].
func (l *memoryListener) Listen(context.Context, string) error { return nil }

// Ping implements [riverdriver.Listener].
func (l *memoryListener) Ping(context.Context) error { return nil }

// Schema returns "", the default schema.
func (l *memoryListener) Schema() string { return "" }

// SetAfterConnectExec implements [riverdriver.Listener].
func (l *memoryListener) SetAfterConnectExec(string) {}

// Unlisten implements [riverdriver.Listener].
func (l *memoryListener) Unlisten(context.Context, string) error { return nil }
