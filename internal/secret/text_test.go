package secret_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/secret"
)

func TestTextIsMasked(t *testing.T) {
	const hidden = "hunter2"
	type holder struct {
		Secret  secret.Text
		List    []secret.Text
		Map     map[string]secret.Text
		Pointer *secret.Text
		URL     secret.Text
		private secret.Text
	}
	text := secret.New(hidden)
	values := holder{
		text,
		[]secret.Text{text},
		map[string]secret.Text{"a": text},
		&text,
		secret.NewShown("postgres://u:"+hidden+"@h/d", "postgres://u:[secret]@h/d"), text,
	}

	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X", "%t", "%c", "%p", "%w"} {
		fmt.Fprintf(&out, verb+" "+verb+"\n", values, &values)
		fmt.Fprintf(&out, verb+" "+verb+" "+verb+"\n", text, &text, values.URL)
	}
	fmt.Fprintln(&out, fmt.Errorf("wrapped: %v", text))
	logger := zerolog.New(&out)
	logger.Info().Interface("i", values).Any("a", text).Stringer("s", text).Stringer("u", values.URL).Msg("")
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "s", text, "v", values)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "s", text, "v", values)
	require.NoError(t, json.NewEncoder(&out).Encode(values))
	encoded, err := yaml.Marshal(values)
	require.NoError(t, err)
	out.Write(encoded)

	assert.NotContains(t, out.String(), hidden)
	assert.NotContains(t, out.String(), fmt.Sprintf("%x", hidden))
	assert.NotContains(t, out.String(), fmt.Sprintf("%X", hidden))
	assert.Contains(t, out.String(), secret.Mask)
	assert.Contains(t, out.String(), "postgres://u:[secret]@h/d")
	assert.Equal(t, hidden, text.Reveal())
	assert.Equal(t, secret.Mask, text.GoString())
	assert.False(t, text.Empty())
}

func TestEmptyText(t *testing.T) {
	for name, text := range map[string]secret.Text{"zero": {}, "New": secret.New(""), "NewShown": secret.NewShown("", "shown")} {
		t.Run(name, func(t *testing.T) {
			assert.True(t, text.Empty())
			assert.Empty(t, text.Reveal())
			assert.Empty(t, text.String(), "an empty secret is seen to be empty")
			assert.Equal(t, secret.Text{}, text)
		})
	}
}

func TestTextDecodes(t *testing.T) {
	var answer struct{ Token secret.Text }
	require.NoError(t, json.Unmarshal([]byte(`{"token":"hunter2"}`), &answer))
	assert.Equal(t, "hunter2", answer.Token.Reveal())
	assert.Equal(t, secret.New("hunter2"), answer.Token)
}
