package ghsim_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"
)

const (
	waitFor = 5 * time.Second
	tick    = 5 * time.Millisecond
)

func id(n int64) string { return strconv.FormatInt(n, 10) }

func serve(t *testing.T, h http.Handler) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv
}
