package comment

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

const testGUID = "72d3162e-cc78-11e3-81ab-4c9367dc0958"

// a memoryJob keeps what is recorded as JSON, as a database does.
type memoryJob struct {
	comment           Comment
	attempt           int
	last, interrupted bool
	recorded          map[string][]byte
	taken             bool // another job came first in Once
	broken            error
}

func (j *memoryJob) GUID() string      { return testGUID }
func (j *memoryJob) Comment() Comment  { return j.comment }
func (j *memoryJob) Attempt() int      { return j.attempt }
func (j *memoryJob) Last() bool        { return j.last }
func (j *memoryJob) Interrupted() bool { return j.interrupted }

func (j *memoryJob) Recorded(step string, into any) bool {
	text, ok := j.recorded[step]
	if ok {
		if err := json.Unmarshal(text, into); err != nil {
			panic(err)
		}
	}
	return ok
}

func (j *memoryJob) Record(_ context.Context, step string, v any) error {
	if j.broken != nil {
		return j.broken
	}
	if _, ok := j.recorded[step]; ok {
		return nil
	}
	text, err := json.Marshal(v)
	j.recorded[step] = text
	return err
}

func (j *memoryJob) Once(context.Context, string) (bool, error) { return !j.taken, j.broken }

// a memoryGitHub is an admin repository, and the record of what is deleted later.
type memoryGitHub struct {
	mu        sync.Mutex // the first reaction comes beside everything else
	log       strings.Builder
	reactions []string
	posts     []string
	planned   []string

	body    string // of the comment as it is now
	deleted bool
	public  bool
	keys    []string
	fail    map[string]*dispatch.Error // by method, once
	blocked chan struct{}              // if set, eyes wait for it
}

func (g *memoryGitHub) failing(method string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if e := g.fail[method]; e != nil {
		delete(g.fail, method)
		return e
	}
	return nil
}

func (g *memoryGitHub) React(ctx context.Context, _ string, id int64, content string) error {
	if content == "eyes" && g.blocked != nil {
		<-ctx.Done()
		return ctx.Err()
	}
	if err := g.failing("react " + content); err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.reactions = append(g.reactions, content)
	if content != "eyes" { // which come whenever they come
		fmt.Fprintf(&g.log, "react to %d: %s\n", id, content)
	}
	return nil
}

func (g *memoryGitHub) Post(_ context.Context, _ string, issue int, body string) (int64, error) {
	if err := g.failing("post"); err != nil {
		return 0, err
	}
	g.posts = append(g.posts, body)
	if before, after, ok := strings.Cut(body, "-----BEGIN AGE"); ok {
		_, after, _ = strings.Cut(after, "END AGE ENCRYPTED FILE-----")
		body = before + "(armored)" + after
	}
	fmt.Fprintf(&g.log, "post to #%d:\n    %s\n", issue, strings.ReplaceAll(strings.TrimSpace(body), "\n", "\n    "))
	return int64(1000 + len(g.posts)), g.failing("post afterwards")
}

func (g *memoryGitHub) Find(_ context.Context, _ string, _ int, marker string, _ time.Time) (ids []int64, err error) {
	fmt.Fprintf(&g.log, "find %s\n", marker)
	for i, post := range g.posts {
		if strings.Contains(post, marker) {
			ids = append(ids, int64(1001+i))
		}
	}
	return ids, g.failing("find")
}

func (g *memoryGitHub) Body(context.Context, string, int64) (string, bool, error) {
	return g.body, !g.deleted, g.failing("Body")
}

func (g *memoryGitHub) Private(context.Context, string) (bool, error) {
	g.log.WriteString("is the repository private?\n")
	return !g.public, g.failing("private")
}

func (g *memoryGitHub) Keys(_ context.Context, _, login string) ([]string, error) {
	fmt.Fprintf(&g.log, "keys of %s\n", login)
	return g.keys, g.failing("keys")
}

func (g *memoryGitHub) Plan(_ context.Context, org string, issue int, marker string, deleteAt time.Time) error {
	g.planned = append(g.planned, marker)
	fmt.Fprintf(&g.log, "plan to delete %s in %s #%d at %s\n", marker, org, issue, deleteAt.Format(time.TimeOnly))
	return g.failing("plan")
}

func (g *memoryGitHub) Posted(_ context.Context, marker string, id int64) error {
	fmt.Fprintf(&g.log, "posted %s as %d\n", marker, id)
	return g.failing("posted")
}

// A conversation is a comment with what surrounds it: a txtar file whose comment
// is its text, and whose other files are below.
type conversation struct {
	Policy      Policy                     // settings.json, with all that follows
	Age         string                     // of the comment
	Labels      []string                   // of the issue
	TeamFields  []string                   // of its form
	Public      bool                       // the admin repository
	Keys        []string                   // of the caller
	MultiOrg    bool                       // several organizations are served
	Attempts    int                        // how many there are; 5 if 0
	Interrupted bool                       // an earlier attempt was cut off
	Recorded    map[string]json.RawMessage // by it
	Posted      []string                   // by it
	Fail        map[string]*dispatch.Error // by method of GitHub, once

	// answers.json: what the commands answer, in the order of the calls.
	answers []answer
}

type answer struct {
	Result dispatch.Result
	Error  *dispatch.Error
	Sealed bool // the command makes a secret
}

const theSecret = "AABF3JGZDX3P5PMEXLND6TS6FCWO6"

func readConversation(t *testing.T, archive *txtar.Archive) (c conversation) {
	t.Helper()
	for _, file := range archive.Files {
		switch file.Name {
		case "settings.json":
			require.NoError(t, json.Unmarshal(file.Data, &c), file.Name)
		case "answers.json":
			require.NoError(t, json.Unmarshal(file.Data, &c.answers), file.Name)
		}
	}
	return c
}

// run has the comment handled to its end and returns what happened.
func (c conversation) run(t *testing.T, text string) (transcript string, job *memoryJob, hub *memoryGitHub) {
	t.Helper()
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	age, err := time.ParseDuration(cmp.Or(c.Age, "1s"))
	require.NoError(t, err)
	hub = &memoryGitHub{public: c.Public, keys: c.Keys, fail: c.Fail, posts: c.Posted}
	parsed := ParseComment(text, c.Policy.Trigger)
	job = &memoryJob{attempt: 1, interrupted: c.Interrupted, recorded: map[string][]byte{}, comment: Comment{
		Org: "acme", Repo: "runner-admin", Issue: 3, CommentID: 9001, Author: Author{ID: 5, Login: "mona"},
		Lines: parsed.Lines, Appended: clipAppended(parsed.Appended), Labels: c.Labels, TeamFields: c.TeamFields, IssueAuthor: Author{ID: 5, Login: "mona"}, CreatedAt: now.Add(-age),
	}}
	for step, v := range c.Recorded {
		job.recorded[step] = v
	}
	require.NotEmpty(t, append(parsed.Lines, parsed.Appended...), "the comment holds no command")
	answers := c.answers
	dispatcher := slashCommands{run: func(ctx context.Context, req dispatch.Request) (dispatch.Result, error) {
		fmt.Fprintf(&hub.log, "run %s\n", describe(req))
		require.NotEmpty(t, answers, "no answer is left for %s", req.Command)
		next := answers[0]
		answers = answers[1:]
		if next.Sealed {
			spec, _ := slashCommands{}.Lookup(req.Command)
			if err := req.PrepareSecret(ctx, spec); err != nil {
				return dispatch.Result{}, err
			}
			hub.log.WriteString("make the secret\n")
		}
		if next.Error != nil {
			return dispatch.Result{}, next.Error
		}
		return next.Result, nil
	}}
	comments := NewWorker(WorkerOptions{
		Dispatcher: dispatcher, GitHub: hub, Ephemerals: hub, PublicURL: "https://arm.example.com", MultiOrg: c.MultiOrg,
		Policy: func(string) Policy {
			p := c.Policy
			p.TokenReply, p.TTL = cmp.Or(p.TokenReply, "comment"), cmp.Or(p.TTL, 5*time.Minute)
			return p
		},
		Refused: func(_ context.Context, req dispatch.Request, e *dispatch.Error) {
			fmt.Fprintf(&hub.log, "refused %s: %s\n", req.ID[len(testGUID):], e.Reason)
		},
		Clock:  func() time.Time { return now },
		Logger: zerolog.Nop(),
	})
	for range 100 {
		job.last = job.attempt >= cmp.Or(c.Attempts, 5)
		err := comments.Handle(t.Context(), job)
		var (
			again *Again
			later interface{ RetryAfter() time.Duration }
		)
		switch {
		case err == nil:
			assert.Empty(t, answers, "answers nobody asked for")
			return hub.log.String(), job, hub
		case errors.As(err, &again):
			if again.After > 0 {
				fmt.Fprintf(&hub.log, "wait %s\n", again.After)
			}
			now = now.Add(again.After)
		case errors.As(err, &later):
			fmt.Fprintf(&hub.log, "try again after %s\n", later.RetryAfter())
			now = now.Add(later.RetryAfter())
			job.attempt++
		default:
			require.NoError(t, err)
		}
	}
	require.Fail(t, "the job never ends")
	return "", nil, nil
}

func describe(req dispatch.Request) string {
	words := []string{req.ID[len(testGUID):], req.Command}
	words = append(words, req.Args.Positional...)
	for _, named := range req.Args.Named {
		words = append(words, fmt.Sprintf("%s=%s", named.Name, strings.Join(named.Values, "+")))
	}
	for text, on := range map[string]bool{"(preview)": req.Preview, "(resumed)": req.Repeated, "(charged)": req.Limited, "(hint " + req.TeamHint + ")": req.TeamHint != ""} {
		if on {
			words = append(words, text)
		}
	}
	slices.Sort(words[min(len(words), 2+len(req.Args.Positional)+len(req.Args.Named)):])
	return strings.Join(words, " ")
}

// TestConversations plays the files in testdata/comments. UPDATE_GOLDEN=1 writes
// what happened into them, for people to read.
func TestConversations(t *testing.T) {
	files, err := filepath.Glob("testdata/comments/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			require.NoError(t, err)
			transcript, job, hub := readConversation(t, archive).run(t, fileOf(archive, "comment.md"))
			if os.Getenv("UPDATE_GOLDEN") != "" {
				archive.Files = slices.DeleteFunc(archive.Files, func(f txtar.File) bool { return f.Name == "transcript" })
				archive.Files = append(archive.Files, txtar.File{Name: "transcript", Data: []byte(transcript)})
				require.NoError(t, os.WriteFile(file, txtar.Format(archive), 0o600))
			}
			assert.Equal(t, fileOf(archive, "transcript"), transcript)
			for step, text := range job.recorded {
				assert.NotContains(t, string(text), theSecret, "%s records a secret", step)
			}
			for _, post := range hub.posts {
				assert.LessOrEqual(t, len(post), 65_536)
			}
		})
	}
}

func fileOf(archive *txtar.Archive, name string) string {
	for _, file := range archive.Files {
		if file.Name == name {
			return string(file.Data)
		}
	}
	return ""
}
