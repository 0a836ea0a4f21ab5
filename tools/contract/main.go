// Command contract lays GitHub's published API description and webhook
// examples out as the tests read them:
//
//	contract OPENAPI.json WEBHOOKS.json FOLDER
//
// writes FOLDER/github-rest.json, cut down to the endpoints that this project
// has to do with (the whole document takes seconds to load), and
// FOLDER/webhooks/EVENT.ACTION[.VARIANT].json.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// kept are the endpoints that the server calls or the simulator serves.
var kept = regexp.MustCompile(`^(/user|/rate_limit|/users/{username}/keys|/app|/app/hook/.*|/app/installations(/.*)?` +
	`|/app-manifests/{code}/conversions|/repos/{owner}/{repo}` +
	`|/repos/{owner}/{repo}/issues/(comments|comments/{comment_id}|{issue_number}|{issue_number}/comments)` +
	`|/repos/{owner}/{repo}/issues/comments/{comment_id}/reactions(/{reaction_id})?` +
	`|/orgs/{org}(/installation|/memberships/{username}|/actions/runner(s|-groups)(/.*)?)?` +
	`|/orgs/{org}/teams(/{team_slug}(/members|/memberships/{username}|/repos|/repos/{owner}/{repo})?)?)$`)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: contract OPENAPI.json WEBHOOKS.json FOLDER")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "contract:", err)
		os.Exit(1)
	}
}

func run(openAPI, webhooks, folder string) error {
	if err := os.MkdirAll(filepath.Join(folder, "webhooks"), 0o755); err != nil {
		return err
	}
	var doc map[string]any
	if err := readJSON(openAPI, &doc); err != nil {
		return err
	}
	if err := prune(doc); err != nil {
		return fmt.Errorf("%s: %w", openAPI, err)
	}
	if err := writeJSON(filepath.Join(folder, "github-rest.json"), doc); err != nil {
		return err
	}
	var events []hook
	if err := readJSON(webhooks, &events); err != nil {
		return err
	}
	for name, payload := range payloads(events) {
		if err := writeJSON(filepath.Join(folder, "webhooks", name+".json"), payload); err != nil {
			return err
		}
	}
	return nil
}

// prune drops from an OpenAPI document every path that is not kept, and every
// component that no kept path refers to.
func prune(doc map[string]any) error {
	paths, _ := doc["paths"].(map[string]any)
	components, _ := doc["components"].(map[string]any)
	if len(paths) == 0 || len(components) == 0 {
		return fmt.Errorf("no paths or components: is this an OpenAPI document?")
	}
	for path := range paths {
		if !kept.MatchString(path) {
			delete(paths, path)
		}
	}
	delete(doc, "x-webhooks")
	delete(doc, "tags")

	reached := map[string]bool{}
	walk(paths, components, reached)
	for kind, named := range components {
		group, _ := named.(map[string]any)
		for name := range group {
			if !reached[kind+"/"+name] {
				delete(group, name)
			}
		}
	}
	return nil
}

// walk notes every component that node refers to, and what these refer to.
func walk(node any, components map[string]any, reached map[string]bool) {
	switch node := node.(type) {
	case []any:
		for _, item := range node {
			walk(item, components, reached)
		}
	case map[string]any:
		if ref, ok := node["$ref"].(string); ok {
			follow(ref, components, reached)
		}
		// The description has examples whose value is a reference, which
		// OpenAPI takes for the value itself: put in what was meant.
		if value, ok := node["value"].(map[string]any); ok {
			if ref, ok := value["$ref"].(string); ok {
				if meant, ok := lookup(ref, components).(map[string]any); ok {
					node["value"] = meant["value"]
				}
			}
		}
		for _, item := range node {
			walk(item, components, reached)
		}
	}
}

func follow(ref string, components map[string]any, reached map[string]bool) {
	id := strings.TrimPrefix(ref, "#/components/")
	if reached[id] {
		return
	}
	reached[id] = true
	walk(lookup(ref, components), components, reached)
}

// lookup is the component that ref names, or nil.
func lookup(ref string, components map[string]any) any {
	kind, name, _ := strings.Cut(strings.TrimPrefix(ref, "#/components/"), "/")
	group, _ := components[kind].(map[string]any)
	return group[name]
}

// A hook is one event with its example payloads.
type hook struct {
	Name     string           `json:"name"`
	Examples []map[string]any `json:"examples"`
}

// payloads names the examples by event, action, what is in them beside
// that, and a number if that is not enough.
func payloads(events []hook) map[string]any {
	named := map[string]any{}
	for _, event := range events {
		for _, example := range event.Examples {
			name := event.Name
			if action, ok := example["action"].(string); ok {
				name += "." + action
			}
			switch {
			case example["installation"] != nil && event.Name == "issue_comment":
				name += ".with-installation"
			case example["organization"] != nil:
				name += ".with-organization"
			}
			free := name
			for n := 1; named[free] != nil; n++ {
				free = fmt.Sprintf("%s.%d", name, n)
			}
			named[free] = example
		}
	}
	return named
}

func readJSON(path string, into any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func writeJSON(path string, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(path, data, 0o644)
}
