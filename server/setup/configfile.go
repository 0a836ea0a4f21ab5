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

// newAppKeys are the settings that a new App adds to the configuration.
type newAppKeys struct {
	id                     int64
	pem, webhookSecret     string
	clientID, clientSecret string
	org                    string // empty if the configuration has one
}

// errHasApp means that the file has got an App since the server started.
var errHasApp = errors.New("the file already has a GitHub App, and setup never replaces one")

// lines formats the settings for the configuration file.
func (n newAppKeys) lines() string {
	text := n.top()
	if n.webhookSecret != "" {
		text += "github:\n  " + n.secretLine() + "\n"
	}
	return text
}

// top formats the settings that are in no section.
func (n newAppKeys) top() string {
	text := ""
	if n.org != "" {
		text = "org: " + strconv.Quote(n.org) + "\n"
	}
	text += "appID: " + strconv.FormatInt(n.id, 10) + "\n"
	if n.clientID != "" {
		text += "clientID: " + strconv.Quote(n.clientID) + "\n"
	}
	if n.clientSecret != "" {
		text += "clientSecret: " + strconv.Quote(n.clientSecret) + "\n"
	}
	text += "privateKey: |\n"
	for line := range strings.Lines(strings.TrimSpace(n.pem)) {
		text += "  " + strings.TrimRight(line, "\r\n") + "\n"
	}
	return text
}

func (n newAppKeys) secretLine() string { return "webhookSecret: " + strconv.Quote(n.webhookSecret) }

// environment formats the settings as environment variables.
func (n newAppKeys) environment() string {
	text := ""
	if n.org != "" {
		text = "ARM_ORG=" + n.org + "\n"
	}
	text += "ARM_APP_ID=" + strconv.FormatInt(n.id, 10) + "\n"
	for _, v := range []struct{ name, value string }{
		{"ARM_CLIENT_ID", n.clientID},
		{"ARM_CLIENT_SECRET", n.clientSecret},
		{"ARM_PRIVATE_KEY", base64.StdEncoding.EncodeToString([]byte(n.pem))},
		{"ARM_GITHUB_WEBHOOK_SECRET", n.webhookSecret},
	} {
		if v.value != "" {
			text += v.name + "=" + v.value + "\n"
		}
	}
	return text
}

// fileHasApp reports whether the file has an App. A file that does not exist has none.
func fileHasApp(path string) (bool, error) {
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
		return nil, errors.New("it is not valid YAML") // the cause may quote secrets
	}
	if keys == nil {
		keys = map[string]any{}
	}
	return keys, nil
}

func hasApp(keys map[string]any) bool {
	return slices.ContainsFunc([]string{"appID", "clientID", "privateKey", "privateKeyFile"}, func(key string) bool {
		switch fmt.Sprint(keys[key]) {
		case "", "0", "<nil>":
			return false
		}
		return true
	})
}

// writeConfig adds the App to the file, completely or not at all, with mode 0600. The rest
// of the file stays as it is, comments included.
func writeConfig(path string, n newAppKeys) error {
	e, err := planWrite(path, n)
	if err != nil {
		return err
	}
	return e.write()
}

// tryConfig returns the error that writeConfig would return. It changes nothing.
func tryConfig(path string) error {
	_, err := planWrite(path, newAppKeys{id: 1, pem: "-----", webhookSecret: "-"})
	return err
}

// planWrite plans the change, and makes sure that the folder can be written.
func planWrite(path string, n newAppKeys) (edit, error) {
	e, err := planEdit(path, n)
	if err != nil {
		return edit{}, err
	}
	dir := filepath.Dir(e.path)
	err = doctor.Writable(dir)
	var failure *fs.PathError
	if errors.As(err, &failure) { // its path is that of a temporary file
		err = fmt.Errorf("the folder %s cannot be written: %w", absolute(dir), failure.Err)
	}
	return e, err
}

// An edit is a planned change of the configuration file.
type edit struct {
	path          string // with symbolic links resolved
	isNew         bool
	before, after []byte
}

func planEdit(path string, n newAppKeys) (edit, error) {
	if path == "" {
		return edit{}, errors.New("no file is configured")
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
		return edit{}, errors.New("the file is read-only") // a rename could replace it all the same, but it is read-only for a reason
	}
	after, err := addApp(string(before), n)
	return edit{path, isNew, before, []byte(after)}, err
}

// addApp adds the App's settings to the text of a configuration. It edits lines, so that
// nothing else changes, and then parses the result to check it.
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
	for _, key := range []string{"appID", "clientID", "clientSecret", "clientSecretFile", "privateKey", "privateKeyFile"} {
		lines = withoutKey(lines, "", key)
		delete(want, key)
	}
	want["appID"], want["privateKey"] = uint64(n.id), strings.TrimSpace(n.pem)+"\n"
	if n.clientID != "" {
		want["clientID"] = n.clientID
	}
	if n.clientSecret != "" {
		want["clientSecret"] = n.clientSecret
	}
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
		return "", errors.New("the file has a format that setup cannot add to; write the section github as a block, one line per key, without braces")
	}
	return after, nil
}

// withoutKey removes a key of a block, with the lines that belong to it.
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

// belongs reports whether the line continues a key that has this indent.
func belongs(line, indent string) bool {
	rest, inside := strings.CutPrefix(line, indent)
	return inside && strings.TrimSpace(rest) != "" && (rest[0] == ' ' || rest[0] == '\t' || strings.HasPrefix(rest, "- "))
}

var sectionLine = regexp.MustCompile(`^github:\s*(#.*)?$`)

// withSecret adds the webhook secret to the section github.
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

// write writes a temporary file and then moves it into place. It fails if the file has
// changed in the meantime.
func (e edit) write() error {
	temp, err := os.CreateTemp(filepath.Dir(e.path), "."+filepath.Base(e.path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) //nolint:errcheck // it is gone already if all went well
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
		_ = dir.Sync() // if it fails, the file exists all the same
		dir.Close()
	}
	return nil
}

// put moves the temporary file into place. Unlike a rename, a hard link never replaces an
// existing file. Not every file system has hard links.
func (e edit) put(temp string) error {
	if e.isNew {
		err := os.Link(temp, e.path)
		if err == nil {
			return nil
		}
		if errors.Is(err, fs.ErrExist) {
			return errors.New("another process created the file in the meantime")
		}
	} else if now, err := os.ReadFile(e.path); err != nil || !bytes.Equal(now, e.before) {
		return errors.New("another process changed the file in the meantime")
	}
	return os.Rename(temp, e.path)
}
