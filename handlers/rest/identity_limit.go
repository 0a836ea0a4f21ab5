package rest

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// maxAddresses bounds how many addresses are watched at once.
const maxAddresses = 4_096

// attempts counts the new tokens that each address tries: at most rate different
// ones within any minute. The same token again is no further one.
type attempts struct {
	rate      int
	mu        sync.Mutex
	addresses *lru.Cache[netip.Prefix, []attempt]
}

// An attempt is the first use of a new token. Part of its hash distinguishes it from others.
type attempt struct {
	token [8]byte
	at    time.Time
}

func newAttempts(rate int) *attempts {
	return &attempts{rate: rate, addresses: newLRU[netip.Prefix, []attempt](maxAddresses)}
}

// add counts a token that address tries. It returns how long the address has to
// wait before it may try this one, 0 if it may now.
func (a *attempts) add(address netip.Prefix, key tokenKey, now time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	token := [8]byte(key[:8])
	tried, _ := a.addresses.Get(address)
	tried = slices.DeleteFunc(tried, func(t attempt) bool { return now.Sub(t.at) >= time.Minute })
	wait := time.Duration(0)
	switch {
	case slices.ContainsFunc(tried, func(t attempt) bool { return t.token == token }):
	case len(tried) >= a.rate:
		wait = tried[0].at.Add(time.Minute).Sub(now)
	default:
		tried = append(tried, attempt{token: token, at: now})
	}
	a.addresses.Add(address, tried)
	return wait
}

// limitKey is what an address is counted under: itself, or its /64 if it is
// IPv6, since a subscriber of IPv6 has a whole /64 to change addresses in.
func limitKey(addr netip.Addr) netip.Prefix {
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	key, _ := addr.Prefix(bits)
	return key
}

// wait returns how long the address has to wait before it may try another new token.
func (a *attempts) wait(address netip.Prefix, now time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	tried, _ := a.addresses.Get(address)
	tried = slices.DeleteFunc(tried, func(t attempt) bool { return now.Sub(t.at) >= time.Minute })
	a.addresses.Add(address, tried)
	if len(tried) < a.rate {
		return 0
	}
	return tried[0].at.Add(time.Minute).Sub(now)
}
