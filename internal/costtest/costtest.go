// Package costtest bounds what a test's input may cost for each of its bytes.
package costtest

import (
	"runtime"
	"testing"
	"time"
)

const (
	// What any input may cost, whatever its size. The time is for a busy machine.
	someBytes = 1 << 20
	someTime  = 2 * time.Second
	// What each of its bytes may cost more: several times what usual and hostile inputs take,
	// and far less than a cost that is not linear soon takes.
	bytesPerByte = 2_000
	timePerByte  = 50 * time.Microsecond
	attempts     = 3 // the least counts: a busy machine makes one slow
)

// Of runs f, and returns the bytes that it allocated and the time that it took.
func Of(f func()) (allocated uint64, took time.Duration) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	f()
	took = time.Since(start)
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc, took
}

// Bounded runs f, which reads an input of that many bytes, and fails the test if it costs
// more than so many bytes may. F must do the same again if it is called again.
func Bounded(t testing.TB, size int, f func()) {
	t.Helper()
	maxBytes := uint64(detector * (someBytes + bytesPerByte*size))
	maxTime := someTime + time.Duration(size)*timePerByte
	var allocated uint64
	var took time.Duration
	for range attempts {
		if allocated, took = Of(f); allocated <= maxBytes && took <= maxTime {
			return
		}
	}
	t.Fatalf("an input of %d bytes allocated %d bytes in %s, of at most %d in %s", size, allocated, took, maxBytes, maxTime)
}
