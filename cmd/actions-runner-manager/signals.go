package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

const (
	// sameSignal is for how long further signals count as the one before: timeout(1) and the
	// supervisors of process groups send two at once.
	sameSignal = time.Second
	// abortTimeout is how long the program may take to end after a second signal. What it
	// still does then is to close the database.
	abortTimeout = 10 * time.Second
)

// onSignals returns a context that ends at the first signal to stop, and a channel that is
// closed at the second one. A third one ends the program, as does abortTimeout.
func onSignals() (ctx context.Context, abort <-chan struct{}) {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as nohup asks for
		signals = append(signals, syscall.SIGHUP)
	}
	received := make(chan os.Signal, 1)
	signal.Notify(received, signals...)
	ctx, stop := context.WithCancel(context.Background())
	second := make(chan struct{})
	go func() {
		<-received
		stop()
		nextSignal(received)
		close(second)
		time.AfterFunc(abortTimeout, func() { os.Exit(exitFailed) })
		nextSignal(received)
		os.Exit(exitFailed)
	}()
	return ctx, second
}

// nextSignal waits for a signal that does not count as the one just received.
func nextSignal(received <-chan os.Signal) {
	for before := time.Now(); time.Since(before) < sameSignal; {
		<-received
	}
}
