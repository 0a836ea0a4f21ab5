package github

import (
	"context"
	"errors"

	"github.com/google/go-github/v41/github"
)

// send makes a request for which go-github v41 has no method, or whose answer it decodes
// incompletely. headers are names and values in turn. Callers share the answer and must
// not change it: see [decode].
func send[T any](ctx context.Context, c *github.Client, method, path string, body any, headers ...string) (T, *github.Response, error) {
	var answer T
	req, err := c.NewRequest(method, path, body)
	if err != nil {
		return answer, nil, err
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := c.BareDo(ctx, req)
	var accepted *github.AcceptedError
	if errors.As(err, &accepted) { // go-github reports a 202 as an error
		return answer, resp, nil
	}
	if err != nil {
		return answer, resp, err
	}
	defer resp.Body.Close()
	answer, err = decode[T](resp.Response)
	return answer, resp, err
}
