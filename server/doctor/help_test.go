package doctor_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sections returns the anchors of docs/troubleshooting.md.
func sections(t *testing.T) (anchors []string) {
	t.Helper()
	text, err := os.ReadFile("../../docs/troubleshooting.md")
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		if heading := strings.TrimLeft(line, "#"); heading != line {
			anchors = append(anchors, strings.ReplaceAll(strings.ToLower(strings.TrimSpace(heading)), " ", "-"))
		}
	}
	return anchors
}

// Each check has its section, also one that this organization passes, and no section is of a
// check that does not exist. Links within the documents lead somewhere.
func TestTroubleshootingHasEveryCheck(t *testing.T) {
	anchors := sections(t)
	names := map[string]bool{}
	c := newClinic(t)
	for _, check := range c.examine().Checks {
		names[check.Name] = true
		assert.Contains(t, anchors, check.Name)
	}
	text, err := os.ReadFile("../../docs/troubleshooting.md")
	require.NoError(t, err)
	for _, heading := range regexp.MustCompile(`(?m)^### (.+)$`).FindAllStringSubmatch(string(text), -1) {
		assert.True(t, names[heading[1]], "%s is no check", heading[1])
	}
	for _, link := range regexp.MustCompile(`\]\(#([^)]+)\)`).FindAllStringSubmatch(string(text), -1) {
		assert.Contains(t, anchors, link[1])
	}
	for _, other := range []string{"maintainers.md", "deploy.md"} {
		text, err := os.ReadFile("../../docs/" + other)
		require.NoError(t, err)
		for _, link := range regexp.MustCompile(`troubleshooting\.md#([a-z-]+)`).FindAllStringSubmatch(string(text), -1) {
			assert.Contains(t, anchors, link[1], other)
		}
	}
}
