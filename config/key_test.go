package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPrivateKeyForms(t *testing.T) {
	pkcs1 := testPEM()
	der, err := x509.MarshalPKCS8PrivateKey(testKey())
	require.NoError(t, err)
	pkcs8 := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))

	for name, text := range map[string]string{
		"PEM":                    pkcs1,
		"PEM, PKCS #8":           pkcs8,
		"PEM with CRLF":          strings.ReplaceAll(pkcs1, "\n", "\r\n"),
		"PEM with \\n":           strings.ReplaceAll(pkcs1, "\n", `\n`),
		"PKCS #8 with \\n":       strings.ReplaceAll(pkcs8, "\n", `\n`),
		"PEM, folded":            strings.ReplaceAll(pkcs1, "\n", " "),
		"base64":                 base64.StdEncoding.EncodeToString([]byte(pkcs1)),
		"base64 without =":       base64.RawStdEncoding.EncodeToString([]byte(pkcs8)),
		"base64 in lines":        strings.ReplaceAll(base64.StdEncoding.EncodeToString([]byte(pkcs1)), "A", "A\n "),
		"base64 of PEM with \\n": base64.StdEncoding.EncodeToString([]byte(strings.ReplaceAll(pkcs1, "\n", `\n`))),
	} {
		t.Run(name, func(t *testing.T) {
			c := load(t, "org: acme\nappID: 1\n", "ARM_PRIVATE_KEY="+text)
			assert.True(t, c.Key().Equal(testKey()))
			assert.Equal(t, pkcs1, c.PrivateKey.Reveal(), "it is kept in the form that every library reads")
		})
	}

	indented := strings.ReplaceAll(pkcs1, "\n", "\n  ")
	for name, file := range map[string]string{
		"block":          "privateKey: |\n  " + indented,
		"double quotes":  "privateKey: \"" + strings.ReplaceAll(pkcs1, "\n", `\n`) + "\"",
		"quoted lines":   "privateKey: \"" + strings.TrimSpace(indented) + "\"",
		"plain with \\n": "privateKey: " + strings.ReplaceAll(pkcs1, "\n", `\n`),
	} {
		t.Run(name, func(t *testing.T) {
			assert.True(t, load(t, "org: acme\nappID: 1\n"+file+"\n").Key().Equal(testKey()))
		})
	}
}

func TestPrivateKeyMistakes(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(ec)
	require.NoError(t, err)
	block := func(kind string, data []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data}))
	}
	tests := []struct{ name, text, want string }{
		{"no key", "c29tZXRoaW5nIGVsc2U=", "is neither PEM nor base64 of PEM"},
		{"half a key", testPEM()[:200], "is not whole"},
		{"elliptic curve", block("PRIVATE KEY", der), "is not an RSA key"},
		{"certificate", block("CERTIFICATE", der), "is not the private key of a GitHub App"},
		{"encrypted", block("ENCRYPTED PRIVATE KEY", der), "is encrypted"},
		{"encrypted of old", strings.Replace(testPEM(), "KEY-----\n", "KEY-----\nProc-Type: 4,ENCRYPTED\n\n", 1), "is encrypted"},
		{"damaged", strings.Replace(testPEM(), "KEY-----\nM", "KEY-----\n!", 1), "is damaged: its PEM block does not hold base64"},
		{"damaged inside", block("RSA PRIVATE KEY", der[:20]), "is damaged: its PEM block does not hold an RSA key"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			lines := mistakes(t, "org: acme\nappID: 1\n", "ARM_PRIVATE_KEY="+tt.text)
			require.Len(t, lines, 1)
			assert.Contains(t, lines[0], "ARM_PRIVATE_KEY: privateKey: "+tt.want)
			assert.NotContains(t, lines[0], tt.text[len(tt.text)-12:])
		})
	}
	assert.Nil(t, new(Config).Key())
}
