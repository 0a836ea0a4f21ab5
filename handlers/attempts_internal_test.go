package handlers

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestLimitKey(t *testing.T) {
	for addr, want := range map[string]string{
		"192.0.2.1":          "192.0.2.1/32",
		"2001:db8:1:2:3::4":  "2001:db8:1:2::/64",
		"2001:db8:1:2:ff::1": "2001:db8:1:2::/64",
	} {
		assert.Equal(t, netip.MustParsePrefix(want), limitKey(netip.MustParseAddr(addr)))
	}
	assert.Equal(t, netip.Prefix{}, limitKey(netip.Addr{}), "who is unknown shares one budget")
}
