package queue

import (
	"context"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riversqlite"
)

// singleDriver is River's driver for SQLite with another listener, because River's asks the
// database for notifications 20 times a second. If the database is SQLite there is one
// server, so it can notify itself in memory.
type singleDriver struct {
	*riversqlite.Driver
	listener *singleListener
}

// GetListener returns the listener that the server notifies.
func (d *singleDriver) GetListener(*riverdriver.GetListenenerParams) riverdriver.Listener {
	return d.listener
}

// singleListener notifies River's client of new deliveries, and of nothing else.
type singleListener struct {
	wake chan struct{} // of size 1
}

// notify has River look for new jobs.
func (l *singleListener) notify() {
	select {
	case l.wake <- struct{}{}:
	default: // River will look anyway
	}
}

// WaitForNotification returns after notify was called, or if ctx ends.
func (l *singleListener) WaitForNotification(ctx context.Context) (*riverdriver.Notification, error) {
	select {
	case <-l.wake:
		return &riverdriver.Notification{Topic: "river_insert", Payload: `{"queue":"` + river.QueueDefault + `"}`}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// There is no connection, so River's other methods do nothing.

// Close implements [riverdriver.Listener].
func (l *singleListener) Close(context.Context) error { return nil }

// Connect implements [riverdriver.Listener].
func (l *singleListener) Connect(context.Context) error { return nil }

// Listen implements [riverdriver.Listener].
func (l *singleListener) Listen(context.Context, string) error { return nil }

// Ping implements [riverdriver.Listener].
func (l *singleListener) Ping(context.Context) error { return nil }

// Schema returns "", the default schema.
func (l *singleListener) Schema() string { return "" }

// SetAfterConnectExec implements [riverdriver.Listener].
func (l *singleListener) SetAfterConnectExec(string) {}

// Unlisten implements [riverdriver.Listener].
func (l *singleListener) Unlisten(context.Context, string) error { return nil }
