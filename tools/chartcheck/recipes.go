package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	sigsyaml "sigs.k8s.io/yaml"
)

// A recipe is how a provider is configured to run the server, in one file or several.
var recipes = map[string][]string{
	"Docker Compose": {"compose.yml", "compose.env", "compose/Caddyfile"},
	"Fly.io":         {"fly/fly.toml"},
	"Render":         {"render/render.yaml"},
	"Heroku":         {"heroku/heroku.yml", "heroku/app.json", "heroku/Dockerfile"},
	"Cloud Run":      {"cloudrun/service.yaml"},
	"systemd":        {"systemd/actions-runner-manager.service", "systemd/env"},
}

// variable is the name of a key in the environment.
var variable = regexp.MustCompile(`\bARM_[A-Z0-9_]+\b`)

// others look like keys and are not: the compose file's own, and an add-on's name.
var others = []string{"ARM_HOST", "ARM_VERSION", "ARM_DATABASE"}

// checkRecipes sees that the files can be read, that each place names the proxies to
// trust and speaks of both probes, and that every key it sets is one of the server's.
func checkRecipes(dir string) (string, error) {
	reference, err := os.ReadFile(filepath.Join(dir, "..", "docs", "reference.md"))
	if err != nil {
		return "", err
	}
	known := variable.FindAllString(string(reference), -1)
	var all []error
	for place, files := range recipes {
		var text strings.Builder
		for _, name := range files {
			data, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				return "", err
			}
			text.Write(data)
			if ext := filepath.Ext(name); ext == ".yml" || ext == ".yaml" || ext == ".json" {
				var tree map[string]any
				if err := sigsyaml.UnmarshalStrict(data, &tree); err != nil {
					all = append(all, fmt.Errorf("%s: %w", name, err))
				}
			}
		}
		for _, word := range []string{"ARM_SERVER_TRUSTED_PROXIES", "/readyz"} {
			if !strings.Contains(text.String(), word) {
				all = append(all, fmt.Errorf("%s: there is no %s", place, word))
			}
		}
		if !strings.Contains(text.String(), "/livez") && !strings.Contains(text.String(), "healthcheck") {
			all = append(all, fmt.Errorf("%s: nothing asks /livez", place))
		}
		for _, name := range variable.FindAllString(text.String(), -1) {
			if !slices.Contains(known, name) && !slices.Contains(others, name) {
				all = append(all, fmt.Errorf("%s: the server knows no %s", place, name))
			}
		}
	}
	return fmt.Sprintf("%d places", len(recipes)), errors.Join(all...)
}
