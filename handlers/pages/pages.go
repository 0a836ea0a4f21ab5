// Package pages serves the start page, the description of the API and its reference, and
// has the layout that all pages share.
package pages

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/handlers"
)

//go:embed web/*.css web/*.js web/*.svg web/*.gz
var web embed.FS

// pagePolicy lets a page load what this server has, and nothing from elsewhere,
// written inline, or into a frame. Swagger UI's stylesheet has its icons as data.
const (
	pagePolicy = basePolicy + "form-action 'none'"
	formPolicy = basePolicy + "form-action 'self'"
	basePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
		"frame-ancestors 'none'; base-uri 'none'; "
)

// Options is what the pages are made of.
type Options struct {
	Specs   []dispatch.Spec
	Version string
	Multi   bool // `orgs` names several: `org` is an argument
	// AdminRepos are where commands can be written; Trigger is the word after the slash, ""
	// for runner-group.
	AdminRepos []AdminRepo
	Trigger    string
	// Console is whether people can sign in to the console.
	Console bool
	// SetupMode reports whether no App is configured yet. It may be nil.
	SetupMode func() bool
}

// New returns what serves "/", "/docs", "/openapi.json" and what they load from
// "/assets/". It answers everything else with 404.
func New(o Options) (http.Handler, error) {
	p := &pages{setup: o.SetupMode, files: map[string]file{}}
	description, err := OpenAPI(o.Specs, o.Version, o.Multi)
	if err != nil {
		return nil, fmt.Errorf("describe the API: %w", err)
	}
	p.files["/openapi.json"] = newFile("application/json", description, false)
	if err := p.addAssets(); err != nil {
		return nil, fmt.Errorf("read the pages' files: %w", err)
	}
	docs, errDocs := docsPage()
	p.files["/docs"] = docs
	ready, errReady := indexPage(o, false)
	notReady, errNotReady := indexPage(o, true)
	p.ready, p.notReady = ready, notReady
	if err := errors.Join(errDocs, errReady, errNotReady); err != nil {
		return nil, fmt.Errorf("write the pages: %w", err)
	}
	return p, nil
}

type pages struct {
	setup           func() bool
	ready, notReady file            // the first page, once an App is configured and before
	files           map[string]file // by path
}

// A file is what is served at one path.
type file struct {
	mediaType string
	body      []byte
	packed    bool                   // the body is compressed by gzip
	plain     func() ([]byte, error) // the body of a packed file, unpacked once for all
	tag       string                 // its ETag
}

func newFile(mediaType string, body []byte, packed bool) file {
	sum := sha256.Sum256(body)
	return file{
		mediaType: mediaType, body: body, packed: packed, tag: `"` + hex.EncodeToString(sum[:8]) + `"`,
		plain: sync.OnceValues(func() ([]byte, error) { return unpack(body) }),
	}
}

func (p *pages) addAssets() error {
	entries, err := web.ReadDir("web")
	if err != nil {
		return err
	}
	for _, entry := range entries {
		body, err := web.ReadFile("web/" + entry.Name())
		if err != nil {
			return err
		}
		name, packed := strings.CutSuffix(entry.Name(), ".gz")
		served := newFile(mediaTypes(path.Ext(name)), body, packed)
		p.files["/assets/"+name] = served
	}
	return nil
}

// mediaTypes is fixed: the operating system's table must not change what is served.
func mediaTypes(ext string) string {
	switch ext {
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	return "text/html; charset=utf-8"
}

// ServeHTTP serves a page or what belongs to one.
func (p *pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	SetPolicy(header)
	served, ok := p.files[r.URL.EscapedPath()]
	if r.URL.EscapedPath() == "/" {
		ok, served = true, p.ready
		if p.setup != nil && p.setup() {
			served = p.notReady
		}
	}
	switch {
	case r.URL.EscapedPath() == "/docs/":
		http.Redirect(w, r, "/docs", http.StatusPermanentRedirect)
	case !ok:
		refusePage(w, r, dispatch.Refuse(dispatch.ReasonUnknownCommand,
			"There is nothing at %s. Commands are at `%sCOMMAND`, and explained at `/docs`.", dispatch.Quote(r.URL.Path), handlers.APIPrefix))
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		header.Set("Allow", "GET, HEAD")
		refusePage(w, r, dispatch.Refuse(dispatch.ReasonMethod, "This page is for reading: use GET."))
	default:
		served.serve(w, r)
	}
}

// SetPolicy sets the headers that every page has.
func SetPolicy(header http.Header) {
	header.Set("Content-Security-Policy", pagePolicy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Frame-Options", "DENY")
	header.Set("Referrer-Policy", "no-referrer")
}

// refusePage answers with the error: a page for a browser, JSON for others.
func refusePage(w http.ResponseWriter, r *http.Request, e *dispatch.Error) {
	id := handlers.NewRequestID()
	w.Header().Set("X-Request-Id", id)
	if WantsHTML(r) {
		WriteError(w, e, id, false)
		return
	}
	body, _ := handlers.EncodeJSON(handlers.ErrorAnswer(e, id))
	handlers.WriteJSON(w, e.Status(), body)
}

// serve sends the file, or says that the client has it already.
func (f file) serve(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Type", f.mediaType)
	header.Set("Cache-Control", "no-cache") // kept, and asked about each time
	body := f.body
	tag := f.tag
	if f.packed {
		header.Set("Vary", "Accept-Encoding")
		if acceptsGzip(r.Header.Get("Accept-Encoding")) {
			header.Set("Content-Encoding", "gzip")
			tag = strings.TrimSuffix(tag, `"`) + `-gzip"`
		} else {
			var err error
			if body, err = f.plain(); err != nil {
				refusePage(w, r, dispatch.AsError(err))
				return
			}
		}
	}
	header.Set("ETag", tag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

func unpack(packed []byte) ([]byte, error) {
	reader, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(reader, 16<<20))
}

// acceptsGzip reports whether an Accept-Encoding header allows gzip.
func acceptsGzip(accepted string) bool {
	for encoding := range strings.SplitSeq(accepted, ",") {
		name, weight, _ := strings.Cut(encoding, ";")
		name = strings.TrimSpace(name)
		if name == "gzip" || name == "*" {
			weight = strings.TrimPrefix(strings.ReplaceAll(weight, " ", ""), "q=")
			return strings.Trim(weight, "0.") != "" || weight == ""
		}
	}
	return false
}
