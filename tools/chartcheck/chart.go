package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
)

// namespace is where the chart is rendered into.
const namespace = "arm"

// wrong are values that the chart has to refuse, and a word of what it has to say.
var wrong = []struct{ name, values, says string }{
	{"no organization", `config: {appID: 1}`, "config.org is missing"},
	{"replicas on SQLite", `{config: {org: acme}, replicaCount: 2}`, "database.type to postgres"},
	{"PostgreSQL without a URL", `{config: {org: acme}, database: {type: postgres}}`, "secrets.databaseURL is missing"},
	{"ingress without a host", `{config: {org: acme}, ingress: {enabled: true}}`, "ingress.host is missing"},
	{"certificate without an ingress", `{config: {org: acme}, certificate: {enabled: true, issuer: {name: x}}}`, "needs ingress.enabled"},
	{"two sources of secrets", `{config: {org: acme}, secrets: {privateKey: x, existingSecret: other}}`, "existingSecret is given"},
	{"a monitor without metrics", `{config: {org: acme}, metrics: {serviceMonitor: {enabled: true}}}`, "needs metrics.enabled"},
	{"a secret in the configuration", `config: {org: acme, privateKey: x}`, "privateKey"},
	{"an unknown value", `{config: {org: acme}, replicas: 2}`, "replicas"},
}

// checkChart lints and renders the chart with each file of values under ci/, decodes
// what comes out, and sees that values that cannot work are refused.
func checkChart(dir, server string) (string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "ci", "*-values.yaml"))
	if err != nil || len(files) == 0 {
		return "", fmt.Errorf("no %s/ci/*-values.yaml: %w", dir, errors.Join(err, os.ErrNotExist))
	}
	c, err := loader.Load(dir)
	if err != nil {
		return "", err
	}
	var all []error
	objects := 0
	for _, file := range files {
		n, err := checkValues(c, dir, file, server)
		objects += n
		if err != nil {
			all = append(all, fmt.Errorf("%s: %w", filepath.Base(file), err))
		}
	}
	for _, w := range wrong {
		values, err := chartutil.ReadValues([]byte(w.values))
		if err != nil {
			return "", fmt.Errorf("%s: %w", w.name, err)
		}
		if _, err = render(c, values); err == nil || !strings.Contains(err.Error(), w.says) {
			all = append(all, fmt.Errorf("%s: want an error that says %q, not %w", w.name, w.says, orNone(err)))
		}
	}
	return fmt.Sprintf("%d objects from %d files of values, %d mistakes refused", objects, len(files), len(wrong)), errors.Join(all...)
}

var errNone = errors.New("none")

func orNone(err error) error {
	if err == nil {
		return errNone
	}
	return err
}

func checkValues(c *chart.Chart, dir, file, server string) (int, error) {
	values, err := chartutil.ReadValuesFile(file)
	if err != nil {
		return 0, err
	}
	var all []error
	for _, m := range lint.AllWithKubeVersion(dir, values, namespace, nil).Messages {
		if m.Severity >= support.WarningSev {
			all = append(all, fmt.Errorf("helm lint: %w", m))
		}
	}
	manifests, err := render(c, values)
	if err != nil {
		return 0, err
	}
	var objects []object
	for _, name := range slices.Sorted(maps.Keys(manifests)) {
		if strings.HasSuffix(name, "NOTES.txt") {
			continue
		}
		decoded, err := decode(manifests[name])
		if err != nil {
			all = append(all, fmt.Errorf("%s: %w", name, err))
		}
		objects = append(objects, decoded...)
	}
	if err := errors.Join(all...); err != nil {
		return len(objects), err
	}
	if err := checkSet(objects); err != nil {
		return len(objects), err
	}
	return len(objects), checkConfig(objects, server)
}

func render(c *chart.Chart, values chartutil.Values) (map[string]string, error) {
	// Defaults are merged into the chart's own values; a later rendering must not see them.
	release := chartutil.ReleaseOptions{Name: "arm", Namespace: namespace, Revision: 1, IsInstall: true}
	all, err := chartutil.ToRenderValues(c, values, release, nil)
	if err != nil {
		return nil, err
	}
	return engine.Render(c, all)
}
