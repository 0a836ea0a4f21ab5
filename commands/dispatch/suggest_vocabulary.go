package dispatch

import (
	"slices"
	"strings"
)

// A vocabulary is the words that lead to the commands of a server.
type vocabulary struct {
	specs []Spec
	words []vocable
}

// A vocable is a word that may be typed.
type vocable struct {
	text    string
	subject string   // what it is about: the first part of names, in the singular
	verbs   []string // what is done: the second parts of names that it means, the likeliest first
	command string   // the command for which it stands on its own
	instead string   // for what no command does: the word as it is in substitutes
	danger  Effect   // the most that a command does to which it leads
}

// reads reports whether the word asks to see something.
func (v vocable) reads() bool { return slices.Equal(v.verbs, []string{reading}) }

func newVocabulary(specs []Spec) *vocabulary {
	v := &vocabulary{specs: specs}
	for _, spec := range specs {
		for _, name := range append([]string{spec.Name}, spec.Aliases...) {
			first, verb, two := strings.Cut(name, "-")
			if !two {
				v.word(name).command = spec.Name
				continue
			}
			subject := singular(first)
			for _, text := range append(strings.Fields(subjects[subject]), first, subject, subject+"s") {
				v.word(text).subject = subject
			}
			if word := v.word(verb); len(word.verbs) == 0 {
				word.verbs = []string{verb}
			}
		}
	}
	v.addSynonyms()
	v.rank()
	return v
}

// addSynonyms adds the words that are in no name.
func (v *vocabulary) addSynonyms() {
	for _, m := range meanings {
		verbs := slices.DeleteFunc(strings.Fields(m.verbs), func(verb string) bool {
			return !slices.ContainsFunc(v.specs, func(s Spec) bool { return s.does(verb) })
		})
		for text := range strings.FieldsSeq(m.words) {
			if len(verbs) > 0 {
				v.word(text).verbs = verbs
			}
		}
	}
	for text, command := range phrases {
		if !strings.Contains(text, " ") && v.exists(command) {
			v.word(text).command = command
		}
	}
	for _, s := range substitutes {
		for text := range strings.FieldsSeq(s.words) {
			if v.word(text).verbs == nil {
				v.word(text).instead = s.words
			}
		}
	}
}

// rank sorts the words: of two that are equally like what was typed, the milder one is meant.
func (v *vocabulary) rank() {
	for i := range v.words {
		for _, spec := range v.specs {
			if slices.ContainsFunc(v.words[i].verbs, spec.does) || spec.Name == v.words[i].command {
				v.words[i].danger = max(v.words[i].danger, spec.Effect)
			}
		}
	}
	slices.SortFunc(v.words, func(a, b vocable) int {
		if a.danger != b.danger {
			return int(a.danger) - int(b.danger)
		}
		return strings.Compare(a.text, b.text)
	})
}

// word returns the entry of a word, a new one if it has none.
func (v *vocabulary) word(text string) *vocable {
	i := slices.IndexFunc(v.words, func(w vocable) bool { return w.text == text })
	if i < 0 {
		i = len(v.words)
		v.words = append(v.words, vocable{text: text})
	}
	return &v.words[i]
}

// names returns the names that commands answer to.
func (v *vocabulary) names() (names []string) {
	for _, spec := range v.specs {
		names = append(append(names, spec.Name), spec.Aliases...)
	}
	return names
}

func (v *vocabulary) exists(name string) bool {
	_, ok := v.named(name)
	return ok
}

// named returns the command that answers to name.
func (v *vocabulary) named(name string) (Spec, bool) {
	i := slices.IndexFunc(v.specs, func(s Spec) bool { return s.Answers(name) })
	if i < 0 {
		return Spec{}, false
	}
	return v.specs[i], true
}

// does reports whether what the command does is called so in its name.
func (s Spec) does(verb string) bool {
	return slices.ContainsFunc(append([]string{s.Name}, s.Aliases...), func(name string) bool {
		_, second, _ := strings.Cut(name, "-")
		return second == verb
	})
}

// subject is what the command is about, as its name says.
func (s Spec) subject() string {
	first, _, _ := strings.Cut(s.Name, "-")
	return singular(first)
}

func singular(noun string) string { return strings.TrimSuffix(noun, "s") }

// find returns the word that text is, or that it is most like.
func (v *vocabulary) find(text string, misspelt bool) (vocable, bool) {
	best, bestDistance := vocable{}, -1
	for _, w := range v.words {
		if w.text == text {
			return w, true
		}
		off := max(len(text)-len(w.text), len(w.text)-len(text))
		if !misspelt || len(text) < 2 || off > w.slips() {
			continue
		}
		if d := distance(text, w.text); d <= w.slips() && (bestDistance < 0 || d < bestDistance) {
			best, bestDistance = w, d
		}
	}
	return best, bestDistance >= 0
}

// slips is how many letters may be wrong in the word. A word that leads to a change must be
// plain.
func (v vocable) slips() int {
	n := len(v.text)
	switch {
	case n < 3:
		return 0
	case n < 5, v.danger > Reads && n < 7:
		return 1
	case n < 9:
		return 2
	}
	return 3
}
