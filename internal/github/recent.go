package github

import (
	"context"
	"net/http"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

const (
	// recentFor is how long an answer of GitHub may be given again to reads that allow it.
	recentFor = 5 * time.Second
	// maxRecent and maxRecentBody bound what is kept for that: answers, and the bytes of each. The
	// answers that matter have no body: GitHub said 304, and the cache has the decoded value.
	maxRecent     = 500
	maxRecentBody = 32 << 10
)

type recentKey struct{}

// AllowRecent lets reads be answered from what GitHub said within the last few seconds, also to
// others, unless this server has changed something in the organization since. It is for pages
// that many people look at, and never for what somebody's right depends on.
func AllowRecent(ctx context.Context) context.Context {
	return context.WithValue(ctx, recentKey{}, true)
}

func allowsRecent(ctx context.Context) bool { return ctx.Value(recentKey{}) != nil }

// recentAnswers are answers of the last seconds. The zero value is ready.
type recentAnswers struct {
	once sync.Once
	lru  *lru.Cache[string, recentAnswer]
}

type recentAnswer struct {
	response *response
	at       time.Time
}

func (r *recentAnswers) cache() *lru.Cache[string, recentAnswer] {
	r.once.Do(func() { r.lru, _ = lru.New[string, recentAnswer](maxRecent) }) // fails only for a size below 1
	return r.lru
}

func (r *recentAnswers) get(key string, now time.Time) *response {
	if answer, ok := r.cache().Get(key); ok && now.Sub(answer.at) < recentFor && !now.Before(answer.at) {
		return answer.response
	}
	return nil
}

func (r *recentAnswers) keep(key string, got *response, now time.Time) {
	if got != nil && got.status == http.StatusOK && len(got.body) <= maxRecentBody {
		r.cache().Add(key, recentAnswer{got, now})
	}
}
