package github

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/google/go-github/v41/github"
	"golang.org/x/sync/singleflight"
)

const (
	renewBefore = 5 * time.Minute  // from then on a token is renewed in the background
	deadBefore  = 30 * time.Second // from then on it is not used any more
	renewPause  = 30 * time.Second // between renewals in the background that fail
)

// A tokens holds one installation token and its successor to be.
type tokens struct {
	app  *App
	mint func(context.Context) (minted, error)

	mu       sync.Mutex
	current  minted
	renewing bool
	notYet   time.Time // no renewal in the background before
	flight   singleflight.Group
}

type minted struct {
	value   string
	expires time.Time
}

// get returns a token that is good for a while. Only the first caller of all,
// and one after long silence, waits for it.
func (t *tokens) get(ctx context.Context) (string, error) {
	now := t.app.now()
	t.mu.Lock()
	held := t.current
	usable := held.value != "" && now.Before(held.expires.Add(-deadBefore))
	early := usable && !now.Before(held.expires.Add(-renewBefore)) && !t.renewing && !now.Before(t.notYet)
	if early {
		t.renewing = true
	}
	t.mu.Unlock()
	if early {
		go t.renewEarly(foreground(context.WithoutCancel(ctx)), held.value)
	}
	if usable {
		return held.value, nil
	}
	return t.renew(ctx, held.value)
}

func (t *tokens) renewEarly(ctx context.Context, old string) {
	_, err := t.renew(ctx, old)
	if err != nil {
		t.app.logger(ctx).Warn().Err(err).Msg("the installation token could not be renewed yet")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.renewing = false
	if err != nil {
		t.notYet = t.app.now().Add(renewPause)
	}
}

// renew replaces the token old. Callers that arrive together share one new one.
func (t *tokens) renew(ctx context.Context, old string) (string, error) {
	flight := t.flight.DoChan(old, func() (any, error) {
		t.mu.Lock()
		held := t.current
		t.mu.Unlock()
		if held.value != old {
			return held.value, nil // somebody was faster
		}
		fresh, err := t.mint(foreground(context.WithoutCancel(ctx)))
		if err != nil {
			return "", err
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		t.current = fresh
		return fresh.value, nil
	})
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case result := <-flight:
		value, _ := result.Val.(string)
		return value, result.Err
	}
}

// whole returns the token that is held, with its end.
func (t *tokens) whole(ctx context.Context) (minted, error) {
	if _, err := t.get(ctx); err != nil {
		return minted{}, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.current, nil
}

// The two tokens that a session has.
func mainToken(s *session) *tokens    { return s.mainTokens }
func commentToken(s *session) *tokens { return s.commentTokens }

// minter mints tokens of one kind. Where GitHub does not know the installation
// any more, the App may have been installed anew: then that one's token does.
func (o *Org) minter(s *session, kind func(*session) *tokens, options *github.InstallationTokenOptions) func(context.Context) (minted, error) {
	return func(ctx context.Context) (minted, error) {
		fresh, err := o.app.mint(ctx, s.ID, options)
		if k := KindOf(err); k != NotFound && k != Forbidden {
			return fresh, unsigned(err)
		}
		o.forget(s)
		successor, again := o.resolved(ctx)
		if again != nil || successor.ID == s.ID {
			return minted{}, unsigned(err)
		}
		return kind(successor).whole(ctx)
	}
}

func (a *App) mint(ctx context.Context, installation int64, options *github.InstallationTokenOptions) (minted, error) {
	op := fmt.Sprintf("get a token of installation %d", installation)
	// A token too many does no harm, so this POST may be tried again.
	ctx = context.WithValue(ctx, harmlessKey{}, true)
	token, _, err := a.self.Apps.CreateInstallationToken(ctx, installation, options)
	if err != nil {
		return minted{}, a.failed(op, err)
	}
	if token.GetToken() == "" {
		return minted{}, &Error{Kind: Other, Op: op, Message: "the answer holds no token"}
	}
	expires := token.GetExpiresAt()
	if expires.IsZero() {
		expires = a.now().Add(time.Hour) // what GitHub documents
	}
	return minted{value: token.GetToken(), expires: expires}, nil
}
