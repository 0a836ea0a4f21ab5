package config

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/netip"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// readEnv sets c to what the environment says. An empty variable counts as unset, and
// variables that no key has are somebody else's.
func (l *loader) readEnv(c *Config) {
	leaves(reflect.ValueOf(c).Elem(), "", func(f field, v reflect.Value, key string) {
		if f.isOrgs() {
			return
		}
		var before string
		for _, name := range f.names() {
			name = key[:len(key)-len(f.name)] + name
			value := l.env[variable(name)]
			if value == "" {
				continue
			}
			at := place{variable: variable(name)}
			if key == "clientID" && azureClientID.MatchString(value) {
				l.warnings = append(l.warnings, at.variable+" is ignored: its value is a client id of Azure; set clientID in the file if the App has one.")
				continue
			}
			if isServiceLink(value) {
				l.warnServiceLink(at.variable, key)
				continue
			}
			if before != "" {
				l.add(at, name, already(before))
				continue
			}
			before = at.variable
			l.override(f, v, key, name, value, at)
		}
	})
}

// azureClientID is a UUID, which GitHub's client ids are not. Tools for Azure Resource
// Manager use variables that begin with ARM_, too.
var azureClientID = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// isServiceLink reports whether a variable's value is what Kubernetes gives a pod for each
// Service of its namespace: ARM_SERVER_PORT is tcp://10.0.0.1:8080 if one is named
// arm-server. See https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
func isServiceLink(value string) bool {
	scheme, address, ok := strings.Cut(value, "://")
	if !ok || scheme != "tcp" && scheme != "udp" && scheme != "sctp" {
		return false
	}
	_, err := netip.ParseAddrPort(address)
	return err == nil
}

func (l *loader) warnServiceLink(name, key string) {
	l.warnings = append(l.warnings, name+" is ignored: its value is a link that Kubernetes makes for a Service of the namespace; "+
		"set enableServiceLinks: false in the pod, and "+key+" in the file.")
}

// warnDatabase warns if a platform offers a database that is not used: then the data is
// mostly in a file that is lost at the next start.
func (l *loader) warnDatabase() {
	if l.env["DATABASE_URL"] != "" && !l.wasGiven("database.url") {
		l.warnings = append(l.warnings, "DATABASE_URL is set, but database.url is not: the data is in a SQLite file, which may be lost at a restart; set ARM_DATABASE_URL to the value of DATABASE_URL to use that database.")
	}
}

// misspelt reports variables that look like a key's name and are none. Others use the
// prefix, too, for Azure and the processor: only what is very near is reported.
func (l *loader) misspelt() []string {
	const prefix = "ARM_"
	var known []string
	called := map[string]string{} // by another name that people give it, the variable
	leaves(reflect.ValueOf(Config{}), "", func(f field, _ reflect.Value, key string) {
		section := key[:len(key)-len(f.name)]
		for _, name := range f.names() {
			known = append(known, variable(section+name))
			if bare := variable(name); strings.Count(bare, "_") > 1 { // its section is missing
				called[bare] = variable(section + name)
			}
		}
		for _, synonym := range f.synonyms {
			called[variable(section+synonym)] = variable(key)
		}
	})
	var sentences []string
	for _, name := range slices.Sorted(maps.Keys(l.env)) {
		bare, ours := strings.CutPrefix(name, prefix)
		if !ours || l.env[name] == "" || slices.Contains(known, name) || shown(name) != name {
			continue
		}
		slips := 2
		if len(bare) < 8 {
			slips = 1
		}
		near := called[name]
		if near == "" {
			near = nearest(name, known)
			if near == "" || distance(name, near) > slips {
				continue
			}
		}
		sentences = append(sentences, name+" is no variable that is known, and is ignored"+didYouMean(near))
	}
	return sentences
}

// override replaces what the file says of a key.
func (l *loader) override(f field, v reflect.Value, key, name, value string, at place) {
	l.given[key] = at
	delete(l.files, key)
	items := []text{{value, at}}
	if f.kind.Kind() == reflect.Slice {
		items = splitList(value, at)
	}
	if f.secret && name == key+fileSuffix {
		l.files[key], l.targets[key] = items, v
		return
	}
	delete(l.refused, key) // a mistake of the file is another one
	l.set(f, v, key, items)
}

// readPort obeys PORT, as platforms that run containers set it: they reach the server
// from outside, so it listens on all interfaces unless configured otherwise.
func (l *loader) readPort(c *Config) {
	value := l.env["PORT"]
	if value == "" || l.wasGiven("server.port") {
		return
	}
	if isServiceLink(value) {
		l.warnServiceLink("PORT", "server.port")
		return
	}
	at := place{variable: "PORT"}
	l.given["server.port"] = at
	l.set(field{}, reflect.ValueOf(&c.Server.Port).Elem(), "server.port", []text{{value, at}})
	if !l.wasGiven("server.address") {
		c.Server.Address = ""
	}
}

// parseJSON parses JSON into the tree that a file gives. Without its blanks every JSON
// text is YAML.
func (l *loader) parseJSON(value string) (ast.Node, bool) {
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(value)); err != nil {
		l.refuse(l.placeAt(0, 0), "orgs", `must be JSON, such as [{"org":"acme"},{"org":"globex"}]`)
		return nil, false
	}
	return l.parse(compact.Bytes())
}
