package github

import (
	"encoding/json"
	"math"
	"slices"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/klauspost/compress/s2"
)

// A cache holds the most recently used answers within a budget of bytes, in memory only:
// httpcache stores the live installation token in its entries (to honor Vary), so they
// must never be written to disk. It implements httpcache.Cache.
//
// With each answer the cache holds the value decoded from it. Without that, group-list
// takes 20 % more CPU time. Long answers are compressed: else the lists of 1,000 runner
// groups, which are polled, do not fit. For both see docs/adr/0009-what-is-clever.md.
type cache struct {
	mu     sync.Mutex
	lru    *simplelru.LRU[string, cacheEntry]
	bytes  int64
	budget int64
}

type cacheEntry struct {
	answer  []byte
	packed  bool   // answer is compressed
	etag    string // of the answer that decoded belongs to
	decoded any    // nil: nothing decoded yet
	size    int    // of decoded, in bytes
}

// packFrom is from how many bytes on an answer is compressed.
const packFrom = 4 << 10

// entryOverhead approximates the bytes of an entry in addition to its key and answer.
const entryOverhead = 200

func newCache(budget int64) (*cache, error) {
	c := &cache{budget: budget}
	lru, err := simplelru.NewLRU(math.MaxInt, func(key string, entry cacheEntry) { c.bytes -= entry.cost(key) })
	c.lru = lru
	return c, err
}

// cost approximates the size of an entry in bytes.
func (e cacheEntry) cost(key string) int64 {
	return int64(len(key) + len(e.answer) + e.size + entryOverhead)
}

// Get implements httpcache.Cache.
func (c *cache) Get(key string) ([]byte, bool) {
	c.mu.Lock()
	entry, ok := c.lru.Get(key)
	c.mu.Unlock()
	if !ok || !entry.packed {
		return entry.answer, ok
	}
	answer, err := s2.Decode(nil, entry.answer)
	return answer, err == nil
}

// Set implements httpcache.Cache. If an answer is larger than the whole budget, it is not
// stored.
func (c *cache) Set(key string, answer []byte) {
	entry := cacheEntry{answer: answer}
	if len(answer) >= packFrom {
		entry.answer, entry.packed = slices.Clone(s2.Encode(nil, answer)), true // Encode allocates more
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lru.Remove(key)
	c.add(key, entry)
}

func (c *cache) add(key string, entry cacheEntry) {
	if entry.cost(key) > c.budget {
		return
	}
	c.lru.Add(key, entry)
	c.bytes += entry.cost(key)
	for c.bytes > c.budget {
		c.lru.RemoveOldest()
	}
}

// Delete implements httpcache.Cache by doing nothing. Every read is sent to GitHub with
// the ETag of the stored answer, so no stored answer can be stale. httpcache would also
// delete an entry that a 304 has just confirmed, if it must not store it again.
func (c *cache) Delete(string) {}

// decoded returns the value decoded from the answer with that ETag, or nil if the cache
// does not have it.
func (c *cache) decoded(key, etag string) any {
	c.mu.Lock()
	defer c.mu.Unlock()
	if entry, ok := c.lru.Get(key); ok && entry.etag == etag {
		return entry.decoded
	}
	return nil
}

// setDecoded stores the value decoded from a stored answer. Nobody may change the value
// afterwards. If the answer is not stored, nothing happens.
func (c *cache) setDecoded(key, etag string, decoded any) {
	text, err := json.Marshal(decoded) // without what nobody decodes; hardly smaller than the value
	if err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	entry, ok := c.lru.Peek(key)
	if !ok {
		return
	}
	entry.etag, entry.decoded, entry.size = etag, decoded, len(text)+entryOverhead
	if entry.cost(key) > c.budget {
		return
	}
	c.lru.Remove(key)
	c.add(key, entry)
}
