package config

import (
	"reflect"
	"strings"
	"unicode"

	"github.com/actions-runner-manager/actions-runner-manager/internal/secret"
)

// A field is one key of a struct, as its tags declare it.
type field struct {
	name  string // the key in the file
	alias string // another name for it, of old
	doc   string
	// synonyms are what people call the key who do not know its name.
	synonyms []string
	enum     []string // the values that it may have, if they are few
	index    int
	kind     reflect.Type
	secret   bool // may be given as nameFile, too
}

const fileSuffix = "File"

func fieldsOf(t reflect.Type) []field {
	var fields []field
	for i := range t.NumField() {
		sf := t.Field(i)
		if !sf.IsExported() {
			continue
		}
		f := field{
			name: sf.Tag.Get("yaml"), alias: sf.Tag.Get("alias"), doc: sf.Tag.Get("doc"), synonyms: strings.Fields(sf.Tag.Get("synonyms")), index: i, kind: sf.Type,
			secret: sf.Type == reflect.TypeFor[secret.Text]() || sf.Type == reflect.TypeFor[[]secret.Text]() || sf.Type == reflect.TypeFor[DatabaseURL](),
		}
		if enum := sf.Tag.Get("enum"); enum != "" {
			f.enum = strings.Split(enum, ",")
		}
		fields = append(fields, f)
	}
	return fields
}

// isSection reports whether the field's value is a mapping of further keys.
func (f field) isSection() bool { return f.kind.Kind() == reflect.Struct && !f.secret }

// isOrgs reports whether the field is the list of organizations.
func (f field) isOrgs() bool { return f.kind == reflect.TypeFor[[]Organization]() }

// names returns every key under which the field is found in a file.
func (f field) names() []string {
	names := []string{f.name}
	if f.alias != "" {
		names = append(names, f.alias)
	}
	if f.secret {
		names = append(names, f.name+fileSuffix)
	}
	return names
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// variable returns the environment's name of a key: chatops.tokenReplyTTL is ARM_CHATOPS_TOKEN_REPLY_TTL.
func variable(key string) string {
	letters := []rune(key)
	var b strings.Builder
	b.WriteString("ARM_")
	for i, r := range letters {
		if r == '.' {
			b.WriteByte('_')
			continue
		}
		if i > 0 && unicode.IsUpper(r) {
			afterLower := unicode.IsLower(letters[i-1])
			endsAcronym := unicode.IsUpper(letters[i-1]) && i+1 < len(letters) && unicode.IsLower(letters[i+1])
			if afterLower || endsAcronym {
				b.WriteByte('_')
			}
		}
		b.WriteRune(unicode.ToUpper(r))
	}
	return b.String()
}

// leaves calls visit for every key of v that holds a value, with its path.
func leaves(v reflect.Value, path string, visit func(f field, v reflect.Value, key string)) {
	for _, f := range fieldsOf(v.Type()) {
		key := join(path, f.name)
		if f.isSection() {
			leaves(v.Field(f.index), key, visit)
			continue
		}
		visit(f, v.Field(f.index), key)
	}
}

// spelled returns the field's name that is written as name but for case, hyphens and
// underscores, or "".
func (f field) spelled(name string) string {
	for _, n := range f.names() {
		if sameLetters(n, name) {
			return n
		}
	}
	return ""
}

// called returns the field's name if name is one of its synonyms, or "". A secret's synonym
// may end in file or path, too: then it is the name for the secret's file.
func (f field) called(name string) string {
	for _, synonym := range f.synonyms {
		switch {
		case sameLetters(synonym, name):
			return f.name
		case f.secret && (sameLetters(synonym+"file", name) || sameLetters(synonym+"path", name)):
			return f.name + fileSuffix
		}
	}
	if f.secret && sameLetters(f.name+"path", name) {
		return f.name + fileSuffix
	}
	return ""
}

// sameLetters compares two names without regard to case, hyphens and underscores.
func sameLetters(a, b string) bool {
	plain := strings.NewReplacer("-", "", "_", "")
	return strings.EqualFold(plain.Replace(a), plain.Replace(b))
}

// elsewhere returns the path of the first key, in any section, of which match returns a
// name; "" if there is none.
func elsewhere(match func(f field) string) string {
	found := ""
	leaves(reflect.ValueOf(Config{}), "", func(f field, _ reflect.Value, key string) {
		if name := match(f); name != "" && found == "" {
			found = strings.TrimSuffix(key, f.name) + name
		}
	})
	return found
}
