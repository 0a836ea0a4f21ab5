package dispatch

import (
	"slices"
	"strings"
	"unicode"
)

const (
	// maxNamed is how many words a command is looked for in, and how many parts of the first.
	maxNamed = 3
	// maxNamePart is how long such a part is at most, in bytes.
	maxNamePart = 24
)

// typedName is what the words that were typed for a name say.
type typedName struct {
	alone   vocable  // its first word
	subject string   // what it is about
	plural  bool     // it was typed in the plural
	verbs   []string // what is to be done
	reads   bool     // something is to be shown
	instead string
	unclear bool // a part of it means nothing
	vague   bool // what is to be done is misspelt, and a word so short that it could be another
}

// take adds a word to the name, if it says something new.
func (t *typedName) take(w vocable) bool {
	switch {
	case w.subject != "" && (t.subject == "" || t.subject == "runner" && w.subject == "group"): // "runner group"
		t.subject, t.plural = w.subject, strings.HasSuffix(w.text, "s")
	case len(w.verbs) > 0 && t.verbs == nil:
		t.verbs, t.reads = w.verbs, w.reads()
	case w.instead != "" && t.instead == "":
		t.instead = w.instead
	default:
		return false
	}
	return true
}

// typed reads the parts of a name.
func (v *vocabulary) typed(parts []string) (name typedName) {
	for i, part := range parts {
		w, ok := v.find(part, true)
		if !ok && len(parts) == 1 && v.glued(&name, part) {
			return name
		}
		if i == 0 {
			name.alone = w
		}
		if !ok || !name.take(w) && w.command == "" {
			name.unclear = true
		}
		name.vague = name.vague || w.danger > Reads && len(w.text) < 5 && w.text != part
	}
	return name
}

// glued reads two words that are written as one: "addrepo".
func (v *vocabulary) glued(name *typedName, text string) bool {
	for i := 2; i < len(text)-1; i++ {
		first, ok := v.find(text[:i], false)
		if !ok {
			continue
		}
		second, ok := v.find(text[i:], false)
		both := typedName{}
		if ok && both.take(first) && both.take(second) {
			*name = both
			return true
		}
	}
	return false
}

// isSubject reports whether commands are about what the word means.
func (v *vocabulary) isSubject(word string) bool {
	w, ok := v.find(strings.ToLower(word), false)
	return ok && w.subject != ""
}

// goOn reads the words behind the first as far as they belong to the name, and returns how
// many words do. A word that could be an argument belongs to it only if a command comes of it.
func (v *vocabulary) goOn(name *typedName, words []string) int {
	took := 1
	for took < min(len(words), maxNamed) {
		w, ok := v.find(strings.ToLower(words[took]), false)
		longer := *name
		if !ok || name.unclear || !longer.take(w) || !longer.reads && longer.verbs != nil && v.doing(longer, false).empty() {
			break
		}
		*name = longer
		took++
	}
	return took
}

// nameParts splits a word into the words that it consists of: "Repos_add" is repos and add.
// It returns none of a word that is no name.
func nameParts(word string) []string {
	if len(word) > maxNamed*(maxNamePart+1) {
		return nil
	}
	parts := strings.FieldsFunc(strings.ToLower(word), func(r rune) bool { return !unicode.IsLetter(r) })
	if len(parts) > maxNamed || slices.ContainsFunc(parts, func(p string) bool { return len(p) > maxNamePart }) {
		return nil
	}
	return parts
}
