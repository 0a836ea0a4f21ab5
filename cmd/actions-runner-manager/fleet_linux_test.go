package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// openTerminal returns both sides of a terminal of that size.
func openTerminal(t *testing.T, width, height uint16) (ours, theirs *os.File) {
	t.Helper()
	ours, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("there are no terminals here: ", err)
	}
	t.Cleanup(func() { _ = ours.Close() })
	fd := int(ours.Fd())
	require.NoError(t, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	require.NoError(t, err)
	require.NoError(t, unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Col: width, Row: height}))
	theirs, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("terminals cannot be opened here: ", err)
	}
	t.Cleanup(func() { _ = theirs.Close() })
	return ours, theirs
}

// On a terminal --watch has a screen of its own, fits its width, and gives the screen back
// at Ctrl-C.
func TestFleetWatchTerminal(t *testing.T) {
	t.Parallel()
	g := newGitHub(t)
	require.Equal(t, 0, do(t, g.environ, "groups", "adopt", "--all", "--yes").status)
	for _, tt := range []struct {
		name, setting string
		screen, color bool
	}{
		{"terminal", "TERM=xterm", true, true},
		{"no colors", "NO_COLOR=1", true, false},
		{"empty NO_COLOR", "NO_COLOR=", true, true},
		{"dumb terminal", "TERM=dumb", false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ours, theirs := openTerminal(t, 40, 10)
			cmd := exec.CommandContext(t.Context(), binary, "fleet", "--watch", "--interval", "100ms")
			cmd.Env, cmd.Stdout, cmd.Stderr = g.with(tt.setting), theirs, theirs
			require.NoError(t, cmd.Start())
			out := new(buffer)
			go func() { // ends when both sides are closed
				chunk := make([]byte, 4096)
				for {
					n, err := ours.Read(chunk)
					_, _ = out.Write(chunk[:n])
					if err != nil {
						return
					}
				}
			}()
			require.Eventually(t, func() bool { return strings.Count(out.String(), "2 groups") >= 2 }, 30*time.Second, 20*time.Millisecond, "%q", out)
			require.NoError(t, cmd.Process.Signal(os.Interrupt))
			require.NoError(t, cmd.Wait(), "%q", out)
			assert.Equal(t, tt.color, strings.Contains(out.String(), "\x1b[1m"), "%q", out)
			assert.Equal(t, tt.screen, strings.HasPrefix(out.String(), "\x1b[?1049h\x1b[?25l"), "%q", out)
			if tt.screen {
				require.Eventually(t, func() bool { return strings.HasSuffix(out.String(), "\x1b[?25h\x1b[?1049l") }, 10*time.Second, 10*time.Millisecond, "%q", out)
			} else {
				assert.NotContains(t, out.String(), "\x1b")
			}
		})
	}
}
