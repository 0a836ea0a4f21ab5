// Package architecture_test checks which package imports which, against the table below.
package architecture_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/actions-runner-manager/actions-runner-manager/"

// anything, in a row of mayImport, stands for every package of ours.
const anything = "*"

// mayImport is the table: for each part of the module, the other parts that its
// sources, tests excepted, may import. A part is a folder with all below it.
func mayImport() map[string][]string {
	return map[string][]string{
		"cmd":                  {anything},
		"server":               {"config", "handlers", "handlers/comment", "handlers/console", "handlers/rest", "handlers/signin", "handlers/pages", "commands", "commands/dispatch", "commands/ownership", "internal/alerts", "internal/fleet", "internal/github", "internal/oidc", "internal/queue", "internal/requests", "internal/store", "server/connect", "server/doctor", "server/setup", "internal/secret"},
		"server/connect":       {"config", "internal/github"},
		"server/doctor":        {"config", "handlers/comment", "handlers/signin", "commands/dispatch", "internal/github", "internal/oidc", "internal/store", "server/connect", "internal/secret"},
		"server/setup":         {"config", "handlers/comment", "handlers/pages", "handlers/signin", "internal/github", "server/connect", "server/doctor", "internal/secret"},
		"handlers":             {"commands/dispatch"},
		"handlers/comment":     {"handlers", "commands/dispatch", "internal/secret"},
		"handlers/rest":        {"handlers", "handlers/pages", "commands/dispatch", "internal/oidc", "internal/secret"},
		"handlers/pages":       {"handlers", "commands/dispatch", "internal/secret"},
		"handlers/signin":      {"handlers", "handlers/pages", "commands/dispatch", "internal/secret", "internal/store"},
		"handlers/console":     {"handlers", "handlers/pages", "commands", "commands/dispatch", "internal/secret", "internal/store"},
		"handlers/handlertest": {"commands/dispatch"}, // for tests
		"commands":             {"commands/dispatch", "commands/ownership", "internal/fleet", "internal/github", "internal/store", "internal/secret"},
		"commands/commandtest": {"commands", "commands/dispatch", "commands/ownership", "internal/fleet", "internal/ghsim", "internal/github", "internal/oidc", "internal/store"}, // for tests
		"commands/dispatch":    {"internal/github", "internal/oidc", "internal/store", "internal/secret"},
		"commands/ownership":   {"commands/dispatch", "internal/github", "internal/store"},
		"config":               {"internal/secret"},
		"internal/queue":       {"internal/store"},
		"internal/fleet":       {"internal/github", "internal/store", "commands/dispatch"},
		"internal/alerts":      {"internal/fleet", "internal/github", "internal/store", "commands/dispatch"},
		"internal/requests":    {"internal/github", "internal/store", "commands/dispatch"},
		"internal/github":      {"internal/secret"},
		"internal/oidc":        {"internal/store"},
		"internal/store":       {"internal/secret"},
		"internal/ghsim/web":   {"internal/ghsim"},
		"internal/ghsim":       {"internal/secret"},
		"internal/secret":      {},
		"internal/costtest":    {}, // for tests
	}
}

func TestImports(t *testing.T) {
	table := mayImport()
	for _, file := range sources(t, ".") {
		from := partOf(table, path.Dir(file))
		if !assert.NotEmptyf(t, from, "%s is in no part of the import table: put it where it belongs, or add a row", file) {
			continue
		}
		for _, imported := range oursIn(t, file) {
			assert.Truef(t, allowed(table, from, imported), "%s imports %s, which %s may not: see mayImport in architecture_test.go",
				file, imported, from)
		}
	}
}

// The table must refuse, else it guards nothing.
func TestImportTable(t *testing.T) {
	tests := []struct {
		name, from, imports string
		want                bool
	}{
		{"the program may import the simulator", "cmd/actions-runner-manager", "internal/ghsim", true},
		{"the server may not", "server", "internal/ghsim", false},
		{"nor what is below it", "server", "internal/ghsim/contract", false},
		{"a channel reaches the runner groups through commands alone", "handlers", "internal/github", false},
		{"one channel may not import another", "handlers/comment", "handlers/rest", false},
		{"commands may not import their channels", "commands", "handlers", false},
		{"a part may import its own folders", "internal/ghsim/contract", "internal/ghsim", true},
		{"a part whose name begins alike is another", "config", "configuration", false},
		{"the queue works on the store", "internal/queue", "internal/store", true},
		{"the store may not import the queue", "internal/store", "internal/queue", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			table := mayImport()
			assert.Equal(t, tt.want, allowed(table, partOf(table, tt.from), tt.imports))
		})
	}
}

// One template in the program makes the linker keep whatever a template might call.
func TestNoTemplates(t *testing.T) {
	for _, file := range sources(t, ".") {
		for _, imported := range importsOf(t, file) {
			assert.NotContainsf(t, []string{"html/template", "text/template"}, imported, "%s: see docs/adr/0008-pages-without-templates.md", file)
		}
	}
}

// partOf is the row of the table that folder belongs to, or "".
func partOf(table map[string][]string, folder string) string {
	for ; folder != "."; folder = path.Dir(folder) {
		if _, ok := table[folder]; ok {
			return folder
		}
	}
	return ""
}

func allowed(table map[string][]string, from, imported string) bool {
	part := partOf(table, imported)
	return part == from || slices.Contains(table[from], part) || slices.Contains(table[from], anything)
}

// sources lists the Go files below root that are not tests, as slash paths.
// What begins with a dot or is called testdata is not looked at, nor is a
// folder with a module of its own.
func sources(t *testing.T, root string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			_, otherModule := os.Stat(filepath.Join(name, "go.mod"))
			if name != root && (otherModule == nil || strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata") {
				return filepath.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") {
			files = append(files, filepath.ToSlash(name))
		}
		return nil
	})
	require.NoError(t, err)
	require.NotEmpty(t, files, "no sources found: is this test still in the module's root?")
	return files
}

// oursIn lists the packages of this module that file imports, without the
// module's name.
func oursIn(t *testing.T, file string) []string {
	t.Helper()
	var ours []string
	for _, imported := range importsOf(t, file) {
		if name, ok := strings.CutPrefix(imported, module); ok {
			ours = append(ours, name)
		}
	}
	return ours
}

func importsOf(t *testing.T, file string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	require.NoError(t, err)
	var all []string
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		require.NoError(t, err)
		all = append(all, imported)
	}
	return all
}
