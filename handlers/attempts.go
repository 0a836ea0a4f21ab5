package handlers

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// maxAddresses bounds how many addresses are watched at once.
const maxAddresses = 4_096

// Attempts count the new tokens that each address tries, or the sign-ins that it begins: at most
// rate different ones within any minute. The same one again is no further one.
type Attempts struct {
	rate      int
	mu        sync.Mutex
	addresses *lru.Cache[netip.Prefix, []attempt]
}

// An AttemptKey distinguishes attempts: part of a token's hash, or a random value.
type AttemptKey [8]byte

type attempt struct {
	key AttemptKey
	at  time.Time
}

// NewAttempts returns a limit of rate attempts per address and minute.
func NewAttempts(rate int) *Attempts {
	addresses, err := lru.New[netip.Prefix, []attempt](maxAddresses)
	if err != nil {
		panic(err) // the size is a constant above 0
	}
	return &Attempts{rate: rate, addresses: addresses}
}

// Add counts an attempt of address. It returns how long the address has to wait before it may
// make this one, 0 if it may now. Unknown addresses are all the zero Addr.
func (a *Attempts) Add(address netip.Addr, key AttemptKey, now time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	from := limitKey(address)
	made := a.lately(from, now)
	wait := time.Duration(0)
	switch {
	case slices.ContainsFunc(made, func(t attempt) bool { return t.key == key }):
	case len(made) >= a.rate:
		wait = made[0].at.Add(time.Minute).Sub(now)
	default:
		made = append(made, attempt{key: key, at: now})
	}
	a.addresses.Add(from, made)
	return wait
}

// Wait returns how long the address has to wait before it may make another new attempt.
func (a *Attempts) Wait(address netip.Addr, now time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	from := limitKey(address)
	made := a.lately(from, now)
	a.addresses.Add(from, made)
	if len(made) < a.rate {
		return 0
	}
	return made[0].at.Add(time.Minute).Sub(now)
}

// lately returns the attempts of the last minute.
func (a *Attempts) lately(from netip.Prefix, now time.Time) []attempt {
	made, _ := a.addresses.Get(from)
	return slices.DeleteFunc(made, func(t attempt) bool { return now.Sub(t.at) >= time.Minute })
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
