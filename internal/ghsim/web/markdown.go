package web

import (
	"regexp"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/util"
)

// newMarkdown returns what renders comments as GitHub does. Of raw HTML it keeps a few tags
// without attributes, so the result is safe to show.
func newMarkdown() goldmark.Markdown {
	return goldmark.New(
		goldmark.WithExtensions(extension.GFM),
		goldmark.WithRendererOptions(html.WithHardWraps(), renderer.WithNodeRenderers(util.Prioritized(rawHTML{}, 100))),
	)
}

// rawHTML renders the HTML that is in Markdown.
type rawHTML struct{}

// RegisterFuncs implements [renderer.NodeRenderer].
func (rawHTML) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindHTMLBlock, func(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		block, ok := n.(*ast.HTMLBlock)
		if !ok || !entering || block.HTMLBlockType == ast.HTMLBlockType1 { // script, style and the like
			return ast.WalkContinue, nil
		}
		text := string(block.Lines().Value(source))
		if block.HasClosure() {
			text += string(block.ClosureLine.Value(source))
		}
		_, err := w.WriteString(keepTags(text))
		return ast.WalkContinue, err
	})
	r.Register(ast.KindRawHTML, func(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		raw, ok := n.(*ast.RawHTML)
		if !ok || !entering {
			return ast.WalkSkipChildren, nil
		}
		_, err := w.WriteString(keepTags(string(raw.Segments.Value(source))))
		return ast.WalkSkipChildren, err
	})
}

var (
	htmlComment = regexp.MustCompile(`(?s)<!--.*?(-->|$)`)
	tagOrSign   = regexp.MustCompile(`</?(details|summary|sub|sup|b|i|br)>|<[^<>]*>|[<>]`)
)

// keepTags leaves out every comment and tag but the few that GitHub keeps and our answers
// use.
func keepTags(text string) string {
	return tagOrSign.ReplaceAllStringFunc(htmlComment.ReplaceAllString(text, ""), func(found string) string {
		switch {
		case kept.MatchString(found):
			return found
		case strings.HasPrefix(found, "<") && len(found) > 1:
			return ""
		}
		return map[string]string{"<": "&lt;", ">": "&gt;"}[found]
	})
}

var kept = regexp.MustCompile(`^</?(details|summary|sub|sup|b|i|br)>$`)
