package handlers

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
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
