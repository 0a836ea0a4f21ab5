package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/handlers"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

// A stage is the demo, in this process, for the lines of one document.
type stage struct {
	t   *testing.T
	d   *demo
	url string
	db  string
}

// newStage starts the demo with the scenario, a file's path or "" for the built-in one.
func newStage(t *testing.T, scenario string) *stage {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, ready, status := new(buffer), make(chan string, 1), make(chan error, 1)
	d := &demo{scenario: scenario, address: "127.0.0.1", program: &program{
		build: buildOf("", ""), stdin: strings.NewReader(""), stdout: out, stderr: out, listening: func(url string) { ready <- url },
	}}
	go func() { status <- d.run(ctx) }()
	s := &stage{t: t, d: d}
	select {
	case s.url = <-ready:
		t.Cleanup(func() { cancel(); <-status })
	case err := <-status:
		cancel()
		require.FailNow(t, "the demo ended", "%v\n%s", err, out)
	case <-time.After(time.Minute):
		cancel()
		require.FailNow(t, "the demo does not listen", "%s", out)
	}
	s.db = filepath.Join(filepath.Dir(d.cast.Identity), "demo.db")
	require.FileExists(t, s.db)
	d.sim.Update(func(st *ghsim.State) { // made by hand on GitHub, so no team owns it
		org := st.Org(d.cast.org)
		org.Groups = append(org.Groups, &ghsim.Group{ID: 900, Name: "web-runners", Visibility: "selected"})
		for _, r := range org.Runners { // how many are busy in the demo depends on the hour
			r.Busy = false
		}
	})
	return s
}

// say writes a comment on the issue, and returns the bot's reaction and its replies.
func (s *stage) say(t *testing.T, login string, issue int, body string) (reaction, reply string) {
	t.Helper()
	id, err := s.d.sim.Comment(s.d.cast.org, s.d.cast.adminRepo, issue, login, body)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		s.d.sim.View(func(st *ghsim.State) {
			reaction, reply = outcome(st.Org(s.d.cast.org).Repo(s.d.cast.adminRepo).Issue(issue), id)
		})
		return reaction != ""
	}, time.Minute, 10*time.Millisecond, "the bot does not answer %q", body)
	return reaction, reply
}

// outcome returns the final reaction to a comment, if there is one yet, and what the bot wrote
// after it.
func outcome(issue *ghsim.Issue, id int64) (reaction, reply string) {
	after := false
	for _, c := range issue.Comments {
		if c.ID == id {
			after = true
			for _, r := range c.Reactions {
				if r.Content == "rocket" || r.Content == "confused" {
					reaction = r.Content
				}
			}
		} else if after && c.Author.Type == "Bot" {
			reply += c.Body + "\n"
		}
	}
	return reaction, reply
}

// asMachines plays the machines on which the lines of token-register were pasted: their runners
// join the team's group.
func (s *stage) asMachines(text string) {
	for _, m := range regexp.MustCompile(`token-register\b.*\bname[= ]([\w-]+)`).FindAllStringSubmatch(text, -1) {
		s.d.sim.Update(func(st *ghsim.State) {
			org := st.Org(s.d.cast.org)
			if g := org.Group("platform"); g != nil && org.Runner(m[1]) == nil {
				org.Runners = append(org.Runners, &ghsim.Runner{
					ID: int64(1000 + len(org.Runners)), GroupID: g.ID, Name: m[1], OS: "linux", Status: "online",
					Labels: []string{"self-hosted", "Linux", "X64"},
				})
			}
		})
	}
}

// environ is the configuration of the demo's server, for the program beside it.
func (s *stage) environ() []string {
	u, err := url.Parse(s.url)
	require.NoError(s.t, err)
	c := s.d.cast
	return []string{
		"ARM_ORG=" + c.org, fmt.Sprintf("ARM_APP_ID=%d", c.appID), "ARM_PRIVATE_KEY=" + c.privateKey, "ARM_GITHUB_WEBHOOK_SECRET=" + c.webhookSecret,
		"ARM_CHATOPS_ADMIN_REPO=" + c.adminRepo, "ARM_GITHUB_URL=" + s.d.simURL, "ARM_SERVER_PUBLIC_URL=" + s.url, "ARM_SERVER_PORT=" + u.Port(),
		"ARM_DATABASE_URL=sqlite:" + s.db, "TOKEN=" + c.Maintainer.Token, "GITHUB_TOKEN=" + c.Maintainer.Token,
		"ARM_TOKEN=" + c.Maintainer.Token, "ARM_URL=" + s.url,
		"ACTIONS_ID_TOKEN_REQUEST_URL=" + s.d.simURL + "/_services/token/request?repository=" + c.org + "/api", "ACTIONS_ID_TOKEN_REQUEST_TOKEN=any",
	}
}

// A shell runs lines of documents in a folder of its own. It finds no program that it was not
// given.
type shell struct {
	dir, bin string
	environ  []string
}

// shellPrograms are the ones that run in a test, all without effect outside of the folder.
func shellPrograms() []string {
	return []string{
		"bash", "sh", "cat", "chmod", "chown", "cp", "curl", "date", "git", "grep", "install", "jq", "ls", "mkdir", "mktemp", "mv", "openssl", "rm", "sed", "sleep", "sqlite3", "tee",
	}
}

// newShell makes a shell with the programs, and skips the test if one of them is missing.
func newShell(t *testing.T, programs ...string) *shell {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	s := &shell{dir: filepath.Join(root, "work"), bin: filepath.Join(root, "bin")}
	require.NoError(t, os.Mkdir(s.dir, 0o700))
	require.NoError(t, os.Mkdir(s.bin, 0o700))
	for _, name := range programs {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Skipf("SKIPPED: put %s into PATH to run this test", name)
		}
		require.NoError(t, os.Symlink(path, filepath.Join(s.bin, name)))
	}
	s.environ = []string{"PATH=" + s.bin, "HOME=" + root, "TMPDIR=" + root, "LC_ALL=C.UTF-8", "ROOT=" + root}
	return s
}

// standIn puts a script in the place of a program.
func (s *shell) standIn(t *testing.T, name, script string) {
	t.Helper()
	path := filepath.Join(s.bin, name)
	_ = os.Remove(path) // it may be the real one's link
	require.NoError(t, os.WriteFile(path, []byte("#!"+filepath.Join(s.bin, "bash")+"\n"+script), 0o700))
}

// run runs a script and stops at the first line that fails.
func (s *shell) run(t *testing.T, script string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, "bash"), "-euo", "pipefail", "-c", script)
	cmd.Dir, cmd.Env = s.dir, s.environ
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// answers are the bodies that the curl of the shell got so far, one for each call.
func (s *shell) answers(t *testing.T) (all []answer) {
	t.Helper()
	log, err := os.ReadFile(filepath.Join(s.bin, "curl.log"))
	if os.IsNotExist(err) {
		return nil
	}
	require.NoError(t, err)
	for _, one := range strings.Split(strings.TrimSuffix(string(log), "\x00"), "\x00") {
		call, body, _ := strings.Cut(one, "\n")
		if !strings.Contains(call, handlers.APIPrefix) {
			continue
		}
		a := answer{call: call, body: body}
		for d := json.NewDecoder(strings.NewReader(body)); d.More(); { // what curl asked again has several
			var raw json.RawMessage
			if err := d.Decode(&raw); err != nil {
				a.Reason = "no JSON: " + body
				break
			}
			a.Code, a.Reason, a.body = 0, "", string(raw)
			require.NoError(t, json.Unmarshal(raw, &a))
		}
		all = append(all, a)
	}
	return all
}

// An answer is what REST answered to a call.
type answer struct {
	call, body string

	Code   int
	Reason string
}

// recordingCurl calls the real curl, waits if the server says so, and keeps what was answered.
const recordingCurl = `
out=$(%[1]s --silent --retry 20 --retry-max-time 60 "$@") || status=$?
printf '%%s\n%%s\0' "$*" "$out" >>%[2]s/curl.log
printf '%%s\n' "$out"
exit "${status:-0}"
`
