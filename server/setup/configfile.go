package setup

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/actions-runner-manager/actions-runner-manager/server/doctor"
)

// newAppKeys are what the configuration learns of a new App.
type newAppKeys struct {
	id                 int64
	pem, webhookSecret string
	org                string // empty where the configuration knows it
}

// errHasApp says that the file was given an App in the meantime.
var errHasApp = errors.New("the file names a GitHub App already, which set-up never replaces")

// lines are the keys as they stand in the file.
func (n newAppKeys) lines() string {
	text := n.top()
	if n.webhookSecret != "" {
		text += "github:\n  " + n.secretLine() + "\n"
	}
	return text
}

// top are the keys that stand in no section.
func (n newAppKeys) top() string {
	text := ""
	if n.org != "" {
		text = "org: " + strconv.Quote(n.org) + "\n"
	}
	text += "appID: " + strconv.FormatInt(n.id, 10) + "\nprivateKey: |\n"
	for line := range strings.Lines(strings.TrimSpace(n.pem)) {
		text += "  " + strings.TrimRight(line, "\r\n") + "\n"
	}
	return text
}

func (n newAppKeys) secretLine() string { return "webhookSecret: " + strconv.Quote(n.webhookSecret) }

// environment are the same as variables.
func (n newAppKeys) environment() string {
	text := ""
	if n.org != "" {
		text = "ARM_ORG=" + n.org + "\n"
	}
	text += "ARM_APP_ID=" + strconv.FormatInt(n.id, 10) + "\n" +
		"ARM_PRIVATE_KEY=" + base64.StdEncoding.EncodeToString([]byte(n.pem)) + "\n"
	if n.webhookSecret != "" {
		text += "ARM_GITHUB_WEBHOOK_SECRET=" + n.webhookSecret + "\n"
	}
	return text
}

// namesApp tells whether the file, which may not be there, names an App. A file that
// cannot be read is none that can be written.
func namesApp(path string) (bool, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) || path == "" {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	keys, err := decode(text)
	return err == nil && hasApp(keys), err
}

func decode(text []byte) (map[string]any, error) {
	keys := map[string]any{}
	if err := yaml.Unmarshal(text, &keys); err != nil {
		return nil, errors.New("it is no YAML") // the cause may repeat secrets
	}
	if keys == nil {
		keys = map[string]any{}
	}
	return keys, nil
}

func hasApp(keys map[string]any) bool {
	return slices.ContainsFunc([]string{"appID", "privateKey", "privateKeyFile"}, func(key string) bool {
		switch fmt.Sprint(keys[key]) {
		case "", "0", "<nil>":
			return false
		}
		return true
	})
}

// writeConfig puts the App into the file, whole or not at all, readable by its owner
// alone. What the file says beside it stays, comments included.
func writeConfig(path string, n newAppKeys) error {
	e, err := planEdit(path, n)
	if err != nil {
		return err
	}
	return e.write()
}

// tryConfig tells what would keep writeConfig from writing the file. It changes nothing.
func tryConfig(path string) error {
	e, err := planEdit(path, newAppKeys{id: 1, pem: "-----", webhookSecret: "-"})
	if err != nil {
		return err
	}
	return doctor.Writable(filepath.Dir(e.path))
}

// An edit is what is to become of the configuration file.
type edit struct {
	path          string // links followed
	isNew         bool
	before, after []byte
}

func planEdit(path string, n newAppKeys) (edit, error) {
	if path == "" {
		return edit{}, errors.New("no file is named")
	}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	before, err := os.ReadFile(path)
	isNew := errors.Is(err, fs.ErrNotExist)
	if err != nil && !isNew {
		return edit{}, err
	}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o200 == 0 {
		return edit{}, errors.New("the file is read-only") // its folder may not be, but that was hardly meant
	}
	after, err := addApp(string(before), n)
	return edit{path, isNew, before, []byte(after)}, err
}

// addApp adds the App's keys to the text of a configuration. It edits lines, so that
// nothing else changes, and then checks that it did what it meant to.
func addApp(before string, n newAppKeys) (string, error) {
	want, err := decode([]byte(before))
	if err != nil {
		return "", err
	}
	if hasApp(want) {
		return "", errHasApp
	}
	text := before
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	lines := slices.Collect(strings.Lines(text))
	for _, key := range []string{"appID", "privateKey", "privateKeyFile"} {
		lines = withoutKey(lines, "", key)
		delete(want, key)
	}
	want["appID"], want["privateKey"] = uint64(n.id), strings.TrimSpace(n.pem)+"\n"
	if n.org != "" {
		lines = withoutKey(lines, "", "org")
		want["org"] = n.org
	}
	if n.webhookSecret != "" {
		section, _ := want["github"].(map[string]any)
		if section == nil {
			section = map[string]any{}
		}
		delete(section, "webhookSecretFile")
		section["webhookSecret"] = n.webhookSecret
		want["github"] = section
		lines = withSecret(lines, n)
	}
	after := strings.Join(lines, "") + n.top()
	got, err := decode([]byte(after))
	if err != nil || !reflect.DeepEqual(got, want) {
		return "", errors.New("the file is written in a way that set-up cannot add to; write the section github as a block, a line for each key, without braces")
	}
	return after, nil
}

// withoutKey leaves out a key of a block, with the lines that belong to it.
func withoutKey(lines []string, indent, key string) []string {
	at := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, indent+key+":") })
	if at < 0 {
		return lines
	}
	end := at + 1
	for end < len(lines) && belongs(lines[end], indent) {
		end++
	}
	return slices.Delete(lines, at, end)
}

// belongs tells whether the line continues a key that is indented so.
func belongs(line, indent string) bool {
	rest, inside := strings.CutPrefix(line, indent)
	return inside && strings.TrimSpace(rest) != "" && (rest[0] == ' ' || rest[0] == '\t' || strings.HasPrefix(rest, "- "))
}

var sectionLine = regexp.MustCompile(`^github:\s*(#.*)?$`)

// withSecret puts the webhook secret into the section github.
func withSecret(lines []string, n newAppKeys) []string {
	at := slices.IndexFunc(lines, func(l string) bool { return sectionLine.MatchString(strings.TrimRight(l, "\r\n")) })
	if at < 0 {
		return append(lines, "github:\n", "  "+n.secretLine()+"\n")
	}
	indent := "  "
	for _, line := range lines[at+1:] {
		rest := strings.TrimLeft(line, " ")
		if strings.TrimSpace(rest) == "" || rest[0] == '#' {
			continue
		}
		if len(rest) < len(line) {
			indent = line[:len(line)-len(rest)]
		}
		break
	}
	end := at + 1
	for end < len(lines) && (belongs(lines[end], "") || strings.TrimSpace(lines[end]) == "") {
		end++
	}
	section := slices.Clone(lines[at+1 : end])
	for _, key := range []string{"webhookSecret", "webhookSecretFile"} {
		section = withoutKey(section, indent, key)
	}
	return slices.Concat(lines[:at+1], []string{indent + n.secretLine() + "\n"}, section, lines[end:])
}

// write writes the file beside its place and then moves it there. It refuses where
// somebody else wrote the file in the meantime.
func (e edit) write() error {
	temp, err := os.CreateTemp(filepath.Dir(e.path), "."+filepath.Base(e.path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) //nolint:errcheck // it is gone already where all went well
	_, err = temp.Write(e.after)
	if err == nil {
		err = temp.Sync()
	}
	if closed := temp.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	if err := e.put(temp.Name()); err != nil {
		return err
	}
	if dir, err := os.Open(filepath.Dir(e.path)); err == nil {
		_ = dir.Sync() // where it fails, the file is there all the same
		dir.Close()
	}
	return nil
}

// put moves the written file to its place. A link never takes the place of a file
// that is there, unlike a rename; not every file system knows links.
func (e edit) put(temp string) error {
	if e.isNew {
		err := os.Link(temp, e.path)
		if err == nil {
			return nil
		}
		if errors.Is(err, fs.ErrExist) {
			return errors.New("somebody else made the file in the meantime")
		}
	} else if now, err := os.ReadFile(e.path); err != nil || !bytes.Equal(now, e.before) {
		return errors.New("somebody else changed the file in the meantime")
	}
	return os.Rename(temp, e.path)
}
