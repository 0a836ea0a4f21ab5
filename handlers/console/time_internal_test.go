package console

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestLengthOf(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"7d": "7 days", "168h0m0s": "7 days", "1d": "24 h", "2h": "2 h", "2h0m0s": "2 h", "1h30m": "90 min", "xd": "xd", "": "",
	} {
		assert.Equal(t, want, lengthOf(text), text)
	}
}
