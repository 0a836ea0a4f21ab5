package github

const mask = "********"

// A Secret is a text that hides itself wherever it is printed, logged or
// encoded; Reveal is the one way to it. The zero value is the empty text.
type Secret struct {
	// A pointer, since fmt reads the unexported fields of structs around it
	// without asking String; of a pointer it shows the address.
	text *string
}

// NewSecret wraps text.
func NewSecret(text string) Secret { return Secret{text: &text} }

// Reveal returns the text itself.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// String implements fmt.Stringer; it hides the text.
func (s Secret) String() string {
	if s.Reveal() == "" {
		return ""
	}
	return mask
}

// GoString implements fmt.GoStringer; it hides the text.
func (s Secret) GoString() string { return `"` + s.String() + `"` }

// MarshalText implements encoding.TextMarshaler; it hides the text.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler, so that answers decode
// straight into a Secret.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = NewSecret(string(text))
	return nil
}
