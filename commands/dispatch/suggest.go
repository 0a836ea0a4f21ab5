package dispatch

import (
	"slices"
	"strings"
)

// What a user probably meant by a command that does not exist. A name consists of a subject
// and of what is done: "repos-add". Both are looked for in what was typed, in any order, and
// misspelt. The rule: a suggestion is never more dangerous than what was typed. Only a word
// that means a change leads to a command that changes something; everything else leads to
// the reading command of its subject.

// A suggestion is what was probably meant.
type suggestion struct {
	spec    Spec   // the command; without a name if there is none
	help    bool   // its help is meant, not the command itself
	instead string // a sentence, if no command does what was meant
	took    int    // how many of the words name the command; the others are its arguments
	foreign bool   // the command is about another subject, so that words are not its arguments
}

// suggest returns what was probably meant by the words of which the first is no command.
func (v *vocabulary) suggest(words []string) suggestion {
	parts := nameParts(words[0])
	if len(parts) == 0 {
		return suggestion{}
	}
	for n := min(len(words), 2); n > 0; n-- { // a name that is written in another way
		joined := parts
		if n == 2 {
			joined = append(slices.Clone(parts), nameParts(words[1])...)
		}
		for range 2 {
			if spec, ok := v.named(strings.Join(joined, "-")); ok {
				return suggestion{spec: spec, took: n}
			}
			slices.Reverse(joined)
		}
	}
	typed := v.typed(parts)
	if len(parts) == 1 {
		if command := typed.alone.command; command != "" && (len(words) < 2 || typed.subject == "" && !v.isSubject(words[1])) {
			spec, _ := v.named(command)
			return suggestion{spec: spec, took: 1}
		}
	}
	took := v.goOn(&typed, words)
	found := v.lookup(typed, slices.ContainsFunc(words[took:], isWord))
	if found.empty() && len(parts) == 1 {
		if spec, _ := v.named(Nearest(parts[0], v.names())); spec.Effect == Reads {
			found = suggestion{spec: spec}
		}
	}
	found.took = took
	found.foreign = typed.subject != "" && typed.subject != found.spec.subject() ||
		typed.alone.command != "" && typed.alone.command != found.spec.Name
	return found
}

func (s suggestion) empty() bool { return s.spec.Name == "" && s.instead == "" }

// lookup returns the command for a name; followed means that more words follow, which are
// arguments.
func (v *vocabulary) lookup(t typedName, followed bool) suggestion {
	switch {
	case t.instead != "":
		return suggestion{instead: insteadOf(t)}
	case t.subject == "" && (t.unclear || t.vague):
		return suggestion{}
	case t.verbs == nil, t.reads, t.unclear:
		return v.reader(t)
	}
	if found := v.doing(t, followed); !found.empty() {
		return found
	}
	if t.subject == "" {
		return suggestion{}
	}
	return v.reader(t)
}

// doing returns the command that does with the subject what was typed; without a subject the
// first that does it, if arguments follow the first that takes some.
func (v *vocabulary) doing(t typedName, followed bool) suggestion {
	for _, onlyLists := range []bool{followed && t.subject == "", false} {
		for _, verb := range t.verbs {
			for _, spec := range v.specs {
				_, takesWords := spec.declaredPositional()
				if spec.does(verb) && (t.subject == "" || spec.subject() == t.subject) && (takesWords || !onlyLists) {
					return suggestion{spec: spec}
				}
			}
		}
	}
	for _, verb := range t.verbs {
		if spec, ok := v.named(phrases[t.subject+" "+verb]); ok {
			return suggestion{spec: spec}
		}
	}
	return suggestion{}
}

// reader returns the command that shows the subject.
func (v *vocabulary) reader(t typedName) suggestion {
	if t.subject == "" {
		spec, _ := v.named("group-list")
		return suggestion{spec: spec}
	}
	var first, found Spec
	for _, spec := range v.specs {
		noun, _, _ := strings.Cut(spec.Name, "-")
		switch {
		case spec.subject() != t.subject:
			continue
		case spec.does(reading) && (found.Name == "" || t.plural == strings.HasSuffix(noun, "s")):
			found = spec
		case first.Name == "":
			first = spec
		}
	}
	if found.Name == "" {
		found = first
		if spec, ok := v.named(readers[t.subject]); ok {
			found = spec
		}
	}
	return suggestion{spec: found, help: found.Effect > Reads}
}

func insteadOf(t typedName) string {
	for _, s := range substitutes {
		if s.words == t.instead && (s.subject == t.subject || s.subject == "") {
			return s.instead
		}
	}
	return ""
}

// line returns the line that was probably meant, behind the trigger. If the command needs an
// argument that was not typed, it is the one that explains the command.
func (s suggestion) line(words []string) string {
	rest := s.arguments(slices.Clone(words[s.took:]))
	needs := slices.ContainsFunc(s.spec.Params, func(p Param) bool { return p.Required && p.Name != "team" })
	if s.help || len(rest) == 0 && needs {
		return "help " + s.spec.Name
	}
	return strings.Join(append([]string{s.spec.Name}, rest...), " ")
}

// arguments returns those of the words behind the command's name that may be its arguments.
func (s suggestion) arguments(words []string) []string {
	flags := slices.IndexFunc(words, func(w string) bool { return !isWord(w) })
	if flags < 0 {
		flags = len(words)
	}
	_, takesWords := s.spec.declaredPositional()
	_, takesName := s.spec.Param("name")
	switch team := s.spec.Team() && !s.foreign; {
	case takesWords:
		words = s.spec.likeExample(words)
	case flags == 1 && s.foreign && takesName:
		words = append([]string{"--name"}, words...)
	case flags != 1 || !team:
		words = words[flags:]
	}
	for i, word := range words { // "to web" is "--to web"
		if p, _ := s.spec.Param(word); p.Team && p.Name != "team" && i > 0 && i+1 < len(words) {
			words[i] = "--" + word
		}
	}
	return words
}

// likeExample returns two words with the flag between them that the command's example has
// there: "build-1 gpu" is "build-1 --add gpu". Other words are returned as they are.
func (s Spec) likeExample(words []string) []string {
	example := strings.Fields(s.Example)
	if len(words) != 2 || len(example) != 3 || !isWord(words[0]) || !isWord(words[1]) || !isWord(example[0]) || isWord(example[1]) {
		return words
	}
	return []string{words[0], example[1], words[1]}
}

// isWord reports whether a word of a line is neither a flag nor a named argument.
func isWord(word string) bool { return !strings.HasPrefix(word, "-") && !strings.Contains(word, "=") }
