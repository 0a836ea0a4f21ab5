package github

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"

	"github.com/gregjones/httpcache"
)

// readAnswer reads the body to its end, or a byte more than we take.
func readAnswer(resp *http.Response) ([]byte, error) {
	var body bytes.Buffer
	if 0 < resp.ContentLength && resp.ContentLength <= maxAnswer {
		body.Grow(int(resp.ContentLength) + bytes.MinRead) // else it grows again to see the end
	}
	_, err := body.ReadFrom(io.LimitReader(resp.Body, maxAnswer+1))
	return body.Bytes(), err
}

// A body is that of an answer that was read to its end.
type body struct {
	io.Reader
	whole []byte
	cache *cache
	key   string
	etag  string
	again bool // GitHub confirmed what the cache holds
}

// Close implements io.Closer.
func (*body) Close() error { return nil }

// decode decodes an answer of JSON, or finds what was decoded of it before. What it
// returns may be another caller's too: it must not be changed.
func decode[T any](resp *http.Response) (T, error) {
	var answer T
	b, ok := resp.Body.(*body)
	if !ok {
		err := json.NewDecoder(resp.Body).Decode(&answer)
		return answer, unlessEmpty(err)
	}
	if b.again {
		if known, ok := b.cache.decoded(b.key, b.etag).(T); ok {
			return known, nil
		}
	}
	if len(b.whole) == 0 {
		return answer, nil
	}
	err := json.Unmarshal(b.whole, &answer)
	if err == nil && b.etag != "" {
		b.cache.keep(b.key, b.etag, answer)
	}
	return answer, err
}

func unlessEmpty(err error) error {
	if err == io.EOF { //nolint:errorlint // Decode returns it bare
		return nil
	}
	return err
}

// bodyOf is the body of an answer to req.
func (g *gate) bodyOf(req *http.Request, e *exchanged, r io.Reader) *body {
	b := &body{Reader: r, whole: e.body, cache: g.app.cache}
	if req.Method == http.MethodGet {
		// as httpcache names what it keeps
		b.key, b.etag, b.again = req.URL.String(), e.header.Get("Etag"), e.header.Get(httpcache.XFromCache) != ""
	}
	return b
}
