package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// `make demo` says that it compiles, because that takes minutes the first time, and says
// nothing if the program is up to date.
func TestMakeDemoSaysThatItBuilds(t *testing.T) {
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("SKIPPED: make is not installed")
	}
	program := filepath.Join(t.TempDir(), "demo")
	build := func() string {
		cmd := exec.CommandContext(t.Context(), "make", "--no-print-directory", "demo-build", "DEMO="+program, "BUILD_DEMO=:")
		cmd.Dir = "../.."
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return string(out)
	}
	assert.Equal(t, "Building; the first time takes a few minutes …\n", build())
	require.NoError(t, os.Chmod(program, 0o700))
	assert.Empty(t, build())
	old, err := os.Stat("../../go.mod")
	require.NoError(t, err)
	require.NoError(t, os.Chtimes(program, old.ModTime().Add(-1), old.ModTime().Add(-1)))
	assert.Contains(t, build(), "Building", "a source is newer")
}
