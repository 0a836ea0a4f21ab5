package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	sigsyaml "sigs.k8s.io/yaml"
)

// A query is one that the dashboard or an alert asks Prometheus.
type query struct{ where, expr string }

// variables are what Grafana and Prometheus fill in.
var variables = strings.NewReplacer("$__rate_interval", "5m", "$job", "actions-runner-manager", "$instance", ".*", "$team", ".*")

// checkMonitoring parses every query and sees that all that it selects is in a scrape of the server.
func checkMonitoring(dir string) (string, error) {
	scrape, err := readScrape(filepath.Join(dir, "testdata", "scrape.txt"))
	if err != nil {
		return "", err
	}
	shown, err := dashboardQueries(filepath.Join(dir, "dashboard.json"))
	if err != nil {
		return "", err
	}
	alerts, err := alertQueries(filepath.Join(dir, "alerts.yml"))
	if err != nil {
		return "", err
	}
	var all []error
	for _, q := range slices.Concat(shown, alerts) {
		if err := checkQuery(q.expr, scrape); err != nil {
			all = append(all, fmt.Errorf("%s: %w: %s", q.where, err, q.expr))
		}
	}
	return fmt.Sprintf("%d queries of the dashboard and %d alerts fit a scrape of %d series", len(shown), len(alerts), len(scrape)), errors.Join(all...)
}

func checkQuery(expr string, scrape []labels.Labels) error {
	parsed, err := parser.NewParser(parser.Options{}).ParseExpr(variables.Replace(expr))
	if err != nil {
		return err
	}
	var all []error
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		selector, ok := node.(*parser.VectorSelector)
		if ok && !slices.ContainsFunc(scrape, func(series labels.Labels) bool { return matches(selector.LabelMatchers, series) }) {
			all = append(all, fmt.Errorf("the scrape has nothing like %s", selector))
		}
		return nil
	})
	return errors.Join(all...)
}

func matches(matchers []*labels.Matcher, series labels.Labels) bool {
	for _, m := range matchers {
		if !m.Matches(series.Get(m.Name)) {
			return false
		}
	}
	return true
}

// readScrape returns the series of a scrape, with the labels that Prometheus adds.
func readScrape(file string) ([]labels.Labels, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text := expfmt.NewTextParser(model.UTF8Validation)
	families, err := text.TextToMetricFamilies(f)
	if err != nil {
		return nil, err
	}
	target := []string{"job", "actions-runner-manager", "instance", "arm:9090"}
	all := []labels.Labels{labels.FromStrings(append([]string{"__name__", "up"}, target...)...)}
	for name, family := range families {
		for _, metric := range family.Metric {
			pairs := slices.Clone(target)
			for _, l := range metric.Label {
				pairs = append(pairs, l.GetName(), l.GetValue())
			}
			series := func(name string, more ...string) {
				all = append(all, labels.FromStrings(slices.Concat([]string{"__name__", name}, pairs, more)...))
			}
			if metric.Summary == nil {
				series(name)
				continue
			}
			series(name + "_sum")
			series(name + "_count")
			for _, q := range metric.Summary.Quantile {
				series(name, "quantile", fmt.Sprint(q.GetQuantile()))
			}
		}
	}
	return all, nil
}

func dashboardQueries(file string) ([]query, error) {
	var dashboard struct {
		Panels []struct {
			ID      int
			Title   string
			GridPos struct{ H, W, X, Y int }
			Targets []struct{ Expr, RefID string }
		}
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, &dashboard); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	var all []query
	ids := map[int]bool{}
	for _, p := range dashboard.Panels {
		if ids[p.ID] || p.GridPos.X+p.GridPos.W > 24 || p.GridPos.H == 0 {
			return nil, fmt.Errorf("%s: panel %q: its id is used twice, or it has no place", file, p.Title)
		}
		ids[p.ID] = true
		for _, t := range p.Targets {
			all = append(all, query{fmt.Sprintf("panel %q", p.Title), t.Expr})
		}
	}
	return all, nil
}

func alertQueries(file string) ([]query, error) {
	var rules struct {
		Groups []struct {
			Name  string `json:"name"`
			Rules []struct {
				Alert       string            `json:"alert"`
				Expr        string            `json:"expr"`
				For         model.Duration    `json:"for"`
				Labels      map[string]string `json:"labels"`
				Annotations map[string]string `json:"annotations"`
			} `json:"rules"`
		} `json:"groups"`
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if err := sigsyaml.UnmarshalStrict(data, &rules); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	var all []query
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			if r.Labels["severity"] == "" || r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
				return nil, fmt.Errorf("%s: %s wants a severity, a summary and a description", file, r.Alert)
			}
			all = append(all, query{"alert " + r.Alert, r.Expr})
		}
	}
	return all, nil
}
