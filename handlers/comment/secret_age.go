package comment

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"filippo.io/age/armor"
)

// maxRecipients bounds how many keys a secret is encrypted to; each makes it longer.
const maxRecipients = 20

// recipientsOf returns those of a user's SSH keys that age can encrypt to, and the
// file in which the first of them usually lies. Others (ecdsa, security keys, RSA
// keys that are too short) are skipped.
func recipientsOf(keys []string) (recipients []age.Recipient, identity string) {
	for _, key := range keys {
		kind, _, _ := strings.Cut(strings.TrimSpace(key), " ")
		file := map[string]string{"ssh-ed25519": "~/.ssh/id_ed25519", "ssh-rsa": "~/.ssh/id_rsa"}[kind]
		if file == "" || len(recipients) == maxRecipients {
			continue
		}
		recipient, err := agessh.ParseRecipient(key)
		if err != nil {
			continue
		}
		recipients = append(recipients, recipient)
		if identity == "" {
			identity = file
		}
	}
	return recipients, identity
}

// encryptTo encrypts text to the recipients, as ASCII.
func encryptTo(recipients []age.Recipient, text string) (armored string, err error) {
	var b bytes.Buffer
	ascii := armor.NewWriter(&b)
	w, err := age.Encrypt(ascii, recipients...)
	if err != nil {
		return "", fmt.Errorf("begin: %w", err)
	}
	if _, err := io.WriteString(w, text); err != nil {
		return "", fmt.Errorf("write: %w", err)
	}
	if err := w.Close(); err != nil {
		return "", fmt.Errorf("end: %w", err)
	}
	if err := ascii.Close(); err != nil {
		return "", fmt.Errorf("armor: %w", err)
	}
	return b.String(), nil
}
