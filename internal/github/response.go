package github

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/gregjones/httpcache"
)

// readBody reads the body to its end. If it is larger than maxAnswer, readBody stops one
// byte after that.
func readBody(resp *http.Response) ([]byte, error) {
	var body bytes.Buffer
	if 0 < resp.ContentLength && resp.ContentLength <= maxAnswer {
		body.Grow(int(resp.ContentLength) + bytes.MinRead) // ReadFrom needs MinRead to see the end without growing
	}
	_, err := body.ReadFrom(io.LimitReader(resp.Body, maxAnswer+1))
	return body.Bytes(), err
}

// A body is the body of a response that is complete in memory. It lets [decode] find the
// value that was decoded from the same answer before.
type body struct {
	io.Reader
	data        []byte
	cache       *cache
	key         string // of the cache; empty for a write
	etag        string
	notModified bool // GitHub answered 304: data comes from the cache
	dropped     bool // data is not there: the cache held the value decoded from it instead
}

// errBodyDropped is returned if a body is read of which the cache only held the decoded value,
// and holds it no more.
var errBodyDropped = errors.New("the stored answer has no body any more")

// droppedBody is the reader of a body that is not there.
type droppedBody struct{}

// Read implements [io.Reader].
func (droppedBody) Read([]byte) (int, error) { return 0, errBodyDropped }

// Close implements [io.Closer].
func (*body) Close() error { return nil }

func (t *transport) newBody(req *http.Request, r *response, reader io.Reader) *body {
	b := &body{Reader: reader, data: r.body, cache: t.app.cache}
	if req.Method == http.MethodGet {
		b.key = req.URL.String() // httpcache's key
		b.etag, b.notModified = r.header.Get("Etag"), r.header.Get(httpcache.XFromCache) != ""
	}
	if b.dropped = b.notModified && r.header.Get(bodyDropped) != ""; b.dropped {
		b.Reader = droppedBody{}
	}
	return b
}

// decode decodes a JSON body, or returns the value that the cache has of it. Other
// callers may hold the same value, so nobody may change it. It returns errBodyDropped if
// neither is there.
func decode[T any](resp *http.Response) (T, error) {
	var answer T
	b, ok := resp.Body.(*body)
	if !ok {
		err := json.NewDecoder(resp.Body).Decode(&answer)
		if err == io.EOF { // Decode returns it unwrapped for an empty body
			err = nil
		}
		return answer, err
	}
	if b.notModified {
		if decoded, ok := b.cache.decoded(b.key, b.etag).(T); ok {
			return decoded, nil
		}
	}
	if b.dropped {
		return answer, errBodyDropped
	}
	if len(b.data) == 0 {
		return answer, nil
	}
	err := json.Unmarshal(b.data, &answer)
	if err == nil && b.etag != "" {
		b.cache.setDecoded(b.key, b.etag, answer)
	}
	return answer, err
}
