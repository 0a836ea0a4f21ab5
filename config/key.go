package config

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"regexp"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/internal/secret"
)

// Key returns the App's private key, or nil if there is none that can be read: then
// [Load] has said so.
func (c *Config) Key() *rsa.PrivateKey {
	key, err := parseKey(c.PrivateKey.Reveal())
	if err != nil {
		return nil
	}
	return key
}

var pemBlock = regexp.MustCompile(`(?s)-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END [A-Z0-9 ]+-----`)

// parseKey reads a key in PEM, in PEM whose line ends were written as \n or lost in
// folding, or in base64 of either. Its errors never repeat what the text holds.
func parseKey(text string) (*rsa.PrivateKey, error) {
	if !strings.Contains(text, "-----BEGIN") {
		decoded, err := decodeBase64(text)
		if err != nil || !strings.Contains(string(decoded), "-----BEGIN") {
			return nil, errors.New("is neither PEM nor base64 of PEM: give the whole .pem file that GitHub lets you download, from -----BEGIN to -----END")
		}
		text = string(decoded)
	}
	block := pemBlock.FindStringSubmatch(text)
	if block == nil {
		return nil, errors.New("is not whole: a PEM block goes from -----BEGIN … to -----END …")
	}
	der, err := decodeBase64(block[2])
	kind := block[1]
	switch {
	case strings.Contains(kind, "ENCRYPTED") || strings.Contains(block[2], "Proc-Type"):
		return nil, errors.New("is encrypted: give it without a passphrase")
	case kind != "RSA PRIVATE KEY" && kind != "PRIVATE KEY":
		return nil, errors.New("is not the private key of a GitHub App, which is an RSA PRIVATE KEY")
	case err != nil:
		return nil, errors.New("is damaged: its PEM block does not hold base64")
	}
	key, err := parseDER(der)
	if err != nil {
		return nil, err
	}
	if key.N.BitLen() < 1024 {
		return nil, errors.New("is too short to be a GitHub App's key")
	}
	return key, nil
}

func parseDER(der []byte) (*rsa.PrivateKey, error) {
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key, nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, errors.New("is damaged: its PEM block does not hold an RSA key")
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("is not an RSA key: GitHub Apps have RSA keys")
	}
	return key, nil
}

// decodeBase64 decodes base64 that may be broken into lines, whose ends may be written as \n.
func decodeBase64(text string) ([]byte, error) {
	text = strings.NewReplacer(`\r`, "", `\n`, "", " ", "", "\t", "", "\r", "", "\n", "").Replace(text)
	return base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
}

// normalPEM writes the key as every library reads it.
func normalPEM(key *rsa.PrivateKey) secret.Text {
	return secret.New(string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})))
}
