package comment

import (
	"fmt"
	"slices"
	"strings"
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

// teamField returns the text under the heading "### Team" in an issue's body,
// as issue forms write it; "" if there is none. A slug may have its organization
// before it ("@acme/platform"): the command checks that.
func teamField(body string) string {
	found := false
	for line := range strings.Lines(body) {
		line = strings.TrimSpace(line)
		switch {
		case strings.EqualFold(line, "### Team"):
			found = true
		case found && line != "":
			if strings.EqualFold(line, "_No response_") || strings.HasPrefix(line, "#") || len(line) > maxTeam {
				return ""
			}
			return line
		}
	}
	return ""
}

// teamHint returns the team that the place of a comment names: the label,
// else the form's field. Several labels that disagree name none, and the note
// says so.
func teamHint(c Comment) (slug, note string) {
	var slugs []string
	for _, label := range c.Labels {
		slug, ok := teamOfLabel(label)
		if ok && !slices.ContainsFunc(slugs, func(s string) bool { return strings.EqualFold(s, slug) }) {
			slugs = append(slugs, slug)
		}
	}
	switch len(slugs) {
	case 0:
		return c.TeamField, ""
	case 1:
		return slugs[0], ""
	}
	for i, slug := range slugs {
		slugs[i] = codeSpan("team:" + slug)
	}
	return "", fmt.Sprintf("This issue has several labels that name a team (%s). None of them counts.", strings.Join(slugs, ", "))
}
