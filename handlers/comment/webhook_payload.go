package comment

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

// commentPayload is the part of an issue_comment that matters here.
type commentPayload struct {
	Action string
	Issue  struct {
		Number int
		Body   string
		User   payloadUser
		Labels []string // their names
	}
	Comment struct {
		ID        int64
		Body      string
		User      payloadUser
		CreatedAt time.Time
		UpdatedAt time.Time
		App       *int64 // the id of the App through which it was written; nil: none
	}
	Repository struct {
		ID       int64
		FullName string
		Owner    payloadUser
	}
	From         *string // the text before an edit; nil: it was not edited
	Installation int64
	Sender       payloadUser
}

type payloadUser struct {
	ID    int64  `json:"id"`
	Login string `json:"login"`
	Type  string `json:"type"` // User, Bot, Organization, Mannequin
}

// readPayload reads an issue_comment as encoding/json does, with which the server acknowledges 6 %
// less: see docs/adr/0009-what-is-clever.md. What is missing or null is zero; it fails if the
// body is no JSON, or if a member that matters is of another type than in GitHub's documentation.
func readPayload(body []byte) (*commentPayload, error) {
	if !validJSON(body) {
		return nil, fmt.Errorf("the payload is no JSON")
	}
	var (
		p       commentPayload
		err     error
		payload = payloadValue{gjson.ParseBytes(body), "the payload", &err}
	)
	payload.each(func(name string, v payloadValue) {
		switch name {
		case "action":
			p.Action = v.text()
		case "issue":
			v.each(p.readIssue)
		case "comment":
			v.each(p.readComment)
		case "repository":
			v.each(p.readRepository)
		case "changes":
			v.each(p.readChanges)
		case "installation":
			p.Installation = v.id()
		case "sender":
			p.Sender = v.user()
		}
	})
	return &p, err
}

// maxBrackets is more than a delivery has outside of its texts.
const maxBrackets = 10_000

// validJSON reports whether the body is JSON: gjson reads anything. Its own check takes stack for
// each level of nesting, so a body that may be nested deeply is left to encoding/json.
func validJSON(body []byte) bool {
	if bytes.Count(body, []byte("["))+bytes.Count(body, []byte("{")) > maxBrackets {
		return json.Valid(body)
	}
	return gjson.ValidBytes(body)
}

func (p *commentPayload) readIssue(name string, v payloadValue) {
	switch name {
	case "number":
		p.Issue.Number = int(v.number())
	case "body":
		p.Issue.Body = v.text()
	case "user":
		p.Issue.User = v.user()
	case "labels":
		v.items(func(label payloadValue) {
			label.each(func(name string, v payloadValue) {
				if name == "name" {
					p.Issue.Labels = append(p.Issue.Labels, v.text())
				}
			})
		})
	}
}

func (p *commentPayload) readComment(name string, v payloadValue) {
	switch name {
	case "id":
		p.Comment.ID = v.number()
	case "body":
		p.Comment.Body = v.text()
	case "user":
		p.Comment.User = v.user()
	case "created_at":
		p.Comment.CreatedAt = v.time()
	case "updated_at":
		p.Comment.UpdatedAt = v.time()
	case "performed_via_github_app":
		if v.Type != gjson.Null {
			app := v.id()
			p.Comment.App = &app
		}
	}
}

func (p *commentPayload) readRepository(name string, v payloadValue) {
	switch name {
	case "id":
		p.Repository.ID = v.number()
	case "full_name":
		p.Repository.FullName = v.text()
	case "owner":
		p.Repository.Owner = v.user()
	}
}

func (p *commentPayload) readChanges(name string, v payloadValue) {
	if name != "body" {
		return
	}
	v.each(func(name string, v payloadValue) {
		if name == "from" && v.Type != gjson.Null {
			from := v.text()
			p.From = &from
		}
	})
}

// A payloadValue is a value of a payload. Its methods return zero if it is null, and set err if it
// is of another type.
type payloadValue struct {
	gjson.Result
	name string
	err  *error
}

// is reports whether the value is of that type.
func (v payloadValue) is(ok bool, want string) bool {
	if !ok && v.Type != gjson.Null {
		*v.err = fmt.Errorf("%s is no %s", v.name, want)
	}
	return ok
}

// each calls do with each member of an object.
func (v payloadValue) each(do func(name string, v payloadValue)) {
	if v.is(v.IsObject(), "object") {
		v.ForEach(func(name, value gjson.Result) bool {
			do(name.Str, payloadValue{value, name.Str, v.err})
			return true
		})
	}
}

// items calls do with each item of an array.
func (v payloadValue) items(do func(v payloadValue)) {
	if v.is(v.IsArray(), "array") {
		v.ForEach(func(_, value gjson.Result) bool {
			do(payloadValue{value, v.name, v.err})
			return true
		})
	}
}

// text returns a string. What gjson may read differently than others is left to encoding/json:
// escaped characters, of which it skips the one behind half a surrogate pair, and invalid UTF-8.
func (v payloadValue) text() string {
	if v.is(v.Type == gjson.String, "string") && (strings.Contains(v.Raw, `\u`) || !utf8.ValidString(v.Str)) {
		var s string
		if err := json.Unmarshal([]byte(v.Raw), &s); err != nil {
			*v.err = err
		}
		return s
	}
	return v.Str
}

func (v payloadValue) number() int64 {
	n, err := strconv.ParseInt(v.Raw, 10, 64)
	v.is(err == nil, "integer")
	return n
}

func (v payloadValue) time() (at time.Time) {
	v.is(at.UnmarshalText([]byte(v.Str)) == nil, "time")
	return at
}

// id returns the id of an object.
func (v payloadValue) id() (id int64) {
	v.each(func(name string, v payloadValue) {
		if name == "id" {
			id = v.number()
		}
	})
	return id
}

func (v payloadValue) user() (u payloadUser) {
	v.each(func(name string, v payloadValue) {
		switch name {
		case "id":
			u.ID = v.number()
		case "login":
			u.Login = v.text()
		case "type":
			u.Type = v.text()
		}
	})
	return u
}
