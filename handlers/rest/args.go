package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/handlers"
)

const (
	maxBody = 1 << 20 // bytes of a request's body
	// maxArguments bounds how many names a request may give: more than any
	// command knows, and few enough that sorting them out stays cheap.
	maxArguments = 100
	// maxPairs bounds the parts of a query or form before any is decoded. A list may be
	// given as a repeated parameter.
	maxPairs = 5_000
	// maxOpenBody bounds the body of a command that anybody may use, in bytes.
	maxOpenBody = 4 << 10
)

// restArguments returns the arguments that r gives, not yet decoded: by query, form
// body or JSON body, one of them.
func restArguments(r *http.Request, spec dispatch.Spec, bodies *handlers.Bodies) (dispatch.Args, error) {
	if len(spec.Params) == 0 && r.URL.RawQuery == "" {
		return dispatch.Args{}, nil // nothing to read
	}
	limit := int64(maxBody)
	if spec.Needs == dispatch.Anyone {
		limit = maxOpenBody
	}
	body, release, err := readBody(r, limit, bodies)
	defer release()
	switch {
	case err != nil:
		return dispatch.Args{}, err
	case len(body) == 0:
		return formArguments(r.URL.RawQuery, spec, "query")
	case r.URL.RawQuery != "":
		return dispatch.Args{}, dispatch.Refuse(dispatch.ReasonInvalidArgument,
			"Give the arguments in the query or in the body, not in both.")
	}
	switch bodyType(r.Header) {
	case "application/json":
		return jsonArguments(body, spec)
	case "application/x-www-form-urlencoded":
		if bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) { // curl -d sends JSON under this type
			return jsonArguments(body, spec)
		}
		return formArguments(string(body), spec, "form")
	}
	return dispatch.Args{}, dispatch.Refuse(dispatch.ReasonMediaType,
		"Send the body as application/json or application/x-www-form-urlencoded, in UTF-8 and uncompressed, and say so in Content-Type.")
}

func readBody(r *http.Request, limit int64, bodies *handlers.Bodies) (body []byte, release func(), err error) {
	if r.Body == nil {
		return nil, func() {}, nil
	}
	body, release, err = bodies.Read(r.Body, r.ContentLength, limit)
	switch {
	case errors.Is(err, handlers.ErrBodyTooLarge):
		text := "The body is larger than 1 MiB. Send fewer items at a time."
		if limit < maxBody {
			text = "The body is larger than 4 KiB, and this command needs none."
		}
		return nil, release, dispatch.Refuse(dispatch.ReasonTooLarge, "%s", text)
	case errors.Is(err, handlers.ErrBodiesBusy):
		refusal := dispatch.Refuse(dispatch.ReasonUnavailable, "The server is reading too many large requests. Try again in a moment.")
		refusal.RetryAfter = time.Second
		return nil, release, refusal
	case err != nil:
		refusal := dispatch.Refuse(dispatch.ReasonInvalidArgument, "The body ended before it was complete. Send the request again.")
		refusal.Cause = err
		return nil, release, refusal
	}
	return body, release, nil
}

// bodyType returns the media type of the body, "" if it is not one that can be read.
func bodyType(header http.Header) string {
	mediaType, params, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil || len(header.Values("Content-Type")) > 1 {
		return ""
	}
	if encoding := header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return ""
	}
	charset := strings.ToLower(params["charset"])
	if !slices.Contains([]string{"", "utf-8", "utf8", "us-ascii"}, charset) {
		return ""
	}
	return mediaType
}

// formArguments reads a query or form body. A flag without a value (?offline) is
// true. net/url's parser would lose the order of the names.
func formArguments(encoded string, spec dispatch.Spec, what string) (dispatch.Args, error) {
	var args dispatch.Args
	if strings.Count(encoded, "&") >= maxPairs {
		return args, dispatch.Refuse(dispatch.ReasonInvalidArgument, "The %s has more than %d parts, which no command needs.", what, maxPairs)
	}
	for pair := range strings.SplitSeq(encoded, "&") {
		if pair == "" {
			continue
		}
		if strings.Contains(pair, ";") {
			return args, dispatch.Refuse(dispatch.ReasonInvalidArgument, "The %s holds a `;`: separate arguments by `&`, or write it as %%3B.", what)
		}
		name, value, hasValue := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err == nil {
			value, err = url.QueryUnescape(value)
		}
		if err != nil {
			return args, dispatch.Refuse(dispatch.ReasonInvalidArgument, "The %s is not encoded well: write a plain %% as %%25.", what)
		}
		if !utf8.ValidString(name) || !utf8.ValidString(value) {
			return args, dispatch.Refuse(dispatch.ReasonInvalidArgument, "The %s is not valid UTF-8.", what)
		}
		if p, ok := spec.Param(name); ok && p.Kind == dispatch.KindBool && !hasValue {
			value = "true"
		}
		if err := addArgument(&args, name, value); err != nil {
			return args, err
		}
	}
	return args, nil
}

// jsonArguments reads a JSON body: an object whose values are of their arguments' kinds, or
// null, which is as good as not given.
func jsonArguments(body []byte, spec dispatch.Spec) (dispatch.Args, error) {
	var args dispatch.Args
	if !utf8.Valid(body) {
		return args, dispatch.Refuse(dispatch.ReasonInvalidArgument, "The JSON body is not valid UTF-8.")
	}
	if !json.Valid(body) {
		var whole json.RawMessage
		err := json.Unmarshal(body, &whole)
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return args, dispatch.Refuse(dispatch.ReasonInvalidArgument, "The body is not well-formed JSON: look near byte %d.", syntax.Offset)
		}
		return args, dispatch.Refuse(dispatch.ReasonInvalidArgument, "The body is not well-formed JSON.")
	}
	// Tokens, since a map would hide a name that is given twice.
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	if start, err := decoder.Token(); err != nil || start != json.Delim('{') {
		return args, dispatch.Refuse(dispatch.ReasonInvalidArgument, `The JSON body must be an object of arguments: {"team": "platform"}.`)
	}
	seen := map[string]bool{}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return args, dispatch.AsError(err)
		}
		name, _ := token.(string)
		if seen[name] {
			return args, dispatch.Refuse(dispatch.ReasonInvalidArgument, "%s is in the JSON body twice.", dispatch.Quote(name))
		}
		if seen[name] = true; len(seen) > maxArguments {
			return args, tooManyArguments()
		}
		p, _ := spec.Param(name)
		if name == "org" { // which the dispatcher takes for every command
			p.Kind = dispatch.KindString
		}
		values, given, err := jsonValues(decoder, name, p.Kind)
		if err != nil {
			return args, err
		}
		if !given {
			continue
		}
		if err := addArgument(&args, name, values...); err != nil {
			return args, err
		}
	}
	return args, nil
}

// jsonKinds says what the value of an argument of each kind is in JSON. Every one but a list
// may also be a string.
var jsonKinds = map[dispatch.Kind]string{ //nolint:gochecknoglobals // a table that is never written
	dispatch.KindString: "text (a JSON string)", dispatch.KindTime: "text (a JSON string)", dispatch.KindFor: "text (a JSON string)",
	dispatch.KindList: "an array of strings, or text", dispatch.KindInt: "a whole number", dispatch.KindBool: "true or false",
}

// jsonValues reads the value of one argument; given is false for null. The elements of an
// array are items of a list: they are taken whole. kind is empty for an argument that the
// command does not know, which is refused later, whatever its value.
func jsonValues(decoder *json.Decoder, name string, kind dispatch.Kind) (values []string, given bool, err error) {
	want, known := jsonKinds[kind]
	if !known {
		want = "a string, a number, true or false, or an array of strings"
	}
	refusal := dispatch.Refuse(dispatch.ReasonInvalidArgument, "%s must be %s.", dispatch.Quote(name), want)
	takes := func(k dispatch.Kind) bool { return !known || kind == k }
	token, err := decoder.Token()
	if err != nil {
		return nil, false, refusal
	}
	switch value := token.(type) {
	case nil:
		return nil, false, nil
	case string:
		return []string{value}, true, nil
	case json.Number:
		if !takes(dispatch.KindInt) {
			return nil, false, refusal
		}
		return []string{value.String()}, true, nil
	case bool:
		if !takes(dispatch.KindBool) {
			return nil, false, refusal
		}
		return []string{strconv.FormatBool(value)}, true, nil
	}
	if token != json.Delim('[') {
		return nil, false, refusal
	}
	values = []string{}
	for decoder.More() {
		token, err := decoder.Token()
		item, ok := token.(string)
		if err != nil || !ok {
			return nil, false, refusal
		}
		if kind == dispatch.KindList {
			item = dispatch.WholeItem(item)
		}
		if values = append(values, item); len(values) > maxPairs {
			return nil, false, dispatch.Refuse(dispatch.ReasonInvalidArgument, "%s has more than %d items, which no command takes.", dispatch.Quote(name), maxPairs)
		}
	}
	_, err = decoder.Token() // the closing bracket
	return values, true, err
}

func addArgument(args *dispatch.Args, name string, values ...string) error {
	args.Add(name, values...)
	if len(args.Named) > maxArguments {
		return tooManyArguments()
	}
	return nil
}

func tooManyArguments() *dispatch.Error {
	return dispatch.Refuse(dispatch.ReasonInvalidArgument, "The request gives more than %d arguments, which no command has.", maxArguments)
}

// takeOrg takes the argument "org" out of args.
func takeOrg(args *dispatch.Args) (*string, error) {
	values, _ := args.Get("org")
	args.Named = slices.DeleteFunc(args.Named, func(n dispatch.NamedArg) bool { return n.Name == "org" })
	if len(values) == 0 {
		return nil, nil
	}
	for _, value := range values[1:] {
		if value != values[0] {
			return nil, dispatch.Refuse(dispatch.ReasonInvalidArgument, "org is given more than once, with different values.")
		}
	}
	org := strings.TrimSpace(values[0])
	return &org, nil
}
