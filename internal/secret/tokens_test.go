package secret_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/actions-runner-manager/actions-runner-manager/internal/secret"
)

const (
	body = "16C7e42F292c6912E7710c838347Ae178B4a"
	jwt  = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiI0MjQyIn0.c2lnbmF0dXJl-_"
	key  = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA\n-----END RSA PRIVATE KEY-----"
)

func TestMaskTokens(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"nothing", "", ""},
		{"no secret", "Created runner group `platform` in acme_gh.", "Created runner group `platform` in acme_gh."},
		{"personal", "ghp_" + body, "ghp_[secret]"},
		{"OAuth", "a gho_" + body + " b", "a gho_[secret] b"},
		{"user of an App", "(ghu_" + body + ")", "(ghu_[secret])"},
		{"installation", "ghs_" + body + ".", "ghs_[secret]."},
		{"installation, with a JWT in it", "ghs_4242_" + jwt + "!", "ghs_[secret]!"},
		{"refresh", "ghr_" + body + "\n", "ghr_[secret]\n"},
		{"fine-grained", "github_pat_11ABCDEFG0" + body + "_" + body, "github_pat_[secret]"},
		{"several", "ghp_" + body + ",gho_" + body + "/" + jwt, "ghp_[secret],gho_[secret]/[secret]"},
		{"in a URL", "https://x-access-token:ghs_" + body + "@github.com/a?t=ghp_" + body + "&b=c", "https://x-access-token:ghs_[secret]@github.com/a?t=ghp_[secret]&b=c"},
		{"in JSON", `{"token":"ghp_` + body + `"}`, `{"token":"ghp_[secret]"}`},
		{"glued to a word", "tokenghp_" + body, "tokenghp_[secret]"},
		{"URL-encoded", "Bearer%20ghp_" + body, "Bearer%20ghp_[secret]"},
		{"cut off", "ghp_16C7e4…", "ghp_[secret]…"},
		{"the prefix only", "`ghp_`, `github_pat_` and ghs_…", "`ghp_`, `github_pat_` and ghs_…"},
		{"English", "a box weighs_more and laughs_loud", "a box weighs_more and laughs_loud"},
		{"JWT", "Authorization: Bearer " + jwt + ", please", "Authorization: Bearer [secret], please"},
		{"JWT without a signature", "eyJhbGciOiJub25lIn0.eyJpc3MiOiI0MjQyIn0.", "[secret]."},
		{"JWT, encrypted", "eyJhbGciOiJSUzI1NiJ9.a2V5a2V5a2V5.aXZpdg.dGV4dA.dGFn", "[secret]"},
		{"JWT after a word", "jwt.eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiI0MjQyIn0.c2ln", "jwt.[secret]"},
		{"JSON in base64 is no JWT", "eyJhIjoxfQ==", "eyJhIjoxfQ=="},
		{"hosts and versions", "arm.example.com v1.2.3 docs.key.md", "arm.example.com v1.2.3 docs.key.md"},
		{"key", "before " + key + " after", "before [secret] after"},
		{"key in one line", strings.ReplaceAll(key, "\n", `\n`) + "\n", "[secret]\n"},
		{"key, URL-encoded", strings.NewReplacer(" ", "+", "\n", "%0A").Replace(key) + "&a=b", "[secret]&a=b"},
		{"key without an end", "x-----BEGIN PRIVATE KEY-----\nMIIEow", "x[secret]"},
		{"two keys", key + key, "[secret][secret]"},
		{"key after a false start", "-----BEGIN" + key, "-----BEGIN[secret]"},
		{"key in base64", "key=LS0tLS1CRUdJTiBSU0EgUFJJ/+==; next", "key=[secret]; next"},
		{"key in base64 after a token", "ghp_abcdLS0tLS1CRUdJTiBSU0EgUFJJ/+==; next", "ghp_[secret]; next"},
		{"certificate", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"},
		{"encrypted file", "-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n-----END AGE ENCRYPTED FILE-----", "-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n-----END AGE ENCRYPTED FILE-----"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.want, secret.MaskTokens(tt.text))
			assert.Equal(t, tt.want, secret.MaskTokens(tt.want), "masked again")
		})
	}
}

// If the time were not linear, each of these would take hours.
func TestMaskTokensIsLinear(t *testing.T) {
	const size = 4 << 20
	for _, unit := range []string{
		"a", "_", ".", "-", "eyJ", "eyJ.", "eyJhbGciOiJ.", "ghp_", "xghp_", "ghp_abcd ", "-----BEGIN", "-----BEGIN KEY-----", "-----BEGIN KEY",
		"-----BEGIN X-----", "-----END", key, "LS0tLS1CRUdJTi", "LS0tLS1CRUdJTi ", "github_pat_", "gh",
	} {
		text := strings.Repeat(unit, size/len(unit))
		begin := time.Now()
		secret.MaskTokens("ghp_" + text)
		secret.MaskTokens(text + "ghp_abcd")
		assert.Less(t, time.Since(begin), 20*time.Second, unit)
	}
}

// A second description of what is secret, slower and simpler.
var secrets = regexp.MustCompile(`gh[pousr]_[A-Za-z0-9_]{20}|github_pat_[A-Za-z0-9_]{20}|` +
	`eyJ[A-Za-z0-9_-]{7,}\.[A-Za-z0-9_-]{10}|-----BEGIN [A-Z ]{0,20}KEY-----|LS0tLS1CRUdJTi`)

func FuzzMaskTokens(f *testing.F) {
	for _, seed := range []string{
		"", "ghp_" + body, jwt, key, key + key, "x" + key[:40], "-----BEGIN-----BEGIN KEY-----", "LS0tLS1CRUdJTi", "eyJ.eyJ.eyJ", "ghs_1_" + jwt,
		"a_ghp_b_gho_ccccccccccccccccccccccc", "-----BEGIN KEY ghp_" + body + body + "-----",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		masked := secret.MaskTokens(text)
		if found := secrets.FindString(masked); found != "" {
			t.Errorf("%q became %q, which still shows %q", text, masked, found)
		}
		if again := secret.MaskTokens(masked); again != masked {
			t.Errorf("%q became %q, and that %q", text, masked, again)
		}
		parts := strings.Split(masked, secret.Mask)
		if !strings.HasPrefix(text, parts[0]) || !strings.HasSuffix(text, parts[len(parts)-1]) {
			t.Errorf("%q became %q: what is not secret changed", text, masked)
		}
	})
}
