package rest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/handlers"
	"github.com/actions-runner-manager/actions-runner-manager/handlers/handlertest"
	"github.com/actions-runner-manager/actions-runner-manager/internal/costtest"
)

const (
	formType = "application/x-www-form-urlencoded"
	jsonType = "application/json"
)

func TestRESTArguments(t *testing.T) {
	args := func(pairs ...string) map[string][]string {
		all := map[string][]string{}
		for i := 0; i < len(pairs); i += 2 {
			all[pairs[i]] = append(all[pairs[i]], pairs[i+1])
		}
		return all
	}
	big := strings.Repeat("a", maxBody-len("team="))
	tests := []struct {
		name, query, mediaType, body string
		want                         map[string][]string
		reason                       string
	}{
		{name: "none", want: args()},
		{name: "a query", query: "team=platform&repos=a,b", want: args("team", "platform", "repos", "a,b")},
		{name: "a query, encoded", query: "team=pl%61tform&repos=a%2Cb+c&&", want: args("team", "platform", "repos", "a,b c")},
		{name: "a repeated argument", query: "repos=a&repos=b", want: args("repos", "a", "repos", "b")},
		{name: "a flag without a value", query: "offline", want: args("offline", "true")},
		{name: "a flag with one", query: "offline=false", want: args("offline", "false")},
		{name: "an argument without a value", query: "team", want: args("team", "")},
		{name: "a form", mediaType: formType, body: "team=platform&offline", want: args("team", "platform", "offline", "true")},
		{name: "a form in UTF-8", mediaType: formType + "; charset=UTF-8", body: "team=x", want: args("team", "x")},
		{name: "a form as large as may be", mediaType: formType, body: "team=" + big, want: args("team", big)},
		{name: "JSON", mediaType: jsonType, body: `{"team":"platform","repos":["a","b"],"limit":10,"offline":true,"since":null}`, want: args("team", "platform", "repos", "a", "repos", "b", "limit", "10", "offline", "true")},
		{name: "JSON under curl's default type", mediaType: formType, body: ` {"team":"platform","repos":["a","b"]}`, want: args("team", "platform", "repos", "a", "repos", "b")},
		{name: "JSON with a list in a string", mediaType: jsonType, body: ` {"repos":"a, b"} `, want: args("repos", "a, b")},
		{name: "JSON with a list whose items hold commas", mediaType: jsonType, body: `{"runners":["com,ma","a","[b]"],"offline":null}`, want: args("runners", `["com,ma"]`, "runners", "a", "runners", `["[b]"]`)},
		{name: "JSON with a list for what is none", mediaType: jsonType, body: `{"team":["a,b"]}`, want: args("team", "a,b")},
		{name: "JSON with an empty list", mediaType: jsonType, body: `{"workflows":[]}`, want: map[string][]string{"workflows": {}}},
		{name: "broken JSON under curl's default type", mediaType: formType, body: `{"team":`, reason: "invalid_argument"},
		{name: "a number for text", mediaType: jsonType, body: `{"team":1}`, reason: "invalid_argument"},
		{name: "a boolean for text", mediaType: jsonType, body: `{"team":true}`, reason: "invalid_argument"},
		{name: "a number for the organization", mediaType: jsonType, body: `{"org":1}`, reason: "invalid_argument"},
		{name: "JSON without arguments", mediaType: jsonType, body: `{}`, want: args()},
		{name: "no body, but a type", query: "team=x", mediaType: jsonType, want: args("team", "x")},
		{name: "no body, and a type that none reads", query: "team=x", mediaType: "image/png", want: args("team", "x")},

		{name: "query and body", query: "team=x", mediaType: formType, body: "team=x", reason: "invalid_argument"},
		{name: "a query encoded badly", query: "team=%zz", reason: "invalid_argument"},
		{name: "a name encoded badly", query: "%=x", reason: "invalid_argument"},
		{name: "a semicolon", query: "team=a;repos=b", reason: "invalid_argument"},
		{name: "a query that is no UTF-8", query: "team=%ff", reason: "invalid_argument"},
		{name: "a form that is no UTF-8", mediaType: formType, body: "team=\xff", reason: "invalid_argument"},
		{name: "a form encoded badly", mediaType: formType, body: "team=%", reason: "invalid_argument"},
		{name: "JSON cut off", mediaType: jsonType, body: `{"team":`, reason: "invalid_argument"},
		{name: "JSON with more behind", mediaType: jsonType, body: `{} {}`, reason: "invalid_argument"},
		{name: "JSON of blanks", mediaType: jsonType, body: "  ", reason: "invalid_argument"},
		{name: "JSON that is no object", mediaType: jsonType, body: `["team"]`, reason: "invalid_argument"},
		{name: "JSON null", mediaType: jsonType, body: `null`, reason: "invalid_argument"},
		{name: "JSON with a name twice", mediaType: jsonType, body: `{"team":"a","team":"a"}`, reason: "invalid_argument"},
		{name: "JSON with a name twice, once null", mediaType: jsonType, body: `{"team":null,"team":"a"}`, reason: "invalid_argument"},
		{name: "JSON with a name twice, once escaped", mediaType: jsonType, body: `{"team":"a","te\u0061m":"b"}`, reason: "invalid_argument"},
		{name: "JSON with an object", mediaType: jsonType, body: `{"team":{}}`, reason: "invalid_argument"},
		{name: "JSON with a list of numbers", mediaType: jsonType, body: `{"repos":[1]}`, reason: "invalid_argument"},
		{name: "JSON with a list of lists", mediaType: jsonType, body: `{"repos":[["a"]]}`, reason: "invalid_argument"},
		{name: "JSON that is no UTF-8", mediaType: jsonType, body: "{\"team\":\"\xff\"}", reason: "invalid_argument"},
		{name: "JSON with a byte order mark", mediaType: jsonType, body: "\ufeff{}", reason: "invalid_argument"},
		{name: "JSON with a comma too many", mediaType: jsonType, body: `{"repos":["a",]}`, reason: "invalid_argument"},
		{name: "JSON ten thousand deep", mediaType: jsonType, body: strings.Repeat("[", 100_000), reason: "invalid_argument"},
		{name: "too many arguments", query: manyNames(maxArguments + 1), reason: "invalid_argument"},
		{name: "no type", body: "team=x", reason: "media_type"},
		{name: "text", mediaType: "text/plain", body: "team=x", reason: "media_type"},
		{name: "multipart", mediaType: "multipart/form-data; boundary=x", body: "--x--", reason: "media_type"},
		{name: "another character set", mediaType: jsonType + "; charset=utf-16", body: "{}", reason: "media_type"},
		{name: "a malformed type", mediaType: "application/json;;=", body: "{}", reason: "media_type"},
		{name: "too large", mediaType: formType, body: "team=" + big + "a", reason: "too_large"},
	}
	for _, tt := range tests {
		for _, method := range []string{"POST", "PATCH", "DELETE", "GET"} {
			command := map[string]string{"POST": "token-register", "PATCH": "repos-add", "DELETE": "runners-remove", "GET": "audit-list"}[method]
			spec, _ := (&fakeDispatcher{}).Lookup("runners-remove")
			t.Run(tt.name+" by "+method, func(t *testing.T) {
				if strings.Contains(tt.query+tt.body, "offline") {
					command, method = spec.Name, "POST"
				}
				f := newRESTFixture()
				r := httptest.NewRequest(method, handlers.APIPrefix+command, strings.NewReader(tt.body))
				r.URL.RawQuery = tt.query
				if tt.mediaType != "" {
					r.Header.Set("Content-Type", tt.mediaType)
				}
				_, answer := f.send(t, r)
				assert.Equal(t, tt.reason, answer.Reason, answer.Error)
				if tt.reason != "" {
					assert.Empty(t, f.dispatcher.requests())
					return
				}
				require.Len(t, f.dispatcher.requests(), 1)
				assert.Equal(t, tt.want, namedValues(f.dispatcher.requests()[0].Args))
			})
		}
	}
}

func manyNames(n int) string {
	query := url.Values{}
	for i := range n {
		query.Set(strings.Repeat("a", i+1), "")
	}
	return query.Encode()
}

func namedValues(args dispatch.Args) map[string][]string {
	all := map[string][]string{}
	for _, n := range args.Named {
		all[n.Name] = n.Values
	}
	return all
}

func TestRESTBodyWithoutLength(t *testing.T) {
	f := newRESTFixture()
	server := httptest.NewServer(New(f.options))
	defer server.Close()
	for _, tt := range []struct {
		name, encoding string
		size           int
		want           string
	}{
		{"small", "", 10, ""},
		{"too large", "", maxBody + 1, "too_large"},
		{"compressed", "gzip", 10, "media_type"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			// a reader of no known length is sent in chunks
			body := io.MultiReader(strings.NewReader("team="), strings.NewReader(strings.Repeat("a", tt.size)))
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+handlers.APIPrefix+"token-register", body)
			require.NoError(t, err)
			r.Header.Set("Content-Type", formType)
			r.Header.Set("Authorization", aliceToken)
			if tt.encoding != "" {
				r.Header.Set("Content-Encoding", tt.encoding)
			}
			response, err := server.Client().Do(r)
			require.NoError(t, err)
			defer response.Body.Close()
			assert.Equal(t, tt.want, handlertest.DecodeAnswer(t, response).Reason)
		})
	}
}

func TestRESTBodyCutOff(t *testing.T) {
	f := newRESTFixture()
	r := httptest.NewRequest(http.MethodPost, handlers.APIPrefix+"token-register", io.MultiReader(strings.NewReader("team=x"), cutOff{}))
	r.Header.Set("Content-Type", formType)
	_, answer := f.send(t, r)
	assert.Equal(t, "invalid_argument", answer.Reason)
}

type cutOff struct{}

func (cutOff) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// Whatever is sent, the answer is an [handlers.Answer], and what reaches the dispatcher
// stands in the request.
func FuzzArguments(f *testing.F) {
	f.Add("team=platform&repos=a,b", "", "")
	f.Add("", formType, "team=platform&offline")
	f.Add("", jsonType, `{"team":"platform","repos":["a"],"limit":1e9,"offline":true,"x":null}`)
	f.Add("%zz;", jsonType, "{")
	f.Add("", "multipart/form-data; boundary=x", "--x")
	f.Add("", jsonType, `{"a":"\ud800","\u0000":"\u0000"}`)
	f.Add("", jsonType, "{"+strings.Repeat(`"x":null,`, 5_000)+`"x":null}`)
	f.Add("", formType, strings.Repeat("a&", 20_000))
	f.Add("team=x&runners="+strings.Repeat("a,", 20_000), "", "")
	fixture := newRESTFixture()
	f.Fuzz(func(t *testing.T, query, mediaType, body string) {
		costtest.Bounded(t, len(query)+len(body), func() {
			r := httptest.NewRequest(http.MethodPost, handlers.APIPrefix+"runners-remove", strings.NewReader(body))
			r.URL.RawQuery = query
			r.Header["Content-Type"] = []string{mediaType}
			fixture.send(t, r)
		})
		fixture.dispatcher.got = nil
		r := httptest.NewRequest(http.MethodPost, handlers.APIPrefix+"runners-remove", strings.NewReader(body))
		r.URL.RawQuery = query
		r.Header["Content-Type"] = []string{mediaType}
		_, answer := fixture.send(t, r)
		requests := fixture.dispatcher.requests()
		if answer.Code != http.StatusOK {
			require.Contains(t, []string{"invalid_argument", "media_type", "too_large"}, answer.Reason)
			require.Empty(t, requests)
			return
		}
		require.Len(t, requests, 1)
		require.LessOrEqual(t, len(requests[0].Args.Named), maxArguments)
		require.Empty(t, requests[0].Args.Positional)
		require.Equal(t, "runners-remove", requests[0].Command)
		require.Equal(t, "acme", requests[0].Org)
	})
}

func TestJSONKinds(t *testing.T) {
	for _, tt := range []struct{ command, body, reason string }{
		{"repos-add", `{"repos":1}`, "invalid_argument"},
		{"repos-add", `{"repos":true}`, "invalid_argument"},
		{"audit-list", `{"since":7}`, "invalid_argument"},
		{"audit-list", `{"limit":true}`, "invalid_argument"},
		{"audit-list", `{"limit":7}`, ""},
		{"runners-remove", `{"offline":1}`, "invalid_argument"},
		{"runners-remove", `{"offline":true}`, ""},
	} {
		r := httptest.NewRequest(http.MethodPost, handlers.APIPrefix+tt.command, strings.NewReader(tt.body))
		r.Header.Set("Content-Type", jsonType)
		_, answer := newRESTFixture().send(t, r)
		assert.Equal(t, tt.reason, answer.Reason, "%s %s: %s", tt.command, tt.body, answer.Error)
	}
}
