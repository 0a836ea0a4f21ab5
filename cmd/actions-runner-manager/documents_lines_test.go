package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/handlers/comment"
)

// documentScenario is the simulated GitHub for the documents' lines: the team platform has no
// group yet.
const documentScenario = "testdata/documents.yml"

// notRun are programs that documents call and tests do not: why. Something that only ends well
// takes their place, so the other words of the line are still checked.
func notRun() map[string]string {
	const provider = "changes something at a provider"
	return map[string]string{
		"docker": "needs a container engine", "helm": "needs a cluster; make deploy-check renders the chart", "kubectl": "needs a cluster",
		"fly": provider, "heroku": provider, "gcloud": provider, "git": "pushes to a provider", "gh": "asks the real GitHub", "npx": "loads a package",
		"systemctl": "changes this machine", "journalctl": "reads this machine's log", "timedatectl": "changes this machine", "sudo": "changes this machine",
		"ssh-keygen": "asks questions", "age": "needs a secret that only the reader has", "go": "is what runs this test",
	}
}

// fenced are the languages of fenced blocks, and what a test does with them.
func fenced() map[string]string {
	return map[string]string{
		"text": "comments, if a line begins with the trigger",
		"sh":   "run by a shell",
		"yaml": "read",
		"json": "is in the answer to the section's curl of the same place",
	}
}

// refusedHere are the lines that are right, and refused in the world of their test: the reason.
func refusedHere() map[string]string {
	return map[string]string{
		"README.md: /runner-group group-create":                                                                                             "group_exists", // the demo has it
		"docs/runner-health.md: /runner-group group-create --team platform":                                                                 "group_exists",
		"docs/maintainers.md: /runner-group access-request api --team gpu --for 7d --reason \"nightly training\"":                           "group_not_found",   // the demo has no such team
		"docs/maintainers.md: /runner-group request-approve 17\n/runner-group request-deny 17 --reason \"the GPUs are reserved this week\"": "request_not_found", // nobody asked
	}
}

// TestDocumentBlocks refuses a fenced block that no other test looks at.
func TestDocumentBlocks(t *testing.T) {
	for _, d := range documents(t) {
		assert.NotContains(t, d.source, "belongs here", "%s: a note to authors", d.path)
		for _, s := range d.sections {
			for _, c := range s.code {
				if c.language != inline && c.language != quoted {
					assert.Contains(t, fenced(), c.language, "%s: a fenced block without a language that a test knows:\n%s", d.path, c.text)
				}
			}
		}
	}
}

// A remark is a comment that a document shows, and what it shows of the bot's reply.
type remark struct{ comment, reply string }

// remarksOf are the comments that a document shows, in order.
func remarksOf(d document) (remarks []remark) {
	const trigger = "/runner-group "
	for _, s := range d.sections {
		for _, c := range s.code {
			switch {
			case strings.HasPrefix(c.text, trigger+"COMMAND"), strings.HasPrefix(c.text, trigger+"…"): // any command
			case c.language == "text" && strings.Contains("\n"+c.text, "\n"+trigger), c.language == inline && strings.HasPrefix(c.text, trigger):
				remarks = append(remarks, remark{comment: strings.TrimSpace(c.text)})
			case c.language == quoted && len(remarks) > 0:
				remarks[len(remarks)-1].reply = c.text
			}
		}
	}
	return remarks
}

// TestDocumentComments writes every comment of the documents in the demo. Each is done, or
// refused for a reason that is not a mistake in it.
func TestDocumentComments(t *testing.T) {
	t.Parallel()
	owners := ownersCommands()
	for _, d := range documents(t) {
		remarks := remarksOf(d)
		if len(remarks) == 0 {
			continue
		}
		t.Run(d.path, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, scenarioFor(texts(remarks, func(r remark) string { return r.comment })))
			if d.path == referencePage {
				remarks = joined(remarks)
			}
			for _, r := range remarks {
				login := "ada"
				if slices.ContainsFunc(owners, func(name string) bool { return strings.HasPrefix(r.comment, "/runner-group "+name) }) {
					login = "olga"
				}
				reaction, reply := s.say(t, login, 1, r.comment)
				s.asMachines(r.comment)
				s.judge(t, d, r.comment, reaction == "rocket", reply)
				assert.Contains(t, reply, r.reply, "%s: %s", d.path, r.comment)
				for _, mark := range []string{"**", "`"} {
					assert.Zero(t, strings.Count(r.reply, mark)%2, "%s quotes less than a whole sentence of the reply to %s: %s", d.path, r.comment, r.reply)
				}
			}
		})
	}
}

func texts[T any](all []T, text func(T) string) (list []string) {
	for _, one := range all {
		list = append(list, text(one))
	}
	return list
}

// referencePage has examples of every command, which are no story.
const referencePage = "docs/reference.md"

// joined puts the comments of a document into as few as the server reads as a whole.
func joined(remarks []remark) (all []remark) {
	for some := range slices.Chunk(remarks, comment.MaxCommands) {
		all = append(all, remark{comment: strings.Join(texts(some, func(r remark) string { return r.comment }), "\n")})
	}
	return all
}

// scenarioFor is the world of a document's lines: the demo's, unless they begin by making the
// group that the demo has.
func scenarioFor(lines []string) string {
	first := regexp.MustCompile(`\b(?:group|repos|runners|token)-[a-z]+\b`).FindString(strings.Join(lines, "\n"))
	if first == "group-create" {
		return documentScenario
	}
	return ""
}

func ownersCommands() (names []string) {
	for _, spec := range dispatch.NewDispatcher(&dispatch.Env{}, commands.All()).Specs() {
		if spec.Needs == dispatch.Owner {
			names = append(names, spec.Name)
		}
	}
	return names
}

// mistakes are the reasons that say that a line itself is wrong.
var mistakes = regexp.MustCompile(`invalid_argument|missing_argument|unknown_argument|unknown_command|\bmethod\b|media_type|bad_token|missing_token|internal|no JSON`)

// judge fails the test if a line was refused that should not be.
func (s *stage) judge(t *testing.T, d document, line string, done bool, answer string) {
	t.Helper()
	if done {
		return
	}
	reason, ok := refusedHere()[d.path+": "+line]
	switch {
	case ok:
		assert.Contains(t, answer, reason, "%s: %s", d.path, line)
	case d.path == referencePage:
		assert.NotRegexp(t, mistakes, answer, "%s: %s", d.path, line)
	default:
		assert.Fail(t, "a document's line is refused", "%s: %s\n%s", d.path, line, answer)
	}
}

// TestDocumentShell runs every shell line of the documents, those of a section together, beside
// the demo.
func TestDocumentShell(t *testing.T) {
	t.Parallel()
	for _, d := range documents(t) {
		if d.path == "docs/operations.md" { // see operations_test.go
			continue
		}
		scripts := scriptsOf(d)
		if len(scripts) == 0 {
			continue
		}
		t.Run(d.path, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, scenarioFor(texts(scripts, func(s script) string { return s.lines })))
			sh := s.shell(t)
			for _, script := range scripts {
				before := len(sh.answers(t))
				out, err := sh.run(t, sh.localize(script.lines, s.url))
				require.NoError(t, err, "%s:\n%s\nsays:\n%s", d.path, script.lines, out)
				answers := sh.answers(t)[before:]
				for _, a := range answers {
					s.judge(t, d, a.call, a.Code < 300, a.Reason)
				}
				for i, want := range script.answers {
					require.Greater(t, len(answers), i, want)
					assert.NoError(t, within(want, answers[i].body), "%s: %s\n%s", d.path, answers[i].call, answers[i].body)
				}
				s.asMachines(script.lines)
			}
		})
	}
}

// A script is what a section gives to a shell, and what it shows of the answers of its curl.
type script struct {
	lines   string
	answers []string
}

// scriptsOf are the shell blocks of each section, as one script, and the inline lines that call
// a program.
func scriptsOf(d document) (scripts []script) {
	called := append([]string{"make", "curl", "actions-runner-manager"}, shellPrograms()...)
	for name := range notRun() {
		called = append(called, name)
	}
	for _, s := range d.sections {
		if blocks := s.of("sh"); len(blocks) > 0 {
			scripts = append(scripts, script{strings.Join(blocks, ""), s.of("json")})
		}
		for _, span := range s.of(inline) {
			if slices.Contains(called, programOf(span)) {
				scripts = append(scripts, script{lines: span})
			}
		}
	}
	return scripts
}

// within reports what of the JSON want is not in got: every key with its value, and every list
// as a whole.
func within(want, got string) error {
	var w, g any
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(got), &g); err != nil {
		return err
	}
	return contained(w, g)
}

func contained(want, got any) error {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			return fmt.Errorf("%v is no object", got)
		}
		for key := range w {
			if err := contained(w[key], g[key]); err != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
		}
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return fmt.Errorf("%v is not %v", got, w)
		}
		for i := range w {
			if err := contained(w[i], g[i]); err != nil {
				return err
			}
		}
	default:
		if want != got {
			return fmt.Errorf("%v is not %v", got, want)
		}
	}
	return nil
}

// shell is one in which the documents' lines run against the stage.
func (s *stage) shell(t *testing.T) *shell {
	t.Helper()
	sh := newShell(t, shellPrograms()...)
	curl, err := os.Readlink(filepath.Join(sh.bin, "curl"))
	require.NoError(t, err)
	sh.standIn(t, "curl", fmt.Sprintf(recordingCurl, curl, sh.bin))
	for name := range notRun() {
		sh.standIn(t, name, "echo 'the log has a link to /setup'\n")
	}
	root, err := filepath.Abs(repository)
	require.NoError(t, err)
	sh.standIn(t, "git", `if [ "$1" = clone ]; then rm -f actions-runner-manager; mkdir actions-runner-manager; cp -r contrib actions-runner-manager; fi`)
	// GitHub CLI runs an extension so. Its name without a command is only a name.
	sh.standIn(t, "gh", `case "$1 ${2-} $#" in
"runner-group  1") ;;
"runner-group "*) shift; PATH='`+os.Getenv("PATH")+`' exec `+sh.dir+`/contrib/gh-runner-group/gh-runner-group "$@" ;;
"auth token "*) echo "$TOKEN" ;;
esac`)
	sh.standIn(t, "make", `for word; do case $word in *=*) ;; *) grep -q "^$word:" `+root+`/Makefile || { echo "make has no target $word"; exit 2; } ;; esac; done`)
	// What serves for ever only shows its help, after its flags were read. Set-up writes a file.
	sh.standIn(t, "actions-runner-manager", `case "${1-serve}" in
serve) cp "$ROOT/as-set-up.yml" config.yml; exec `+binary+` "$@" --help ;;
demo) exec `+binary+` "$@" --help ;;
*) exec `+binary+` "$@" ;;
esac`)
	for _, folder := range []string{"deploy", "contrib", "docs"} {
		require.NoError(t, os.CopyFS(filepath.Join(sh.dir, folder), os.DirFS(filepath.Join(root, folder))))
	}
	key := s.d.cast.privateKey
	for path, text := range map[string]string{
		"app.pem": key, "new.pem": key, "tls.crt": "a certificate", "tls.key": "its key", "scenario.yml": string(demoScenario), "actions-runner-manager": "a program",
		"../as-set-up.yml": "appID: 4242\nclientID: Iv1\nprivateKey: |\n  " + strings.ReplaceAll(strings.TrimSpace(key), "\n", "\n  ") + "\ngithub:\n  webhookSecret: \"s3cr3t\"\n",
		"delivery.json":    s.delivery(t),
	} {
		require.NoError(t, os.WriteFile(filepath.Join(sh.dir, path), []byte(text), 0o600))
	}
	for _, folder := range []string{"/etc/systemd/system", "/usr/local/bin", "/var/lib/actions-runner-manager"} {
		require.NoError(t, os.MkdirAll(filepath.Join(filepath.Dir(sh.dir), folder), 0o700))
	}
	sh.environ = append(sh.environ, s.environ()...)
	return sh
}

// delivery is the payload of a webhook, as an operator saves it.
func (s *stage) delivery(t *testing.T) string {
	t.Helper()
	s.say(t, "ada", 1, "/runner-group help")
	deliveries := s.d.sim.Deliveries()
	require.NotEmpty(t, deliveries)
	return string(deliveries[len(deliveries)-1].Payload)
}

// localize replaces what a line names and is not on this machine: hosts, folders of the system,
// and words in capitals that a reader replaces.
func (s *shell) localize(script, serverURL string) string {
	root := filepath.Dir(s.dir)
	return strings.NewReplacer(
		"https://arm.example.com", serverURL, "https://HOST", serverURL, "http://127.0.0.1:8080", serverURL,
		"/etc/actions-runner-manager", root+"/etc/actions-runner-manager", "/etc/systemd/system", root+"/etc/systemd/system",
		"/usr/local/bin", root+"/usr/local/bin", "/var/lib/actions-runner-manager", root+"/var/lib/actions-runner-manager",
		"--team TEAM", "--team platform", " URL/", " "+serverURL+"/",
	).Replace(script)
}
