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
	renewBefore    = 5 * time.Minute  // so long before its expiry, a token is renewed in the background
	unusableBefore = 30 * time.Second // so long before its expiry, a token is no longer used
	renewPause     = 30 * time.Second // between failed renewals in the background
)

// A tokenSource holds one installation token and renews it in time.
type tokenSource struct {
	app  *App
	mint func(context.Context) (installationToken, error)

	mu       sync.Mutex
	current  installationToken
	renewing bool      // in the background
	retryAt  time.Time // no renewal in the background before
	flight   singleflight.Group
}

type installationToken struct {
	value   string // empty: none yet
	expires time.Time
}

// get returns a token that is valid for at least unusableBefore. It waits for GitHub
// only if there is none, as for the first caller or after a long idle time.
func (s *tokenSource) get(ctx context.Context) (string, error) {
	now := s.app.now()
	s.mu.Lock()
	current := s.current
	usable := current.value != "" && now.Before(current.expires.Add(-unusableBefore))
	early := usable && !now.Before(current.expires.Add(-renewBefore)) && !s.renewing && !now.Before(s.retryAt)
	if early {
		s.renewing = true
	}
	s.mu.Unlock()
	if early {
		go s.renewInBackground(foreground(context.WithoutCancel(ctx)), current.value)
	}
	if usable {
		return current.value, nil
	}
	return s.renew(ctx, current.value)
}

func (s *tokenSource) renewInBackground(ctx context.Context, old string) {
	_, err := s.renew(ctx, old)
	if err != nil {
		s.app.logger(ctx).Warn().Err(err).Msg("could not renew the installation token yet")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.renewing = false
	if err != nil {
		s.retryAt = s.app.now().Add(renewPause)
	}
}

// renew replaces the token old. Concurrent callers share one request.
func (s *tokenSource) renew(ctx context.Context, old string) (string, error) {
	flight := s.flight.DoChan(old, func() (any, error) {
		s.mu.Lock()
		current := s.current
		s.mu.Unlock()
		if current.value != old {
			return current.value, nil // another caller has renewed it already
		}
		fresh, err := s.mint(foreground(context.WithoutCancel(ctx)))
		if err != nil {
			return "", err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.current = fresh
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

// getWithExpiry is get for a caller who needs the expiry too.
func (s *tokenSource) getWithExpiry(ctx context.Context) (installationToken, error) {
	if _, err := s.get(ctx); err != nil {
		return installationToken{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current, nil
}

// The token sources of a session, for [Org.minter].
func mainTokens(s *session) *tokenSource    { return s.mainTokens }
func commentTokens(s *session) *tokenSource { return s.commentTokens }

// minter returns a function that mints the tokens of one source. If GitHub no longer
// knows the installation, the App may have been installed again. Then the function
// returns the new installation's token.
func (o *Org) minter(s *session, source func(*session) *tokenSource, options *github.InstallationTokenOptions) func(context.Context) (installationToken, error) {
	return func(ctx context.Context) (installationToken, error) {
		fresh, err := o.app.mint(ctx, s.ID, options)
		if k := KindOf(err); k != NotFound && k != Forbidden {
			return fresh, asUnauthorized(err)
		}
		o.invalidate(s)
		successor, errSuccessor := o.resolve(ctx)
		if errSuccessor != nil || successor.ID == s.ID {
			return installationToken{}, asUnauthorized(err)
		}
		return source(successor).getWithExpiry(ctx)
	}
}

func (a *App) mint(ctx context.Context, installation int64, options *github.InstallationTokenOptions) (installationToken, error) {
	op := fmt.Sprintf("get a token of installation %d", installation)
	// A second token does no harm, so this POST may be sent twice.
	ctx = context.WithValue(ctx, repeatableKey{}, true)
	token, _, err := a.self.Apps.CreateInstallationToken(ctx, installation, options)
	if err != nil {
		return installationToken{}, a.failed(op, err)
	}
	if token.GetToken() == "" {
		return installationToken{}, &Error{Kind: Other, Op: op, Message: "GitHub's answer contains no token"}
	}
	expires := token.GetExpiresAt()
	if expires.IsZero() {
		expires = a.now().Add(time.Hour) // the lifetime that GitHub documents
	}
	return installationToken{value: token.GetToken(), expires: expires}, nil
}
