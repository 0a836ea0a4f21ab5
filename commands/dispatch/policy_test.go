package dispatch

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/actions-runner-manager/actions-runner-manager/config"
)

func TestPolicyAllows(t *testing.T) {
	p := Policy{Allow: []string{"platform-*", "Web"}, Deny: []string{"*-guests"}}
	for slug, want := range map[string]bool{"platform-core": true, "web": true, "webs": false, "platform-guests": false, "": false} {
		_, ok := p.allows(slug)
		assert.Equal(t, want, ok, slug)
	}
	teams := config.Defaults().Policy.Teams
	_, ok := Policy{Allow: teams.Allow, Deny: teams.Deny}.allows("anything")
	assert.True(t, ok, "by default every team is allowed")
}
