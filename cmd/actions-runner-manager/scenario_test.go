package main

import (
	"reflect"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// The example of docs/scenario.md has every key of a scenario, and the demo runs it.
func TestScenarioDocument(t *testing.T) {
	examples := readDocument(t, "docs/scenario.md").sections[1].of("yaml")
	require.Len(t, examples, 1)
	var example map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(examples[0]), &example))
	shown := map[string]bool{}
	note(reflect.TypeFor[ghsim.Scenario](), example, shown)
	for key, ok := range shown {
		assert.True(t, ok, "docs/scenario.md does not show the key %s", key)
	}

	d := start(t, nil, demoArgs("--scenario", configFile(t, examples[0]))...)
	assert.Contains(t, d.out.String(), "/acme/runner-admin/issues/1")
	assert.Contains(t, curlLines(d.out.String())[1].run(t).body, `"name":"platform"`)
}

// note notes which keys of the struct, and of those in it, the example has.
func note(t reflect.Type, example any, shown map[string]bool) {
	for i := range t.NumField() {
		field := t.Field(i)
		key, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		value, ok := example.(map[string]any)[key]
		shown[t.Name()+"."+key] = shown[t.Name()+"."+key] || ok
		items := []any{value}
		if list, isList := value.([]any); isList {
			items = list
		}
		kind := field.Type
		if kind.Kind() == reflect.Slice {
			kind = kind.Elem()
		}
		if !ok || kind.Kind() != reflect.Struct || kind.PkgPath() != t.PkgPath() {
			continue
		}
		for _, item := range items {
			note(kind, item, shown)
		}
	}
}
