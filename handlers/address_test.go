package handlers

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestClientAddress(t *testing.T) {
	proxies := []string{"10.0.0.0/8", "::1/128"}
	tests := []struct {
		name, peer string
		forwarded  []string
		trusted    []string
		want       string // "" if unknown
		stranger   bool
	}{
		{name: "a peer", peer: "192.0.2.1:1234", want: "192.0.2.1"},
		{name: "a peer in IPv6", peer: "[2001:db8::1]:1234", want: "2001:db8::1"},
		{name: "a peer in IPv4 as IPv6", peer: "[::ffff:192.0.2.1]:1234", want: "192.0.2.1"},
		{name: "a zone does not matter", peer: "[fe80::1%eth0]:1234", want: "fe80::1"},
		{name: "a Unix socket", peer: "@", want: ""},
		{name: "a peer that is not trusted", peer: "192.0.2.1:1", forwarded: []string{"203.0.113.9"}, trusted: proxies, want: "192.0.2.1", stranger: true},
		{name: "nobody is trusted", peer: "10.0.0.1:1", forwarded: []string{"203.0.113.9"}, want: "10.0.0.1", stranger: true},
		{name: "a proxy", peer: "10.0.0.1:1", forwarded: []string{"203.0.113.9"}, trusted: proxies, want: "203.0.113.9"},
		{name: "what the client wrote itself is not believed", peer: "10.0.0.1:1", forwarded: []string{"8.8.8.8, 203.0.113.9"}, trusted: proxies, want: "203.0.113.9"},
		{name: "nor in a header of its own", peer: "10.0.0.1:1", forwarded: []string{"8.8.8.8", "203.0.113.9"}, trusted: proxies, want: "203.0.113.9"},
		{name: "two proxies", peer: "10.0.0.1:1", forwarded: []string{"8.8.8.8, 203.0.113.9,10.0.0.2"}, trusted: proxies, want: "203.0.113.9"},
		{name: "proxies alone", peer: "10.0.0.1:1", forwarded: []string{"10.0.0.3, 10.0.0.2"}, trusted: proxies, want: "10.0.0.3"},
		{name: "with ports", peer: "[::1]:1", forwarded: []string{"203.0.113.9:555"}, trusted: proxies, want: "203.0.113.9"},
		{name: "IPv6 with ports", peer: "[::1]:1", forwarded: []string{"[2001:db8::9]:555"}, trusted: proxies, want: "2001:db8::9"},
		{name: "IPv6 in brackets", peer: "[::1]:1", forwarded: []string{"[2001:db8::9]"}, trusted: proxies, want: "2001:db8::9"},
		{name: "a proxy without the header", peer: "10.0.0.1:1", trusted: proxies, want: "10.0.0.1"},
		{name: "a proxy that hides the client", peer: "10.0.0.1:1", forwarded: []string{"8.8.8.8, unknown"}, trusted: proxies, want: "10.0.0.1"},
		{name: "nonsense behind a client", peer: "10.0.0.1:1", forwarded: []string{"x, 203.0.113.9"}, trusted: proxies, want: "203.0.113.9"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := &http.Request{RemoteAddr: tt.peer, Header: http.Header{"X-Forwarded-For": tt.forwarded}}
			var trusted []netip.Prefix
			for _, p := range tt.trusted {
				trusted = append(trusted, netip.MustParsePrefix(p))
			}
			var want netip.Addr
			if tt.want != "" {
				want = netip.MustParseAddr(tt.want)
			}
			assert.Equal(t, want, ClientAddress(r, trusted))
			assert.Equal(t, tt.stranger, ForwardedByStranger(r, trusted))
		})
	}
}

func TestProxyWatch(t *testing.T) {
	tests := []struct {
		name  string
		peers []string
		want  bool // that a proxy is there
	}{
		{"nobody", nil, false},
		{"one peer, again and again", []string{"10.0.0.1:1", "10.0.0.1:2"}, true},
		{"several peers", []string{"192.0.2.1:1", "192.0.2.2:1", "192.0.2.1:3"}, false},
		{"a Unix socket", []string{"@", "@"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var w ProxyWatch
			for i, peer := range tt.peers {
				assert.Equal(t, i == 0, w.Observe(&http.Request{RemoteAddr: peer}), "only the first")
			}
			assert.Equal(t, tt.want, w.Detail() != "")
			assert.NotContains(t, w.Detail(), "10.0.0.1")
		})
	}
}
