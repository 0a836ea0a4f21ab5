package config

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Any bytes are a configuration or a list of mistakes, never a crash.
func FuzzLoad(f *testing.F) {
	for _, name := range []string{"legacy.yml", "full.yml"} {
		f.Add([]byte(readTestdata(f, name)))
	}
	for _, seed := range []string{
		"", "\xef\xbb\xbf", "---\n---\n", "org: &a *a\n", "orgs: [{org: a}, {org: A}]\n", "? [a]\n: b\n", "<<: *x\n", "org: !!binary x\n",
		"server: {tls: {enabled: yes}}\n", "policy: {confirm: [null, {}]}\n", "orgs: &o [*o]\n", "privateKey: |2\n a\n", "a: \x00\n", "org: 'a\n",
	} {
		f.Add([]byte(seed))
	}
	path := filepath.Join(f.TempDir(), "config.yml")
	f.Fuzz(func(t *testing.T, data []byte) {
		require.NoError(t, os.WriteFile(path, data, 0o600))
		c, err := Load(path, nil)
		if err != nil {
			require.IsType(t, Errors{}, err)
			require.NotEmpty(t, err.Error())
			return
		}
		_, err = c.Masked()
		require.NoError(t, err)
		c.Organizations()
		c.Warnings()
		c.APIBaseURL()
	})
}
