package doctor

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestOlder(t *testing.T) {
	for version, want := range map[string]bool{"3.9.4": true, "3.10.0": false, "3.17.0": false, "2.22.1": true, "4.0": false, "odd": false} {
		assert.Equal(t, want, older(version, 3, 10), version)
	}
}
