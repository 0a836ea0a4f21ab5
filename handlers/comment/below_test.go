package comment

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNamesBelow(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"/runner-group repos-add\napi\nweb\ndocs":               "api,web,docs",
		"/runner-group repos-add api\nacme/web,\r\nx_1\r\n\nHi": "acme/web,x_1",
		"/runner-group repos-add\n- api\n- web":                 "api,web",
		"/runner-group repos-add api\nweb\n/runner-group help":  "web",
		"/runner-group repos-add api\nThanks":                   "",
		"/runner-group repos-add api\nplease do it\nweb":        "",
		"/runner-group repos-add api\nweb\nand that is all.":    "",
		"/runner-group repos-add api\n\nweb":                    "",
		"/runner-group repos-add api\n```\nweb\n```":            "",
		"/runner-group repos-add api,\nweb":                     "",
	} {
		lines := ParseComment(text, "").Lines
		require.NotEmpty(t, lines, text)
		assert.Equal(t, want, lines[0].Below, text)
	}
}
