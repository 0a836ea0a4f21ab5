package queue

import (
	"context"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riversqlite"
)

// singleDriver is River's driver for SQLite without its listener, which looks
// for notifications in the database twenty times a second. SQLite has one
// server, so word of a new job can be passed inside the process.
type singleDriver struct {
	*riversqlite.Driver
	listener *singleListener
}

// GetListener is the way in which word is passed.
func (d *singleDriver) GetListener(*riverdriver.GetListenenerParams) riverdriver.Listener {
	return d.listener
}

// singleListener notifies River's client of new deliveries, and of nothing else.
type singleListener struct {
	wake chan struct{} // of size 1
}

// notify says that there are new jobs.
func (l *singleListener) notify() {
	select {
	case l.wake <- struct{}{}:
	default: // it is said already
	}
}

// WaitForNotification waits for notify.
func (l *singleListener) WaitForNotification(ctx context.Context) (*riverdriver.Notification, error) {
	select {
	case <-l.wake:
		return &riverdriver.Notification{Topic: "river_insert", Payload: `{"queue":"` + river.QueueDefault + `"}`}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// The rest of River's interface has nothing to do here.

// Close does nothing.
func (l *singleListener) Close(context.Context) error { return nil }

// Connect does nothing.
func (l *singleListener) Connect(context.Context) error { return nil }

// Listen does nothing.
func (l *singleListener) Listen(context.Context, string) error { return nil }

// Ping does nothing.
func (l *singleListener) Ping(context.Context) error { return nil }

// Schema is the default one.
func (l *singleListener) Schema() string { return "" }

// SetAfterConnectExec does nothing.
func (l *singleListener) SetAfterConnectExec(string) {}

// Unlisten does nothing.
func (l *singleListener) Unlisten(context.Context, string) error { return nil }
