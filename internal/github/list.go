package github

import (
	"context"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strconv"

	"github.com/google/go-github/v41/github"
	"golang.org/x/sync/errgroup"
)

const (
	perPage       = 100   // GitHub's maximum
	parallelPages = 8     // requests of one list in flight
	maxPages      = 1_000 // of one list
)

// A pageOf gets one page of a list. count is how many items GitHub says the whole list has;
// 0: it does not say.
type pageOf[T any] func(context.Context, github.ListOptions) (items []T, count int, resp *github.Response, err error)

// listAll gets all pages of a list that GitHub does not count.
func listAll[T any](ctx context.Context, page func(context.Context, github.ListOptions) ([]T, *github.Response, error)) ([]T, error) {
	return listCounted(ctx, func(ctx context.Context, o github.ListOptions) ([]T, int, *github.Response, error) {
		items, resp, err := page(ctx, o)
		return items, 0, resp, err
	})
}

// listCounted gets all pages of a list. If fewer items came than GitHub counts, the list
// may have changed meanwhile, so it is read again; at last it fails with Incomplete. It does
// not depend on the Link header, which gateways strip.
func listCounted[T any](ctx context.Context, page pageOf[T]) ([]T, error) {
	const attempts = 3
	var failure error
	for range attempts {
		all, count, err := readPages(ctx, page)
		if err != nil {
			return nil, err
		}
		if len(all) >= count {
			return all, nil
		}
		failure = &Error{Kind: Incomplete, Message: fmt.Sprintf("GitHub counts %d items, but only %d came", count, len(all))}
	}
	return nil, failure
}

// readPages gets the pages of a list, and the lowest count that came with one of them: a list
// that grows while it is read is counted differently by its pages. The
// pages after the first are requested in parallel as far as the first tells their number, and
// with them the one behind a last page that must be full.
func readPages[T any](ctx context.Context, page pageOf[T]) (all []T, count int, _ error) {
	first, count, resp, err := page(ctx, github.ListOptions{PerPage: perPage})
	if err != nil {
		return nil, 0, err
	}
	all = slices.Clone(first) // callers may share first: see decode
	latest := first
	last := min(max(1, resp.LastPage, count/perPage+1), maxPages)
	rest, counts := make([][]T, last-1), make([]int, last-1)
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(parallelPages)
	for i := range rest {
		group.Go(func() error {
			items, n, pageResp, err := page(groupCtx, github.ListOptions{PerPage: perPage, Page: i + 2})
			rest[i], counts[i] = items, n
			if i == len(rest)-1 {
				resp, latest = pageResp, items
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, 0, err
	}
	all = append(all, slices.Concat(rest...)...)
	for _, n := range counts {
		count = lowerCount(count, n)
	}
	// Go on page by page if the list grew meanwhile or GitHub did not link to its end. A full
	// page may have a successor although it has no link: that may have been stripped, or
	// be the one of a 304, which is as old as the page itself.
	for n := last + 1; resp.NextPage != 0 || len(latest) >= perPage; n++ {
		var items []T
		var more int
		if items, more, resp, err = page(ctx, github.ListOptions{PerPage: perPage, Page: n}); err != nil {
			return nil, 0, err
		}
		if n > maxPages || len(items) > 0 && reflect.DeepEqual(items, latest) {
			return nil, 0, &Error{Kind: Incomplete, Message: fmt.Sprintf("the list has no end: page %d is like the one before", n)}
		}
		all = append(all, items...)
		latest, count = items, lowerCount(count, more)
	}
	return all, count, nil
}

// lowerCount returns the lower of two counts; 0 is none.
func lowerCount(a, b int) int {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}

// listQuery returns the query string of one page.
func listQuery(o github.ListOptions) string {
	return "?" + pageValues(o).Encode()
}

func pageValues(o github.ListOptions) url.Values {
	values := url.Values{"per_page": {strconv.Itoa(o.PerPage)}}
	if o.Page > 1 {
		values.Set("page", strconv.Itoa(o.Page))
	}
	return values
}
