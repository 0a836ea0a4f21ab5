package main

import (
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/config"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// TestDocumentLinks follows the links within the repository.
func TestDocumentLinks(t *testing.T) {
	all := map[string]document{}
	for _, d := range documents(t) {
		all[d.path] = d
	}
	for _, d := range all {
		for _, link := range d.links {
			if strings.Contains(link, "://") || strings.HasPrefix(link, "mailto:") {
				continue
			}
			file, fragment, _ := strings.Cut(link, "#")
			target := d.path
			if file != "" {
				target = path.Join(path.Dir(d.path), file)
				_, err := os.Stat(repository + target)
				assert.NoError(t, err, "%s links to %s", d.path, link)
			}
			if fragment != "" {
				assert.Contains(t, all[target].anchors, fragment, "%s links to %s", d.path, link)
			}
		}
	}
}

// TestDocumentNames looks up what documents name in code: settings, variables, flags, metrics,
// tests and files.
func TestDocumentNames(t *testing.T) {
	tests, ours, flags := testsOf(t), variables(), flagNames()
	metrics := sourceOf(t, "server/*.go")
	for _, d := range documents(t) {
		if d.path == "CHANGELOG.md" { // it names what there was once
			continue
		}
		for _, variable := range regexp.MustCompile(`\bARM_[A-Z_]*[A-Z]\b`).FindAllString(d.source, -1) {
			assert.NotEmpty(t, ours[variable], "%s names %s, which nothing reads", d.path, variable)
		}
		for _, s := range d.sections {
			for _, span := range s.of(inline) {
				word, _, _ := strings.Cut(span, " ")
				word = strings.TrimSuffix(word, ":")
				switch {
				case regexp.MustCompile(`^(Test|Fuzz)\w+$`).MatchString(word):
					assert.Contains(t, tests, word, d.path)
				case regexp.MustCompile(`^arm_\w+$`).MatchString(word):
					assert.Contains(t, metrics, `"`+word+`"`, d.path)
				case regexp.MustCompile(`^--[a-z]`).MatchString(word):
					flag, _, _ := strings.Cut(word, "=")
					if !strings.HasPrefix(d.path, "docs/adr/") { // they weigh other programs
						assert.NotEmpty(t, flags[strings.TrimPrefix(flag, "--")], "%s names %s, which nothing has", d.path, flag)
					}
				case settingShape().MatchString(word):
					key, _, _ := strings.Cut(word, "=")
					assert.True(t, isSetting(key), "%s names the setting %s, which does not exist", d.path, key)
				case regexp.MustCompile(`^(cmd|config|commands|contrib|deploy|docs|handlers|internal|server|tools)/`).MatchString(word):
					found, err := filepath.Glob(repository + word)
					require.NoError(t, err)
					assert.NotEmpty(t, found, "%s names %s", d.path, word)
				}
			}
		}
	}
}

// TestDocumentReasons holds the tables of refusals to the commands of their sections.
func TestDocumentReasons(t *testing.T) {
	d := dispatch.NewDispatcher(&dispatch.Env{}, commands.All())
	all := map[dispatch.Reason]bool{}
	for _, spec := range d.Specs() {
		for _, info := range spec.Reasons() {
			all[info.Reason] = true
		}
	}
	for _, s := range readDocument(t, "docs/maintainers.md").sections {
		may := map[dispatch.Reason]bool{}
		for _, c := range s.code {
			for _, word := range regexp.MustCompile(`\b[a-z]+-[a-z]+\b`).FindAllString(c.text, -1) {
				if spec, ok := d.Lookup(word); ok {
					for _, info := range spec.Reasons() {
						may[info.Reason] = true
					}
				}
			}
		}
		for _, span := range s.of(inline) {
			if reason := dispatch.Reason(span); all[reason] && len(s.of("text")) > 0 {
				assert.True(t, may[reason], "%s: no command there gives %s", s.title, reason)
			}
		}
	}
}

// variables are ours that documents may name: the settings', and others by where they are read.
func variables() map[string]string {
	all := map[string]string{
		"ARM_HOST": "deploy/compose.yml", "ARM_DATABASE": "deploy/heroku/heroku.yml", "ARM_URL": "contrib", "ARM_TOKEN": "contrib", "ARM_TOKEN_COMMAND": "contrib",
	}
	for _, key := range config.Reference() {
		all[key.Env] = "config"
	}
	return all
}

// settingShape matches what looks like a setting: its section and its name.
func settingShape() *regexp.Regexp {
	sections := map[string]bool{}
	for _, key := range config.Reference() {
		if section, _, nested := strings.Cut(key.Name, "."); nested {
			sections[section] = true
		}
	}
	return regexp.MustCompile(`^(` + strings.Join(slices.Sorted(maps.Keys(sections)), "|") + `)\.[a-z][A-Za-z.]*(=\S*)?$`)
}

// isSetting reports whether there is a setting, or a group of them, or a value of the chart.
func isSetting(name string) bool {
	return slices.ContainsFunc(config.Reference(), func(k config.Key) bool { return k.Name == name || strings.HasPrefix(k.Name, name+".") }) ||
		slices.Contains([]string{"database.type", "config.go"}, name) || strings.HasSuffix(name, ".go") || strings.HasSuffix(name, ".yml")
}

// flagNames are the flags that documents may name: those of commands and of the program, and
// of others by whose they are.
func flagNames() map[string]string {
	all := map[string]string{
		"yes": "comments", "encrypted": "comments", "runnergroup": "config.sh", "ha": "fly", "manifest": "heroku", "fail-with-body": "curl",
		"hostname": "contrib", "server": "contrib", "errors": "prism",
	}
	for _, spec := range dispatch.NewDispatcher(&dispatch.Env{}, commands.All()).Specs() {
		for _, p := range spec.Params {
			all[p.Name] = spec.Name
		}
	}
	var visit func(*cobra.Command)
	visit = func(c *cobra.Command) {
		for _, set := range []*pflag.FlagSet{c.Flags(), c.PersistentFlags()} {
			set.VisitAll(func(f *pflag.Flag) { all[f.Name] = c.Name() })
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit((&program{}).root())
	return all
}

// testsOf are the names of all tests.
func testsOf(t *testing.T) (names []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(repository, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, m := range regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`).FindAllStringSubmatch(string(source), -1) {
			names = append(names, m[1])
		}
		return err
	}))
	return names
}

func sourceOf(t *testing.T, pattern string) (all string) {
	t.Helper()
	files, err := filepath.Glob(repository + pattern)
	require.NoError(t, err)
	for _, file := range files {
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		all += string(source)
	}
	return all
}

// TestDocumentYAML reads the YAML of the documents; a configuration is loaded.
func TestDocumentYAML(t *testing.T) {
	pem, err := ghsim.NewKey()
	require.NoError(t, err)
	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, []byte(pem), 0o600)) // a key is as good a secret as any
	for _, d := range documents(t) {
		for _, s := range d.sections {
			for _, text := range s.of("yaml") {
				if strings.HasPrefix(text, "- ") || strings.HasPrefix(text, " ") { // a part of a list or a map
					text = "part:\n" + text
				}
				var read map[string]any
				require.NoError(t, yaml.Unmarshal([]byte(text), &read), "%s:\n%s", d.path, text)
				if read["org"] == nil {
					continue
				}
				text = regexp.MustCompile(`(?m)(\w+File: )\S+`).ReplaceAllString(text, "${1}"+secret)
				got := do(t, nil, "config", "check", "--config", configFile(t, text))
				assert.Equal(t, 0, got.status, "%s:\n%s%s", d.path, text, got.stderr)
			}
		}
	}
}
