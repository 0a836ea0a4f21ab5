package pages

import (
	"bytes"
	"net/http"
	"slices"
	"strings"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/handlers"
)

// Layout returns a page with the style, the icon and the top bar that all pages share. It
// only refers to what [New] serves. head is added to the page's head.
func Layout(title string, head g.Node, body ...g.Node) g.Node {
	return layout(title, g.Group{Stylesheet("style"), head}, append([]g.Node{topBar()}, body...)...)
}

// LayoutConsole is [Layout] for the pages of the console, which bring a top bar of their own.
func LayoutConsole(title string, head g.Node, body ...g.Node) g.Node {
	return layout(title, g.Group{Stylesheet("style"), Stylesheet("console"), head}, body...)
}

// Stylesheet returns a link to the style of that name.
func Stylesheet(name string) g.Node {
	return h.Link(h.Rel("stylesheet"), h.Href("/assets/"+name+".css"))
}

// Script returns the script of that name, which runs when the page is read.
func Script(name string) g.Node {
	return h.Script(h.Src("/assets/"+name+".js"), h.Defer())
}

func layout(title string, head g.Node, body ...g.Node) g.Node {
	return h.Doctype(h.HTML(h.Lang("en"),
		h.Head(
			h.Meta(h.Charset("utf-8")),
			h.Meta(h.Name("viewport"), h.Content("width=device-width, initial-scale=1")),
			h.Meta(h.Name("color-scheme"), h.Content("light dark")),
			h.TitleEl(g.Text(title)),
			h.Link(h.Rel("icon"), h.Href("/assets/icon.svg"), h.Type("image/svg+xml")),
			Stylesheet("base"),
			head,
		),
		h.Body(g.Group(body)),
	))
}

func topBar() g.Node {
	return h.Header(h.Class("top"), h.Nav(h.Aria("label", "Pages"),
		h.A(h.Href("/"), h.Img(h.Src("/assets/icon.svg"), h.Alt("")), g.Text("Actions Runner Manager")),
		h.A(h.Href("/docs"), g.Text("API reference")),
		h.A(h.Href(handlers.APIPrefix+"status"), g.Text("Status")),
	))
}

// WantsHTML reports whether the client of r is a browser that opens a page.
func WantsHTML(r *http.Request) bool {
	accepted := strings.Join(r.Header.Values("Accept"), ",")
	return strings.Contains(accepted, "text/html") && !strings.Contains(accepted, "application/json")
}

// WriteError writes the page of an error. With live, it is refreshed when the status changes.
func WriteError(w http.ResponseWriter, e *dispatch.Error, id string, live bool) {
	answer := handlers.ErrorAnswer(e, id)
	text := answer.Error
	if len(answer.Items) > 0 {
		text += " Open the API reference to call the command, and to see what became of each item."
	}
	write(w, answer.Code, Layout(http.StatusText(answer.Code)+" – Actions Runner Manager", g.If(live, Script("status")),
		h.Main(
			h.H1(g.Text(http.StatusText(answer.Code))),
			h.P(h.Class("lead"), g.Text(Plain(text))),
			h.P(h.Class("actions"), h.A(h.Class("button"), h.Href("/"), g.Text("Start page")), h.A(h.Href("/docs"), g.Text("API reference"))),
			h.P(h.Small(g.Text("Status "), h.Code(g.Textf("%d %s", answer.Code, answer.Reason)), g.Text(", request "), h.Code(g.Text(id)))),
		),
	))
}

// WriteStatus writes the page of the command status.
func WriteStatus(w http.ResponseWriter, s dispatch.Status) {
	write(w, http.StatusOK, Layout("Status – Actions Runner Manager", Script("status"),
		h.Main(
			h.H1(g.Text("Operational")),
			h.P(h.Class("lead"), g.Text("The server accepts commands, and GitHub answers. This page follows changes by itself.")),
			h.Dl(h.Dt(g.Text("Version")), h.Dd(g.Text(s.Version)), h.Dt(g.Text("GitHub")), h.Dd(g.Text(s.GitHub))),
		),
	))
}

// Plain leaves out the marks of code in a message, for where a page shows none.
func Plain(text string) string { return strings.ReplaceAll(text, "`", "") }

// write writes a page that nobody may cache.
func write(w http.ResponseWriter, status int, page g.Node) {
	SetPolicy(w.Header())
	writePage(w, status, page)
}

// WriteWithForms writes a page that nobody may cache, and whose forms may be sent to this server.
func WriteWithForms(w http.ResponseWriter, status int, page g.Node) {
	SetPolicy(w.Header())
	w.Header().Set("Content-Security-Policy", formPolicy)
	writePage(w, status, page)
}

// WriteFragment writes parts of a page, or says that the browser has them already. It returns the
// status.
func WriteFragment(w http.ResponseWriter, r *http.Request, fragment g.Node) int {
	var b bytes.Buffer
	_ = fragment.Render(&b) // a buffer does not fail
	served := newFile(mediaTypes(".html"), b.Bytes(), false)
	SetPolicy(w.Header())
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("ETag", served.tag)
	if slices.Contains(r.Header.Values("If-None-Match"), served.tag) {
		w.WriteHeader(http.StatusNotModified)
		return http.StatusNotModified
	}
	w.Header().Set("Content-Type", served.mediaType)
	_, _ = b.WriteTo(w)
	return http.StatusOK
}

func writePage(w http.ResponseWriter, status int, page g.Node) {
	var b bytes.Buffer
	_ = page.Render(&b) // a buffer does not fail
	header := w.Header()
	header.Set("Content-Type", mediaTypes(".html"))
	header.Set("Cache-Control", "no-store")
	header.Set("Vary", "Accept")
	w.WriteHeader(status)
	_, _ = b.WriteTo(w)
}
