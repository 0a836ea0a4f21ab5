package comment

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// plainPayload is the payload as encoding/json reads it.
type plainPayload struct {
	Action string
	Issue  struct {
		Number int
		Body   string
		User   payloadUser
		Labels []struct{ Name string }
	}
	Comment struct {
		ID        int64
		Body      string
		User      payloadUser
		CreatedAt time.Time           `json:"created_at"`
		UpdatedAt time.Time           `json:"updated_at"`
		App       *struct{ ID int64 } `json:"performed_via_github_app"`
	}
	Repository struct {
		ID       int64
		FullName string `json:"full_name"`
		Owner    payloadUser
	}
	Changes      struct{ Body struct{ From *string } }
	Installation struct{ ID int64 }
	Sender       payloadUser
}

func (p *plainPayload) payload() *commentPayload {
	var want commentPayload
	want.Action, want.From, want.Installation, want.Sender = p.Action, p.Changes.Body.From, p.Installation.ID, p.Sender
	want.Issue.Number, want.Issue.Body, want.Issue.User = p.Issue.Number, p.Issue.Body, p.Issue.User
	for _, label := range p.Issue.Labels {
		want.Issue.Labels = append(want.Issue.Labels, label.Name)
	}
	want.Comment.ID, want.Comment.Body, want.Comment.User = p.Comment.ID, p.Comment.Body, p.Comment.User
	want.Comment.CreatedAt, want.Comment.UpdatedAt = p.Comment.CreatedAt, p.Comment.UpdatedAt
	if p.Comment.App != nil {
		want.Comment.App = &p.Comment.App.ID
	}
	want.Repository.ID, want.Repository.FullName, want.Repository.Owner = p.Repository.ID, p.Repository.FullName, p.Repository.Owner
	return &want
}

// sameAsJSON reports whether both readers understand a payload alike.
func sameAsJSON(t *testing.T, body []byte) {
	t.Helper()
	var plain plainPayload
	err := json.Unmarshal(body, &plain)
	got, gotErr := readPayload(body)
	require.Equal(t, err == nil, gotErr == nil, "%v, %v", err, gotErr)
	if err == nil {
		assert.Equal(t, plain.payload(), got)
	}
}

func TestReadPayloadOfGitHub(t *testing.T) {
	for _, file := range []string{
		"issue_comment.created.json", "issue_comment.created.1.json", "issue_comment.created.with-installation.json",
		"issue_comment.created.with-organization.json", "issue_comment.created.on-pr.slash-command.json",
		"issue_comment.edited.json", "issue_comment.edited.with-organization.json", "issue_comment.deleted.json",
	} {
		t.Run(file, func(t *testing.T) { sameAsJSON(t, contractPayload(t, file)) })
	}
}

func TestReadPayload(t *testing.T) {
	sameAsJSON(t, commentEvent(nil))
	for path, values := range map[string][]any{
		"action":                           {nil, 1, []any{}},
		"issue":                            {nil, "x", []any{}},
		"issue.number":                     {nil, "3", 3.5, -1, 1e30},
		"issue.body":                       {nil, true, "", "\u00e9\u2028 \"\\\t\x00 😀", "bad \xff\xfe UTF-8"},
		"issue.labels":                     {nil, []any{}, []any{map[string]any{"name": nil}}, map[string]any{}, []any{"x"}},
		"comment.id":                       {nil, "9001", false},
		"comment.created_at":               {nil, "", "2026-01-02", "2026-01-02T03:04:05+02:00", "2026-01-02T3:04:05Z", "2026-01-02T03:04:05,5Z", 0},
		"comment.performed_via_github_app": {map[string]any{}, map[string]any{"id": 7, "type": 1}, map[string]any{"id": "7"}, 7},
		"comment.user":                     {nil, map[string]any{"id": 1, "login": 2}},
		"repository.owner":                 {map[string]any{"id": 1, "login": "Acme", "type": "Organization"}},
		"installation":                     {nil, map[string]any{"id": nil}},
		"sender":                           {nil, []any{1}},
		"changes":                          {map[string]any{}, map[string]any{"body": map[string]any{"from": "x\u003cy"}}, map[string]any{"body": map[string]any{"from": nil}}, map[string]any{"body": map[string]any{"from": 1}}, map[string]any{"body": 1}},
	} {
		for _, value := range values {
			sameAsJSON(t, set(path, value))
		}
	}
	for _, body := range []string{`[]`, `"x"`, `1`, ` {"action": "created"} `, `{"sender":{"login":"\ud83d\ude00 \ud800 \/"}}`} {
		sameAsJSON(t, []byte(body))
	}
}

// What is no JSON is not read, however far it could be.
func TestReadPayloadThatIsNoJSON(t *testing.T) {
	body := commentEvent(nil)
	for n := range body {
		_, err := readPayload(body[:n])
		assert.Error(t, err, "cut off after %d bytes", n)
	}
	inside := func(text string) []byte { return []byte(`{"action":"created","extra":` + text + `}`) }
	for _, body := range [][]byte{
		append(body[:len(body):len(body)], '}'), append(body[:len(body):len(body)], ` {}`...), nil, []byte(" "), []byte("\xef\xbb\xbf{}"),
		inside(`nul`), inside(`01`), inside(`1.`), inside(`+1`), inside(`NaN`), inside(`'x'`), inside(`[1,]`), inside(`[}`), inside(`{"a":1,}`), inside(`{"a" 1}`),
		inside("\"\n\""), inside(`"\x"`), inside(`"\u12"`), inside(`1e`), inside(`tru`), inside(`"`), inside(`/**/1`), inside(`1 2`),
		inside(strings.Repeat("[", 5000) + strings.Repeat("]", 5000)), inside(strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000)), inside(strings.Repeat("[", maxKept/2)),
		inside(strings.Repeat(`{"a":`, maxKept/6)), inside(strings.Repeat("1", 1000)), inside("[" + strings.Repeat("{},", 20_000) + "1]"),
	} {
		sameAsJSON(t, body)
	}
	for _, text := range []string{
		`"\ud800\u002frunner-group help"`, `"\ud83d\ude00\udc00x"`, `"\u0000\u2028"`, "\"/runner-group \xff\xfe help\"", "\"\xed\xa0\x80\"", `"\\\\\""`, `"\\u002f"`,
	} {
		sameAsJSON(t, []byte(`{"comment":{"body":`+text+`}}`))
	}
}
