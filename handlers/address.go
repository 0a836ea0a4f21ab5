package handlers

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
)

const forwardedFor = "X-Forwarded-For"

// ClientAddress returns the address that r comes from. X-Forwarded-For is read
// from the right, each entry being believed only if the hop that reported it
// is in trusted. The zero Addr means that it is unknown (a Unix socket).
func ClientAddress(r *http.Request, trusted []netip.Prefix) netip.Addr {
	client := PeerAddress(r)
	hops := strings.Split(strings.Join(r.Header.Values(forwardedFor), ","), ",")
	for _, hop := range slices.Backward(hops) {
		if !inAny(trusted, client) {
			return client
		}
		reported, ok := parseAddress(hop)
		if !ok {
			// What no address is ("unknown") hides the client: the hop that
			// says so is the last one known.
			return client
		}
		client = reported
	}
	return client
}

// ForwardedByStranger reports whether r carries an X-Forwarded-For that is not
// believed, because its peer is not in trusted.
func ForwardedByStranger(r *http.Request, trusted []netip.Prefix) bool {
	return r.Header.Get(forwardedFor) != "" && !inAny(trusted, PeerAddress(r))
}

// A ProxyWatch notices a proxy that is not trusted: X-Forwarded-For that comes from one
// untrusted peer, and from no other. Then all callers have the proxy's address, and share
// one limit of new tokens. The zero value is ready.
type ProxyWatch struct {
	mu      sync.Mutex
	peer    netip.Addr
	several bool
}

// Observe looks at a request whose X-Forwarded-For is not believed. It reports whether it is
// the first one.
func (w *ProxyWatch) Observe(r *http.Request) (first bool) {
	peer := PeerAddress(r)
	w.mu.Lock()
	defer w.mu.Unlock()
	first = w.peer == netip.Addr{} && !w.several
	if first {
		w.peer = peer
	}
	// A peer without an address is a Unix socket, which is no address to trust.
	w.several = w.several || w.peer != peer || !peer.IsValid()
	return first
}

// Detail describes the proxy for those who watch over the server; it is empty if there is
// none. It does not contain the proxy's address, which the log has.
func (w *ProxyWatch) Detail() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.several || !w.peer.IsValid() {
		return ""
	}
	return "a proxy that is not trusted passes requests on, so all callers share its address and one limit of new tokens; " +
		"add it to server.trustedProxies; its address is in the server's log"
}

// PeerAddress returns the address of the connection: a proxy's if there is one.
func PeerAddress(r *http.Request) netip.Addr {
	addr, _ := parseAddress(r.RemoteAddr)
	return addr
}

// parseAddress reads an address with or without a port.
func parseAddress(text string) (netip.Addr, bool) {
	text = strings.TrimSpace(text)
	if withPort, err := netip.ParseAddrPort(text); err == nil {
		return withPort.Addr().Unmap().WithZone(""), true
	}
	addr, err := netip.ParseAddr(strings.Trim(text, "[]"))
	return addr.Unmap().WithZone(""), err == nil
}

func inAny(prefixes []netip.Prefix, addr netip.Addr) bool {
	return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(addr) })
}
