package server_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"

	"github.com/stretchr/testify/require"
)

// A consoleBrowser keeps cookies, and follows redirects as far as a test lets it.
type consoleBrowser struct {
	w      *world
	client http.Client
	jar    http.CookieJar
}

// A page is an answer that a browser got.
type page struct {
	status int
	header http.Header
	url    *url.URL // of the page itself, behind the redirects
	body   string
}

// browser returns a new browser, without cookies.
func (w *world) browser() *consoleBrowser {
	w.t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(w.t, err)
	return &consoleBrowser{w: w, jar: jar, client: http.Client{Transport: w.client.Transport, Jar: jar, Timeout: w.client.Timeout}}
}

// signIn returns a browser in which the person is signed in.
func (w *world) signIn(login string) *consoleBrowser {
	w.t.Helper()
	b := w.browser()
	p := b.signIn(login, "/console")
	require.Equal(w.t, http.StatusOK, p.status, p.body)
	require.Equal(w.t, "/console", p.url.Path)
	return b
}

// signIn signs in as somebody, and returns the page that the browser comes to.
func (b *consoleBrowser) signIn(login, back string) page {
	b.w.t.Helper()
	return b.get(b.at("/console/signin?return="+url.QueryEscape(back)).header.Get("Location") + "&login=" + url.QueryEscape(login))
}

// get opens a page, and follows redirects. The address is one of the server's if it has no host.
func (b *consoleBrowser) get(address string) page {
	b.w.t.Helper()
	b.client.CheckRedirect = nil
	return b.send(b.request(http.MethodGet, address, nil))
}

// at opens a page, and follows no redirect.
func (b *consoleBrowser) at(address string) page {
	b.w.t.Helper()
	b.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return b.send(b.request(http.MethodGet, address, nil))
}

// post sends a form as a browser does from a page of the same site, and follows redirects.
func (b *consoleBrowser) post(address string, form url.Values) page {
	b.w.t.Helper()
	b.client.CheckRedirect = nil
	return b.sendForm(address, form)
}

// postOnce is post, and follows no redirect.
func (b *consoleBrowser) postOnce(address string, form url.Values) page {
	b.w.t.Helper()
	b.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return b.sendForm(address, form)
}

func (b *consoleBrowser) sendForm(address string, form url.Values) page {
	b.w.t.Helper()
	req := b.request(http.MethodPost, address, strings.NewReader(form.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	req.Header.Set("Origin", b.w.url)
	return b.send(req)
}

func (b *consoleBrowser) request(method, address string, body io.Reader) *http.Request {
	b.w.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = b.w.url + address
	}
	req, err := http.NewRequestWithContext(b.w.t.Context(), method, address, body)
	require.NoError(b.w.t, err)
	req.Header.Set("Accept", "text/html")
	return req
}

func (b *consoleBrowser) send(req *http.Request) page {
	b.w.t.Helper()
	res, err := b.client.Do(req)
	require.NoError(b.w.t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(b.w.t, err)
	return page{res.StatusCode, res.Header, res.Request.URL, string(body)}
}

// cookies returns the values of the browser's cookies, by name.
func (b *consoleBrowser) cookies() map[string]string {
	b.w.t.Helper()
	at, err := url.Parse(b.w.url)
	require.NoError(b.w.t, err)
	values := map[string]string{}
	for _, c := range b.jar.Cookies(at) {
		values[c.Name] = c.Value
	}
	return values
}

// setCookies replaces the browser's cookies of these names.
func (b *consoleBrowser) setCookies(values map[string]string) {
	b.w.t.Helper()
	at, err := url.Parse(b.w.url)
	require.NoError(b.w.t, err)
	for name, value := range values {
		b.jar.SetCookies(at, []*http.Cookie{{Name: name, Value: value, Path: "/", Secure: true}})
	}
}
