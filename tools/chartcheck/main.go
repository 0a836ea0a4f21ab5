// Chartcheck checks what is under deploy/ as far as that goes without a cluster: the
// Helm chart with each of its ci/*-values.yaml, the dashboard and the alert rules, and
// the recipes for other places.
//
// With -server it also loads what the chart and the recipes configure with the server's
// own `config check`.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	root := flag.String("root", "../..", "the project's folder")
	server := flag.String("server", "", "the server's binary; without it configurations are not loaded")
	flag.Parse()
	if err := run(*root, *server); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(root, server string) error {
	deploy := filepath.Join(root, "deploy")
	var all []error
	for _, part := range []struct {
		name  string
		check func() (string, error)
	}{
		{"chart", func() (string, error) {
			return checkChart(filepath.Join(deploy, "helm", "actions-runner-manager"), server)
		}},
		{"monitoring", func() (string, error) { return checkMonitoring(filepath.Join(deploy, "monitoring")) }},
		{"recipes", func() (string, error) { return checkRecipes(deploy) }},
	} {
		said, err := part.check()
		if err != nil {
			all = append(all, fmt.Errorf("%s: %w", part.name, err))
			continue
		}
		fmt.Printf("deploy-check: %s: %s\n", part.name, said)
	}
	return errors.Join(all...)
}
