package github

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

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

// A received takes the body of an answer that httpcache is to store, so that it only stores
// the headers. The body goes into our [cache] by itself.
type received struct{ body []byte } // nil: nothing was taken

// receivedKey is the key of the *received in the context of a request.
type receivedKey struct{}

// take reads the body of resp to its end, and leaves an empty one.
func (r *received) take(resp *http.Response) error {
	defer resp.Body.Close()
	body, err := readBody(resp)
	if err != nil {
		return err
	}
	if r.body = body; body == nil {
		r.body = []byte{}
	}
	resp.Body, resp.ContentLength = http.NoBody, 0
	resp.Header.Set(bodyDropped, "1")
	resp.Header.Del("Content-Length")
	return nil
}

// etagOf returns the ETag of an answer, to be compared weakly, as GitHub compares If-None-Match:
// what compresses a body also weakens its ETag, but not that of a 304 (RFC 9110, section 8.8.3).
func etagOf(header http.Header) string { return strings.TrimPrefix(header.Get("Etag"), "W/") }

// wholeBody returns the body of the answer to req: what past took, which goes into the cache, or
// what the cache has of an answer that GitHub confirmed. It returns nil if the cache has what
// was decoded of it, and errBodyDropped if it has neither.
func (t *transport) wholeBody(req *http.Request, resp *http.Response, past *received) ([]byte, error) {
	body, err := readBody(resp) // to its end, so that httpcache stores the headers
	if err != nil || resp.Header.Get(bodyDropped) == "" {
		return body, err
	}
	key, etag := req.URL.String(), etagOf(resp.Header) // httpcache's key
	if past.body != nil {
		resp.Header.Del(bodyDropped)
		if len(past.body) <= maxAnswer {
			t.app.cache.setBody(key, etag, past.body)
		}
		return past.body, nil
	}
	body, decoded := t.app.cache.kept(key, etag)
	switch {
	case body != nil:
		resp.Header.Del(bodyDropped)
	case decoded == nil:
		return nil, errBodyDropped
	}
	return body, nil
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
		b.etag, b.notModified = etagOf(r.header), r.header.Get(httpcache.XFromCache) != ""
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
		_, kept := b.cache.kept(b.key, b.etag)
		if decoded, ok := kept.(T); ok {
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
