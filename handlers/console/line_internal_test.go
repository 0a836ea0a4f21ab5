package console

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestLineWords(t *testing.T) {
	t.Parallel()
	tests := []struct {
		line string
		want []string
	}{
		{"/runner-group repos-remove --team platform api", []string{"/runner-group", "repos-remove", "--team", "platform", "api"}},
		{`/x runners-remove "a b\"c" --team p`, []string{"/x", "runners-remove", `a b"c`, "--team", "p"}},
		{`/x trust-add api --reason="-x y" --for  7d`, []string{"/x", "trust-add", "api", "--reason=-x y", "--for", "7d"}},
		{`/x workflows-set --workflows "" --team p`, []string{"/x", "workflows-set", "--workflows", "", "--team", "p"}},
		{`"open`, []string{`"open`}},
		{"", nil},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, lineWords(tt.line), tt.line)
	}
}
