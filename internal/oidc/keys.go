package oidc

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/sync/singleflight"
)

const (
	// refreshEvery is how often the issuer is asked for its keys at most, however many tokens
	// with unknown keys arrive.
	refreshEvery = 10 * time.Second
	// refreshAfter is when known keys are read again, beside the requests that use them, so
	// that a key that the issuer withdrew does not count forever.
	refreshAfter = time.Hour
	// refreshTimeout bounds one look at the issuer.
	refreshTimeout = 5 * time.Second
	// maxDocument bounds a document of the issuer, in bytes.
	maxDocument = 1 << 20
	// minKeyBits is the least length of a key: https://www.rfc-editor.org/rfc/rfc7518#section-3.3
	minKeyBits = 2048
	maxKeys    = 100
)

// A KeysError says that the issuer did not give its keys, so that a token whose key is not
// known could not be verified.
type KeysError struct {
	Issuer     string
	RetryAfter time.Duration
	Cause      error
}

// Error implements [error].
func (e *KeysError) Error() string { return fmt.Sprintf("keys of %s: %v", e.Issuer, e.Cause) }

// Unwrap returns the cause.
func (e *KeysError) Unwrap() error { return e.Cause }

// A keySet is the issuer's keys as last read. It is used instead of go-oidc's RemoteKeySet,
// which reads them again for every token with an unknown key.
type keySet struct {
	issuer string
	client *http.Client
	now    func() time.Time
	flight singleflight.Group

	mu      sync.Mutex
	keys    map[string]*rsa.PublicKey // by id; those of the last good answer
	address string                    // of the keys; empty: not discovered yet
	readAt  time.Time                 // when keys were read
	triedAt time.Time                 // when they were last asked for
	failure error                     // of that try
}

func newKeySet(issuer string, client *http.Client, now func() time.Time) *keySet {
	careful := *client
	careful.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &keySet{issuer: issuer, client: &careful, now: now}
}

// key returns the key of that id.
func (k *keySet) key(ctx context.Context, id string) (*rsa.PublicKey, error) {
	if id == "" {
		return nil, refuse("This JSON Web Token does not name the key that it is signed with.")
	}
	key, stale := k.known(id)
	if key != nil {
		if stale {
			go func() { _ = k.refresh(context.WithoutCancel(ctx)) }()
		}
		return key, nil
	}
	if err := k.refresh(ctx); err != nil {
		return nil, err
	}
	if key, _ = k.known(id); key != nil {
		return key, nil
	}
	return nil, refuse("This JSON Web Token is signed with a key that %s does not have: %s.", k.issuer, quote(id))
}

// known returns the key of that id, nil if it is not known, and whether the keys should be
// read again.
func (k *keySet) known(id string) (key *rsa.PublicKey, stale bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	return k.keys[id], now.Sub(k.readAt) >= refreshAfter && now.Sub(k.triedAt) >= refreshEvery
}

// refresh reads the keys unless they were asked for within [refreshEvery]: then it returns
// what came of that. Many callers wait for one and the same look, and not for longer than
// their own contexts.
func (k *keySet) refresh(ctx context.Context) error {
	done := k.flight.DoChan("", func() (any, error) {
		k.mu.Lock()
		tried, failure := k.triedAt, k.failure
		if now := k.now(); tried.IsZero() || now.Sub(tried) >= refreshEvery {
			k.triedAt = now
			k.mu.Unlock()
			return nil, k.read(context.WithoutCancel(ctx))
		}
		k.mu.Unlock()
		return nil, failure
	})
	select {
	case result := <-done:
		if result.Err == nil {
			return nil
		}
		return k.unavailable(result.Err)
	case <-ctx.Done():
		return k.unavailable(ctx.Err())
	}
}

func (k *keySet) unavailable(cause error) *KeysError {
	k.mu.Lock()
	defer k.mu.Unlock()
	wait := refreshEvery - k.now().Sub(k.triedAt)
	return &KeysError{Issuer: k.issuer, RetryAfter: max(min(wait, refreshEvery), time.Second), Cause: cause}
}

// read asks the issuer for its keys. If it fails, those known stay.
func (k *keySet) read(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, refreshTimeout)
	defer cancel()
	k.mu.Lock()
	address := k.address
	k.mu.Unlock()
	var err error
	if address == "" {
		address, err = k.discover(ctx)
	}
	var keys map[string]*rsa.PublicKey
	if err == nil {
		keys, err = k.download(ctx, address)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.failure = err; err != nil {
		k.address = "" // perhaps it moved
		return err
	}
	k.keys, k.address, k.readAt = keys, address, k.now()
	return nil
}

// discover returns the address of the keys.
// https://openid.net/specs/openid-connect-discovery-1_0.html
func (k *keySet) discover(ctx context.Context) (string, error) {
	var document struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	if err := k.get(ctx, k.issuer+"/.well-known/openid-configuration", &document); err != nil {
		return "", err
	}
	if document.Issuer != k.issuer {
		return "", fmt.Errorf("%s calls itself %.200q", k.issuer, document.Issuer)
	}
	if !isSafe(document.Keys) {
		return "", fmt.Errorf("the keys of %s are not at an https address", k.issuer)
	}
	return document.Keys, nil
}

// download returns the keys that can verify RS256, by their ids. Others are left out.
func (k *keySet) download(ctx context.Context, address string) (map[string]*rsa.PublicKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := k.get(ctx, address, &set); err != nil {
		return nil, err
	}
	keys := map[string]*rsa.PublicKey{}
	for _, raw := range set.Keys[:min(len(set.Keys), maxKeys)] {
		var key jose.JSONWebKey
		if err := key.UnmarshalJSON(raw); err != nil {
			continue // of a type that go-jose does not know
		}
		public, ok := key.Key.(*rsa.PublicKey)
		if ok && key.KeyID != "" && (key.Use == "" || key.Use == "sig") && (key.Algorithm == "" || key.Algorithm == string(jose.RS256)) && public.N.BitLen() >= minKeyBits {
			keys[key.KeyID] = public
		}
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%s has no key for RS256", address)
	}
	return keys, nil
}

// get reads a JSON document of the issuer.
func (k *keySet) get(ctx context.Context, address string, document any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return fmt.Errorf("ask %s: %w", address, err)
	}
	req.Header.Set("Accept", "application/json")
	res, err := k.client.Do(req)
	if err != nil {
		return fmt.Errorf("ask the issuer of tokens: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", address, res.Status)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxDocument))
	if err != nil {
		return fmt.Errorf("read %s: %w", address, err)
	}
	if err := json.Unmarshal(body, document); err != nil {
		return fmt.Errorf("read %s: %w", address, err)
	}
	return nil
}
