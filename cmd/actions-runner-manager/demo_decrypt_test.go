package main

import (
	"strings"
	"testing"

	"filippo.io/age/armor"
	"github.com/stretchr/testify/assert"
)

// What cannot be decrypted gets a sentence that says what to do.
func TestDecryptRefuses(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	got := doWith(t, nil, "", "demo", "decrypt")
	assert.Equal(t, exitFailed, got.status)
	assert.Contains(t, got.stderr, "no demo of yours with a key runs on this machine; start one")

	start(t, nil, demoArgs()...)
	for text, want := range map[string]string{
		"":                                       "standard input has no encrypted text: paste the lines from",
		"hello\n":                                "standard input has no encrypted text",
		armor.Header + "\nYWdl\n":                "the encrypted text is not complete",
		armor.Header + "\nYWdl\n" + armor.Footer: "copy it whole",
	} {
		got := doWith(t, nil, text, "demo", "decrypt")
		assert.Equal(t, exitFailed, got.status)
		assert.Contains(t, got.stderr, want)
		assert.Equal(t, 1, strings.Count(got.stderr, "\n"), got.stderr)
	}
}
