package github

import (
	"math"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// A cache keeps the newest answers within a budget of bytes, in memory only:
// entries hold the live installation token (httpcache stores it to honour
// Vary), so they must never reach a disk. It implements httpcache.Cache.
type cache struct {
	mu     sync.Mutex
	lru    *simplelru.LRU[string, []byte]
	bytes  int64
	budget int64
}

// entryCost is about what an entry takes beside its key and its answer.
const entryCost = 200

func newCache(budget int64) (*cache, error) {
	c := &cache{budget: budget}
	lru, err := simplelru.NewLRU(math.MaxInt, func(key string, answer []byte) { c.bytes -= cost(key, answer) })
	c.lru = lru
	return c, err
}

func cost(key string, answer []byte) int64 { return int64(len(key) + len(answer) + entryCost) }

// Get implements httpcache.Cache.
func (c *cache) Get(key string) ([]byte, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lru.Get(key)
}

// Set implements httpcache.Cache. An answer that is larger than the whole
// budget is not kept.
func (c *cache) Set(key string, answer []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lru.Remove(key)
	if cost(key, answer) > c.budget {
		return
	}
	c.lru.Add(key, answer)
	c.bytes += cost(key, answer)
	for c.bytes > c.budget {
		c.lru.RemoveOldest()
	}
}

// Delete implements httpcache.Cache, and does nothing: every answer is asked for anew,
// with what is kept as the validator, so that nothing kept can be wrong. httpcache
// deletes also what a 304 has just confirmed, where it may not store it again.
func (c *cache) Delete(string) {}
