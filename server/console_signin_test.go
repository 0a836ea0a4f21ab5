package server_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSignIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, acme())
	b := w.browser()
	p := b.get("/console")
	assert.Equal(t, http.StatusUnauthorized, p.status)
	assert.Contains(t, p.body, `href="/console/signin"`)
	p = b.signIn("ada", "/console/acme/platform?range=7d")
	assert.Equal(t, "/console/acme/platform?range=7d", p.url.RequestURI(), "a deep link survives the sign-in")
	assert.Contains(t, p.body, "ada")
	p = b.post("/console/signout", url.Values{})
	assert.Equal(t, http.StatusUnauthorized, p.status)
	assert.Equal(t, "/console", p.url.Path)
	assert.Equal(t, http.StatusForbidden, w.browser().signIn("eve", "/console").status)
}
