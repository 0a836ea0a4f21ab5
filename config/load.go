package config

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// maxFile bounds what is read, in bytes: a configuration is never as large.
const maxFile = 1 << 20

// Path returns the file that is meant: the one that the flag names, else $CONFIG_PATH,
// else [DefaultPath]. Environ is as os.Environ returns it.
func Path(flag string, environ []string) string {
	path, _ := choose(flag, variables(environ))
	return path
}

func choose(flag string, env map[string]string) (path string, asked bool) {
	if flag != "" {
		return flag, true
	}
	if path = env["CONFIG_PATH"]; path != "" {
		return path, true
	}
	return DefaultPath, false
}

// Load reads the file that [Path] chooses and the environment over it. If the
// configuration is wrong it returns Errors, which name every mistake.
//
// The file may be missing if nobody asked for it, or if the environment names
// the organization: then the environment is the whole configuration, and set-up may
// write the file later.
func Load(flag string, environ []string) (*Config, error) {
	env := variables(environ)
	path, asked := choose(flag, env)
	l := newLoader(path, env)
	c := Defaults()

	data, err := os.ReadFile(path)
	enough := !asked || env["ARM_ORG"] != "" || env["ARM_ORGS"] != ""
	switch {
	case err == nil:
		l.readFile(&c, data)
	case errors.Is(err, fs.ErrNotExist) && enough:
		l.file = ""
		if asked {
			c.missing = path
		}
	case errors.Is(err, fs.ErrNotExist):
		return nil, Errors{{File: path, Message: "there is no such file; name another with --config or CONFIG_PATH, or set ARM_ORG and the like in the environment"}}
	default:
		return nil, Errors{{File: path, Message: "cannot be read: " + cause(err)}}
	}
	if l.unparsed {
		return nil, l.mistakes
	}

	l.readEnv(&c)
	l.warnDatabase()
	l.readPort(&c)
	l.useClientID(&c)
	c.environment = slices.Concat(l.warnings, l.misspelt())
	l.readSecretFiles()
	// A folder for log files means that they are wanted, as it did in the legacy program.
	if l.wasGiven("logging.logDirectory") && !l.wasGiven("logging.ephemeral") {
		c.Logging.Ephemeral = c.Logging.LogDirectory == ""
	}
	l.readOrgs(&c)
	l.validate(&c)
	if len(l.mistakes) > 0 {
		l.mistakes.sort()
		return nil, l.mistakes
	}
	return &c, nil
}

// A place is where a value was given: in the file, or in a variable.
type place struct {
	line, column int
	variable     string
}

// A loader carries what is known while a configuration is read.
type loader struct {
	file     string // empty if there is none
	env      map[string]string
	anchors  map[string]ast.Node      // of the document that is being walked
	variable string                   // the variable that is being walked, instead of the file
	given    map[string]place         // if each key was given
	refused  map[string]bool          // keys that have a mistake already
	files    map[string][]text        // names of the files that hold secrets, by key
	targets  map[string]reflect.Value // if those secrets belong
	orgs     ast.Node                 // orgs in the file, read once its entries can inherit
	warnings []string
	clientID string // the client id that was given as appID
	mistakes Errors
	unparsed bool // the file is no YAML; nothing else can be said about it
}

func newLoader(path string, env map[string]string) *loader {
	return &loader{
		file: path, env: env,
		given: map[string]place{}, refused: map[string]bool{}, files: map[string][]text{}, targets: map[string]reflect.Value{},
	}
}

func variables(environ []string) map[string]string {
	env := make(map[string]string, len(environ))
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		env[name] = value
	}
	return env
}

// refuse notes a mistake in a key's value. Only the first of a key is reported: the others
// mostly follow from it.
func (l *loader) refuse(at place, key, message string) {
	if !l.refused[key] {
		l.refused[key] = true
		l.add(at, key, message)
	}
}

func (l *loader) add(at place, key, message string) {
	m := Mistake{Variable: at.variable, Key: key, Message: message}
	if at.variable == "" {
		m.File, m.Line, m.Column = l.file, at.line, at.column
	}
	l.mistakes = append(l.mistakes, m)
}

// refuseKey notes a mistake if the key was given, or about the file if it was not.
func (l *loader) refuseKey(key, message string) {
	at, ok := l.given[key]
	// In an entry of orgs the key may be inherited from the top, or missing.
	if entry, rest, in := cutEntry(key); in && !ok {
		if at, ok = l.given[rest]; !ok || !strings.Contains(rest, ".") {
			at = l.given[entry]
		}
	}
	l.refuse(at, key, message)
}

// cutEntry splits orgs[1].policy.groups into orgs[1] and policy.groups.
func cutEntry(key string) (entry, rest string, ok bool) {
	if !strings.HasPrefix(key, "orgs[") {
		return "", key, false
	}
	return strings.Cut(key, ".")
}

// wasGiven reports whether the file or the environment gives the key, rightly or not.
func (l *loader) wasGiven(key string) bool {
	_, ok := l.given[key]
	return ok
}

// readSecretFiles reads the secrets that are given as files. It comes after the
// environment, since that may say that another is meant.
func (l *loader) readSecretFiles() {
	for key, names := range l.files {
		target := l.targets[key]
		var items []text
		for _, name := range names {
			data, err := os.ReadFile(name.value)
			content := strings.TrimRight(string(data), "\r\n")
			switch {
			case err != nil:
				l.refuse(name.place, key+fileSuffix, "the file"+pathName(name.value)+" cannot be read: "+cause(err))
			case len(data) > maxFile || bytes.IndexByte(data, 0) >= 0:
				l.refuse(name.place, key+fileSuffix, "the file"+pathName(name.value)+" does not hold a secret in text")
			case strings.TrimSpace(content) == "":
				l.refuse(name.place, key+fileSuffix, "the file"+pathName(name.value)+" is empty")
			default:
				items = append(items, text{content, name.place})
			}
			l.refused[key] = l.refused[key+fileSuffix]
		}
		if len(items) == len(names) {
			l.set(field{}, target, key, items)
		}
	}
}

// pathShape matches what can only be a path: it is rooted, or its last element has an extension.
var pathShape = regexp.MustCompile(`^(~|\.{0,2})/[\w./ ~-]{0,200}$|^[A-Za-z]:\\[\w.\\ ~-]{0,200}$|^[\w./ -]{0,200}\.[A-Za-z]{2,6}$`)

// pathName returns a blank and the file's name, or "" if it does not look like a path: it may
// be the secret itself, given under the key of its file.
func pathName(path string) string {
	if !pathShape.MatchString(path) {
		return ""
	}
	return " " + path
}

// cause returns why a file cannot be read, without its name.
func cause(err error) string {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err.Error()
	}
	return err.Error()
}
