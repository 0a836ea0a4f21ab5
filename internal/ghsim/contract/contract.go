// Package contract checks exchanges with GitHub, simulated or not, against
// GitHub's own OpenAPI document. It is apart from ghsim so that only tests
// carry the OpenAPI library. A test of anything that talks to a simulator
// checks all of it so:
//
//	doc, err := contract.New(os.Getenv("GITHUB_CONTRACT_DIR"))
//	…
//	sim.OnExchange = func(e ghsim.Exchange) {
//		if !e.Injected {
//			assert.NoError(t, doc.Check(e.Request, e.RequestBody, e.Status, e.Header, e.ResponseBody))
//		}
//	}
package contract

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// A Contract is GitHub's OpenAPI document, ready to check exchanges.
type Contract struct {
	router routers.Router
}

// New reads github-rest.json from a folder. A relative folder is looked for
// from the working directory upwards, since tests run in their package's.
func New(dir string) (*Contract, error) {
	file, err := locate(dir)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read GitHub's OpenAPI document: %w", err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(data)
	if err != nil {
		return nil, fmt.Errorf("decode GitHub's OpenAPI document: %w", err)
	}
	doc.Servers = nil // any host will do
	repair(doc)
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		return nil, fmt.Errorf("index GitHub's OpenAPI document: %w", err)
	}
	return &Contract{router: router}, nil
}

// repair fixes the one place in the document that is plainly wrong: an account
// in the list of installations is said to be a user and an enterprise at once,
// if a single installation's account is, rightly, any of them.
func repair(doc *openapi3.T) {
	list := doc.Paths.Value("/app/installations").Get.Responses.Status(http.StatusOK).Value.Content.Get("application/json")
	account := list.Schema.Value.Items.Value.Properties["account"].Value
	account.AnyOf, account.AllOf = account.AllOf, nil
}

func locate(dir string) (string, error) {
	file := filepath.Join(dir, "github-rest.json")
	if filepath.IsAbs(dir) {
		return file, nil
	}
	base, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the working directory: %w", err)
	}
	for {
		candidate := filepath.Join(base, file)
		if _, err := os.Stat(candidate); err == nil {
			return candidate, nil
		}
		if base == filepath.Dir(base) {
			return "", fmt.Errorf("there is no %s below the working directory or a folder above it", file)
		}
		base = filepath.Dir(base)
	}
}

// undescribed are operations that GitHub has but the reference data does not hold.
var undescribed = regexp.MustCompile(`^/(meta|zen|users/[^/]+|organizations/\d+|installation/repositories)$`)

// aliases are GitHub's routes by id, and the documented ones that answer alike.
var aliases = []struct {
	id   *regexp.Regexp
	slug string
}{
	{regexp.MustCompile(`^/organizations/\d+/team/\d+`), "/orgs/o/teams/t"},
	{regexp.MustCompile(`^/repositories/\d+`), "/repos/o/r"},
}

// Check validates a request and its answer. The request may have failed: then
// the answer must be an error in GitHub's form, and a request that GitHub
// called invalid may be so. Nil means that all is as documented.
func (c *Contract) Check(req *http.Request, body []byte, status int, header http.Header, respBody []byte) error {
	path := strings.TrimPrefix(req.URL.EscapedPath(), "/api/v3")
	if undescribed.MatchString(path) {
		return nil
	}
	for _, a := range aliases {
		path = a.id.ReplaceAllString(path, a.slug)
	}
	wrap := func(err error) error {
		return fmt.Errorf("%s %s: %d: %w", req.Method, req.URL.RequestURI(), status, err)
	}
	input, err := c.input(req, path, body)
	if err != nil {
		return wrap(err)
	}
	ctx := context.Background()
	if status != http.StatusBadRequest && status != http.StatusUnprocessableEntity {
		if err := openapi3filter.ValidateRequest(ctx, input); err != nil {
			return wrap(fmt.Errorf("the request: %w", err))
		}
	}
	if input.Route.Operation.Responses.Status(status) == nil {
		if err := undocumented(status, respBody); err != nil {
			return wrap(err)
		}
		return nil
	}
	output := &openapi3filter.ResponseValidationInput{RequestValidationInput: input, Status: status, Header: header, Options: input.Options}
	output.SetBodyBytes(respBody)
	if err := openapi3filter.ValidateResponse(ctx, output); err != nil {
		return wrap(fmt.Errorf("the answer: %w", err))
	}
	return nil
}

func (c *Contract) input(req *http.Request, path string, body []byte) (*openapi3filter.RequestValidationInput, error) {
	target, err := url.Parse("http://github" + path)
	if err != nil {
		return nil, fmt.Errorf("parse the path: %w", err)
	}
	target.RawQuery = req.URL.RawQuery
	clone := req.Clone(context.Background())
	clone.URL, clone.Host, clone.Body = target, target.Host, io.NopCloser(bytes.NewReader(body))
	route, params, err := c.router.FindRoute(clone)
	if err != nil {
		return nil, fmt.Errorf("no documented operation: %w", err)
	}
	if len(body) > 0 && clone.Header.Get("Content-Type") == "" {
		clone.Header.Set("Content-Type", "application/json") // GitHub takes it for granted
	}
	return &openapi3filter.RequestValidationInput{
		Request: clone, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true},
	}, nil
}

// undocumented judges a status that the document does not list: it may be one
// of GitHub's errors, which are never complete there, a 304, or the redirect from a
// repository's former name, which every operation on a repository has.
func undocumented(status int, body []byte) error {
	switch {
	case status == http.StatusNotModified && len(body) == 0:
		return nil
	case status == http.StatusMovedPermanently, status == http.StatusTemporaryRedirect:
	case status < 400:
		return errors.New("the status is not documented")
	}
	var e struct {
		Message string `json:"message"`
	}
	if err := json.Unmarshal(body, &e); err != nil || e.Message == "" {
		return errors.New("the error has no message")
	}
	return nil
}
