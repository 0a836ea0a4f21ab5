package github

import (
	"bufio"
	"bytes"
	"fmt"
	"math"
	"net/http"
	"reflect"
	"strings"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// A cache holds the most recently used answers within a budget of bytes, in memory only:
// httpcache stores the live installation token in its entries (to honor Vary), so they
// must never be written to disk. It implements httpcache.Cache.
//
// Httpcache only stores the headers of answers, see [received]. In place of an answer's body
// the cache holds the value decoded from it, once it is decoded. It has only the
// fields that we use: GitHub sends some 5 kB of each repository. Without decoded values
// group-list takes 20 % more CPU time, and with the bodies beside them the answers about a
// thousand polled groups do not fit: see docs/adr/0009-what-is-clever.md.
type cache struct {
	mu     sync.Mutex
	lru    *simplelru.LRU[string, cacheEntry]
	bytes  int64
	budget int64
}

type cacheEntry struct {
	answer  []byte // status line and headers
	etag    string // of the answer that body and decoded belong to
	body    []byte // nil: there is decoded instead, or nothing yet
	decoded any    // nil: nothing decoded yet
	size    int    // of decoded, in bytes
}

// grow adds to the budget.
func (c *cache) grow(budget int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.budget += budget
}

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
	return int64(len(key) + len(e.answer) + len(e.body) + e.size + entryOverhead)
}

// Get implements httpcache.Cache.
func (c *cache) Get(key string) ([]byte, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	entry, ok := c.lru.Get(key)
	return entry.answer, ok
}

// Set implements httpcache.Cache. If an answer is larger than the whole budget, it is not
// stored.
func (c *cache) Set(key string, answer []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lru.Remove(key)
	c.add(key, cacheEntry{answer: answer})
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

// kept returns what the cache has of the answer with that ETag: its body, or the value decoded
// from it, or neither.
func (c *cache) kept(key, etag string) (body []byte, decoded any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if entry, ok := c.lru.Get(key); ok && entry.etag == etag {
		return entry.body, entry.decoded
	}
	return nil, nil
}

// setBody stores the body of a stored answer. If the answer is not stored, nothing happens.
func (c *cache) setBody(key, etag string, body []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if entry, ok := c.lru.Peek(key); ok {
		c.lru.Remove(key)
		c.add(key, cacheEntry{answer: entry.answer, etag: etag, body: body})
	}
}

// setDecoded stores the value decoded from a stored answer, in place of the answer's body.
// Nobody may change the value afterwards. If the answer is not stored, nothing happens.
func (c *cache) setDecoded(key, etag string, decoded any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	entry, ok := c.lru.Peek(key)
	if !ok {
		return
	}
	head, err := withoutBody(entry.answer)
	if err != nil {
		return
	}
	entry = cacheEntry{answer: head, etag: etag, decoded: decoded, size: sizeOf(reflect.ValueOf(decoded))}
	c.lru.Remove(key)
	c.add(key, entry)
}

// bodyDropped marks a stored answer whose body is not stored.
const bodyDropped = "X-Body-Dropped"

// withoutBody returns the stored answer with only the headers that
// httpcache and our lists read: of Vary, those that the request had. The others come with
// each 304.
func withoutBody(answer []byte) ([]byte, error) {
	resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(answer)), nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	header := http.Header{bodyDropped: {"1"}, "Content-Length": {"0"}}
	for name, values := range resp.Header {
		varied, isVaried := strings.CutPrefix(name, "X-Varied-")
		switch {
		case name == "Etag", name == "Last-Modified", name == "Link":
			header[name] = values
		case isVaried:
			header[name] = values
			header.Add("Vary", varied)
		}
	}
	var head bytes.Buffer
	fmt.Fprintf(&head, "HTTP/1.1 %s\r\n", resp.Status)
	if err := header.Write(&head); err != nil {
		return nil, err
	}
	head.WriteString("\r\n")
	return bytes.Clone(head.Bytes()), nil // without the room to grow
}

// sizeOf returns about how many bytes the value takes, with all that it points to.
func sizeOf(v reflect.Value) int {
	if !v.IsValid() {
		return 0
	}
	size := int(v.Type().Size())
	switch v.Kind() {
	case reflect.String:
		size += v.Len()
	case reflect.Pointer, reflect.Interface:
		size += sizeOf(v.Elem())
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			size += sizeOf(v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			size += sizeOf(v.Field(i)) - int(v.Field(i).Type().Size())
		}
	case reflect.Map:
		for entries := v.MapRange(); entries.Next(); {
			size += sizeOf(entries.Key()) + sizeOf(entries.Value())
		}
	default:
	}
	return size
}
