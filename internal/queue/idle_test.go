package queue_test

import (
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/internal/queue"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

// TestIdle tells what a queue without work costs; IDLE_TEST says how long to look.
func TestIdle(t *testing.T) {
	look, err := time.ParseDuration(os.Getenv("IDLE_TEST"))
	if err != nil {
		t.Skip("SKIPPED: set IDLE_TEST=20s to measure")
	}
	storetest.Each(t, func(t *testing.T, url string) {
		start(t, url, queue.Options{})
		time.Sleep(2 * time.Second)
		used := cpu()
		time.Sleep(look)
		var mem runtime.MemStats
		runtime.ReadMemStats(&mem)
		t.Logf("idle: %.2f %% of a core, %d MB from the system", 100*(cpu()-used).Seconds()/look.Seconds(), mem.Sys>>20)
	})
}

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
