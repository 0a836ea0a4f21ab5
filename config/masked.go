package config

import (
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// Masked returns the whole configuration as YAML, defaults included and secrets masked.
func (c *Config) Masked() ([]byte, error) {
	return yaml.MarshalWithOptions(c,
		yaml.CustomMarshaler(func(d time.Duration) ([]byte, error) { return []byte(brief(d)), nil }),
	)
}

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
