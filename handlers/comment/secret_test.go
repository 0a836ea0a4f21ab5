package comment

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"io"
	"strings"
	"testing"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"filippo.io/age/armor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ssh"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/secret"
)

func authorizedKey(t *testing.T, public any) string {
	t.Helper()
	key, err := ssh.NewPublicKey(public)
	require.NoError(t, err)
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
}

// An encrypted answer opens with each of the caller's keys, and with no other.
func TestEncryptedAnswersOpen(t *testing.T) {
	edPublic, edPrivate, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	rsaPrivate, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	_, foreign, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	edIdentity, err := agessh.NewEd25519Identity(edPrivate)
	require.NoError(t, err)
	rsaIdentity, err := agessh.NewRSAIdentity(rsaPrivate)
	require.NoError(t, err)
	foreignIdentity, err := agessh.NewEd25519Identity(foreign)
	require.NoError(t, err)

	const text = "./config.sh --token " + theSecret
	_, job, hub := conversation{
		Policy: Policy{TokenReply: replyEncrypted},
		Keys:   []string{"sk-ssh-ed25519@openssh.com AAAA", authorizedKey(t, rsaPrivate.Public()), authorizedKey(t, edPublic)},
		answers: []answer{{Sealed: true, Result: dispatch.Result{
			Message: "Made.", Secret: &dispatch.Secret{Kind: "registration token", Text: secret.New(text)},
		}}},
	}.run(t, "/runner-group token-register --team platform")

	require.Len(t, hub.posts, 1, "the secret is in the answer")
	post := hub.posts[0]
	assert.Contains(t, post, "\nage -d -i ~/.ssh/id_rsa <<'EOF'\n"+armor.Header+"\n")
	assert.Contains(t, post, armor.Footer+"\nEOF\n```\n")
	assert.NotContains(t, strings.Join(hub.posts, ""), theSecret)
	assert.Empty(t, hub.planned, "encrypted answers stay")
	for _, recorded := range job.recorded {
		assert.NotContains(t, string(recorded), "AGE ENCRYPTED")
	}
	start, end := strings.Index(post, armor.Header), strings.Index(post, armor.Footer)
	require.Positive(t, start)
	armored := post[start : end+len(armor.Footer)]

	for name, identity := range map[string]age.Identity{"ed25519": edIdentity, "rsa": rsaIdentity} {
		plain, err := age.Decrypt(armor.NewReader(strings.NewReader(armored)), identity)
		require.NoError(t, err, name)
		got, err := io.ReadAll(plain)
		require.NoError(t, err, name)
		assert.Equal(t, text+"\n", string(got), name)
	}
	_, err = age.Decrypt(armor.NewReader(strings.NewReader(armored)), foreignIdentity)
	require.Error(t, err)
}

func TestUsableKeys(t *testing.T) {
	public, _, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	key := authorizedKey(t, public)
	tests := []struct {
		name     string
		keys     []string
		want     int
		identity string
	}{
		{"none", nil, 0, ""},
		{"one", []string{key}, 1, "~/.ssh/id_ed25519"},
		{"with a comment", []string{key + " mona@laptop"}, 1, "~/.ssh/id_ed25519"},
		{"others are skipped", []string{"ssh-dss AAAA", "ssh-ed25519", "ssh-rsa !!", "", "ecdsa-sha2-nistp256 AAAA", key}, 1, "~/.ssh/id_ed25519"},
		{"only so many", strings.Split(strings.Repeat(key+"\n", 50), "\n"), maxRecipients, "~/.ssh/id_ed25519"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			recipients, identity := recipientsOf(tt.keys)
			assert.Len(t, recipients, tt.want)
			assert.Equal(t, tt.identity, identity)
		})
	}
}
