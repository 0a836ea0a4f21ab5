// Package secret keeps secrets out of everything that is printed.
//
// A [Text] holds one secret and never prints it. [MaskTokens] is for texts from
// outside, in which somebody may have put a token by mistake.
package secret

import (
	"fmt"
	"io"
)

// Mask is what is printed in place of a secret.
const Mask = "[secret]"

// A Text is a secret. If it is printed with fmt, logged with zerolog or slog, or
// encoded as JSON, YAML or text, it reads [Mask], and an empty one reads "".
// [Text.Reveal] is the only way to what it holds. The zero value is empty.
type Text struct {
	// A pointer, because fmt prints the unexported fields of a struct without
	// calling their methods. Of a pointer to a string it prints the address.
	text  *string
	shown string
}

// New returns a Text that holds text and prints as [Mask].
func New(text string) Text { return NewShown(text, Mask) }

// NewShown returns a Text that holds text and prints as shown. It is for texts of
// which only a part is secret, such as a URL with a password.
func NewShown(text, shown string) Text {
	if text == "" {
		return Text{}
	}
	return Text{&text, shown}
}

// Reveal returns the secret itself. Give it only to what needs it, never to a log.
func (t Text) Reveal() string {
	if t.text == nil {
		return ""
	}
	return *t.text
}

// Empty reports whether there is nothing to hide.
func (t Text) Empty() bool { return t.text == nil }

// String returns what may be printed.
func (t Text) String() string { return t.shown }

// GoString implements [fmt.GoStringer].
func (t Text) GoString() string { return t.String() }

// Format implements [fmt.Formatter], because %d and %x do not call String.
func (t Text) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, t.String()) }

// MarshalText implements [encoding.TextMarshaler], which JSON, zerolog and slog use.
func (t Text) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// MarshalYAML implements the interface of goccy/go-yaml.
func (t Text) MarshalYAML() (any, error) { return t.String(), nil }

// UnmarshalText implements [encoding.TextUnmarshaler], so that a secret in an answer
// of GitHub decodes straight into a Text.
func (t *Text) UnmarshalText(text []byte) error {
	*t = New(string(text))
	return nil
}
