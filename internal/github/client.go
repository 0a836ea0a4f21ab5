package github

import (
	"context"
	"errors"

	"github.com/google/go-github/v41/github"
)

// send asks for what go-github v41 has no method for, or leaves something out
// of the answer. What it returns may be shared: see decode.
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
	if errors.As(err, &accepted) { // 202 is an error to go-github
		return answer, resp, nil
	}
	if err != nil {
		return answer, resp, err
	}
	defer resp.Body.Close()
	answer, err = decode[T](resp.Response)
	return answer, resp, err
}
