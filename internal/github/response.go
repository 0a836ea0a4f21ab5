package github

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"

	"github.com/google/go-github/v41/github"
	"github.com/gregjones/httpcache"
	"golang.org/x/sync/errgroup"
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
}

// Close implements [io.Closer].
func (*body) Close() error { return nil }

func (t *transport) newBody(req *http.Request, r *response, reader io.Reader) *body {
	b := &body{Reader: reader, data: r.body, cache: t.app.cache}
	if req.Method == http.MethodGet {
		b.key = req.URL.String() // httpcache's key
		b.etag, b.notModified = r.header.Get("Etag"), r.header.Get(httpcache.XFromCache) != ""
	}
	return b
}

// decode decodes a JSON body, or returns the value that the cache has of it. Other
// callers may hold the same value, so nobody may change it.
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
	if len(b.data) == 0 {
		return answer, nil
	}
	err := json.Unmarshal(b.data, &answer)
	if err == nil && b.etag != "" {
		b.cache.setDecoded(b.key, b.etag, answer)
	}
	return answer, err
}

const (
	perPage       = 100 // GitHub's maximum
	parallelPages = 8   // requests of one list in flight
)

// listAll gets all pages of a list. The first page links to the last one, so the pages in
// between are requested in parallel.
func listAll[T any](ctx context.Context, page func(context.Context, github.ListOptions) ([]T, *github.Response, error)) ([]T, error) {
	first, resp, err := page(ctx, github.ListOptions{PerPage: perPage})
	if err != nil {
		return nil, err
	}
	all := slices.Clone(first) // callers may share first: see decode
	if last := resp.LastPage; last > 1 {
		rest := make([][]T, last-1)
		group, groupCtx := errgroup.WithContext(ctx)
		group.SetLimit(parallelPages)
		for i := range rest {
			group.Go(func() error {
				items, pageResp, err := page(groupCtx, github.ListOptions{PerPage: perPage, Page: i + 2})
				rest[i] = items
				if i == len(rest)-1 {
					resp = pageResp
				}
				return err
			})
		}
		if err := group.Wait(); err != nil {
			return nil, err
		}
		all = append(all, slices.Concat(rest...)...)
	}
	// If the list grew meanwhile or GitHub did not link to its end, go on page by page.
	for resp.NextPage != 0 {
		var items []T
		if items, resp, err = page(ctx, github.ListOptions{PerPage: perPage, Page: resp.NextPage}); err != nil {
			return nil, err
		}
		all = append(all, items...)
	}
	return all, nil
}

// listQuery returns the query string of one page.
func listQuery(o github.ListOptions) string {
	return "?" + pageValues(o).Encode()
}
