package config

import (
	"regexp"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// Masked returns the whole configuration as YAML, defaults included and secrets masked.
func (c *Config) Masked() ([]byte, error) {
	out, err := yaml.MarshalWithOptions(c,
		yaml.CustomMarshaler(func(d time.Duration) ([]byte, error) { return []byte(brief(d)), nil }),
	)
	// The one key that is true, false or a word is shown as people write it.
	return quotedBool.ReplaceAll(out, []byte("$1$2")), err
}

var quotedBool = regexp.MustCompile(`(?m)^( *registrationTokens: )"(true|false)"$`)

// brief writes a duration without the zeros that String ends with: 9600h, not 9600h0m0s.
func brief(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
