package doctor

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The README lists what the App needs for those who create it by hand.
func TestReadmeListsNeeds(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	for _, p := range Permissions() {
		assert.Contains(t, string(readme), p.Title+": "+p.Access)
	}
	for _, e := range Events() {
		assert.Contains(t, string(readme), e.Title)
	}
}
