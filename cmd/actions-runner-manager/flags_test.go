package main

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
)

// A wrong flag is named in one line, in words of ours, with what would be right.
func TestFlagErrors(t *testing.T) {
	tests := []struct {
		args []string
		want string
	}{
		{[]string{"demo", "--port", "abc"}, `--port: "abc" is not a port: give a whole number from 0 to 65535`},
		{[]string{"demo", "--port", "70000"}, `--port: "70000" is not a port`},
		{[]string{"demo", "--port=-1"}, `--port: "-1" is not a port`},
		{[]string{"demo", "--port", ""}, `--port: "" is not a port`},
		{[]string{"demo", "--github-port", "8081x"}, `--github-port: "8081x" is not a port`},
		{[]string{"demo", "--github-port", "99999999999999999999"}, `--github-port: "99999999999999999999" is not a port`},
		{[]string{"demo", "--verbose=maybe"}, `--verbose: "maybe" is not true or false`},
		{[]string{"replay", "--comment-id", "x", "f"}, `--comment-id: "x" is not a whole number`},
		{[]string{"replay", "--comment-id", "99999999999999999999", "f"}, `--comment-id: "99999999999999999999" is out of range`},
		{[]string{"demo", "--prot", "1"}, `unknown flag: --prot: did you mean "--port"?`},
		{[]string{"demo", "-port", "1"}, `unknown flag: -port: did you mean "--port"?`},
		{[]string{"demo", "--scenarios=x"}, `unknown flag: --scenarios: did you mean "--scenario"?`},
		{[]string{"groups", "adopt", "--teem", "x"}, `unknown flag: --teem: did you mean "--team"?`},
		{[]string{"doctor", "--jsn"}, `unknown flag: --jsn: did you mean "--json"?`},
		{[]string{"version", "--confg", "x"}, `unknown flag: --confg: did you mean "--config"?`},
		{[]string{"version", "--elsewhere"}, `unknown flag: --elsewhere (see`},
		{[]string{"demoo"}, `unknown command "demoo": did you mean "demo"?`},
		{[]string{"health"}, `unknown command "health": did you mean "healthcheck"?`},
		{[]string{"config", "chek"}, `unknown command "chek": did you mean "check"?`},
		{[]string{"demo", "decript"}, `unknown command "decript": did you mean "decrypt"?`},
		{[]string{"replay", "f", "--url", "localhost:8080"}, `--url: must be a URL that starts with https:// or http://, not "localhost:8080"`},
		{[]string{"doctor", "--url", "here"}, `--url: must be a URL`},
		{[]string{"healthcheck", "--url", "ftp://x"}, `--url: must be a URL`},
	}
	for _, tt := range tests {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			environ := []string{"CONFIG_PATH=" + configFile(t, "org: acme\ngithub: {webhookSecret: 0123456789abcdef}\n")}
			if tt.args[0] == "replay" && tt.args[1] == "f" {
				tt.args[1] = configFile(t, "{}")
			}
			got := do(t, environ, tt.args...)
			assert.Equal(t, exitUsage, got.status)
			assert.Empty(t, got.stdout)
			assert.True(t, strings.HasPrefix(got.stderr, tt.want), got.stderr)
			assert.Equal(t, 1, strings.Count(got.stderr, "\n"), got.stderr)
			assert.NotContains(t, got.stderr, "strconv")
		})
	}
}

// No flag that the program has shows an error of Go's, and the kinds that it could have do not, either.
func TestEveryFlagHasASentence(t *testing.T) {
	p := &program{stdout: io.Discard, stderr: io.Discard}
	other := &cobra.Command{Use: "other"}
	other.Flags().Duration("every", time.Minute, "")
	other.Flags().Float64("rate", 1, "")
	other.Flags().Uint16("many", 1, "")
	root := p.root()
	root.AddCommand(other)
	var check func(*cobra.Command)
	check = func(c *cobra.Command) {
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if kind := f.Value.Type(); kind == "string" || strings.HasPrefix(kind, "string") {
				return
			}
			err := c.Flags().Set(f.Name, "x y")
			if assert.Error(t, err, f.Name) {
				message := flagError(c, err).Error()
				assert.True(t, strings.HasPrefix(message, "--"+f.Name+`: "x y" is not `), message)
				assert.NotContains(t, message, "strconv")
			}
		})
		for _, sub := range c.Commands() {
			check(sub)
		}
	}
	check(root)
}
