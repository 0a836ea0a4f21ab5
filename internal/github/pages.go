package github

import (
	"context"
	"slices"

	"github.com/google/go-github/v41/github"
	"golang.org/x/sync/errgroup"
)

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
