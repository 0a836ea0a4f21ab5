package comment

import (
	"bytes"
	"regexp"
	"slices"
	"strings"

	"github.com/yuin/goldmark/ast"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/secret"
)

// maxTeam is longer than any team's slug.
const maxTeam = 255

// teamOfLabel returns the team that an issue's label names: "team:platform".
func teamOfLabel(label string) (slug string, ok bool) {
	const prefix = "team:"
	if len(label) <= len(prefix) || len(label) > maxTeam || !strings.EqualFold(label[:len(prefix)], prefix) {
		return "", false
	}
	slug = strings.TrimSpace(label[len(prefix):])
	return slug, slug != ""
}

// noTeam stands for a field that is there and names no team that could be used.
const noTeam = "?"

// teamFields returns what the headings "### Team" in an issue's body have beneath them, as
// issue forms write it; [noTeam] for one that names none in its first line of plain text.
// The body is read as Markdown, so a heading in a comment, in code or in a quote is none. A
// slug may have its organization before it ("@acme/platform"): the command checks that.
func teamFields(body string) (slugs []string) {
	if !strings.Contains(strings.ToLower(body), "team") {
		return nil
	}
	source := unixLines(body)
	if tooLong(body) || tooDeep(source) {
		if teamHeading.Match(source) {
			return []string{noTeam} // what it says is not read, so no other team is guessed
		}
		return nil
	}
	source = []byte(secret.MaskTokens(string(source)))
	document := parseMarkdown(source)
	for n := document.FirstChild(); n != nil; n = n.NextSibling() {
		heading, ok := n.(*ast.Heading)
		if !ok || heading.Level != 3 || !strings.EqualFold(strings.TrimSpace(string(heading.Lines().Value(source))), "Team") {
			continue
		}
		value := noTeam
		switch next := n.NextSibling().(type) {
		case nil:
			value = "" // the form was sent without an answer
		case *ast.Heading:
			value = ""
		case *ast.Paragraph:
			line, _, _ := bytes.Cut(next.Lines().Value(source), []byte("\n"))
			if value = strings.TrimSpace(string(line)); len(value) > maxTeam || value == "" {
				value = noTeam
			}
		}
		slugs = append(slugs, value)
	}
	if len(slugs) == 1 && (slugs[0] == "" || strings.EqualFold(slugs[0], "_No response_")) {
		return nil
	}
	return slugs
}

// teamHeading finds what may be a heading "### Team" in a body that is not parsed.
var teamHeading = regexp.MustCompile(`(?im)^ {0,3}###[ \t]+team[ \t#]*$`)

// A teamHint is what an issue says about the team of its comments.
type teamHint struct {
	slug    string
	source  dispatch.TeamSource
	problem string // why it names no one team
}

// hintOf returns the team that the comment's issue names: its label, else the field of its
// form.
func hintOf(c Comment) teamHint {
	var labels []string
	for _, label := range c.Labels {
		slug, ok := teamOfLabel(label)
		if ok && !slices.ContainsFunc(labels, func(s string) bool { return strings.EqualFold(s, slug) }) {
			labels = append(labels, slug)
		}
	}
	switch {
	case len(labels) == 1:
		return teamHint{slug: labels[0], source: dispatch.TeamOfLabel}
	case len(labels) > 1:
		for i, slug := range labels {
			labels[i] = codeSpan("team:" + slug)
		}
		return teamHint{problem: "This issue has several team labels (" + strings.Join(labels, ", ") + "). Remove all but one, or pass `--team SLUG`."}
	case len(c.TeamFields) == 1 && (c.TeamFields[0] == noTeam || c.IssueAuthor.ID == 0):
		return teamHint{problem: "The field Team of this issue may not be used here. Pass `--team SLUG`."}
	case len(c.TeamFields) == 1:
		return teamHint{slug: c.TeamFields[0], source: dispatch.TeamOfField}
	case len(c.TeamFields) > 1:
		return teamHint{problem: "This issue has several fields named Team. Pass `--team SLUG`."}
	}
	return teamHint{}
}
