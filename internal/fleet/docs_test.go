package fleet

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// docs/runner-health.md has a row for each kind of finding: its severity, and the lines that
// end it.
func TestDocumentedFindings(t *testing.T) {
	text, err := os.ReadFile("../../docs/runner-health.md")
	require.NoError(t, err)
	rows := map[string][]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z]+_[a-z_]+)` \\| (\\w+) \\|[^|]+\\| (.*) \\|$").FindAllStringSubmatch(string(text), -1) {
		assert.NotContains(t, rows, row[1])
		rows[row[1]] = row[2:]
	}
	s := Settings{Org: "acme", Team: "platform", Slash: "/runner-group", RepoPermission: "admin"}
	subjects := map[Kind]string{RunnerOffline: "platform-2", RunnerUnexpected: "platform-1"}
	line := regexp.MustCompile(`/runner-group [^` + "`" + `]+`)
	for kind, info := range kinds() {
		row := rows[kind]
		if !assert.NotNil(t, row, "there is no row for %s", kind) {
			continue
		}
		delete(rows, kind)
		assert.Equal(t, info.severity, row[0], kind)
		subject := subjects[kind]
		if subject == "" {
			subject = "api"
		}
		message, remedy := s.words(kind, subject, []string{"before", "now"})
		for _, want := range line.FindAllString(message+" "+remedy, -1) {
			assert.Contains(t, row[1], "`"+strings.TrimSpace(want)+"`", kind)
		}
		accepts := strings.Contains(row[1], "`/runner-group group-accept --team platform`")
		assert.Equal(t, info.about == aboutExpected, accepts, "%s: group-accept ends it", kind)
	}
	assert.Empty(t, rows, "rows of no kind")
}
