package pages

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/handlers"
)

// What examples call the server if it has no name of its own.
const exampleHost = "https://arm.example.com"

// whoMay says in words who may run a command.
func whoMay(spec dispatch.Spec) string {
	switch {
	case spec.Trustable:
		return whichPerson(spec) + "; a workflow that the team trusts"
	case spec.AnyWorkflow:
		return whichPerson(spec) + "; any workflow of it"
	}
	return whichPerson(spec)
}

func whichPerson(spec dispatch.Spec) string {
	switch spec.Needs {
	case dispatch.Anyone:
		return "anybody, without a token"
	case dispatch.Member:
		return "any member of the organization"
	case dispatch.Maintainer:
		switch {
		case spec.OwnersToo:
			return "a maintainer of the team, or an owner of the organization"
		case spec.MembersToo:
			return "a maintainer of the team, or with `policy.membersRead` a member"
		}
		return "a maintainer of the team"
	case dispatch.Owner:
		return "an owner of the organization"
	}
	return "nobody"
}

// exampleText is an example of one argument, as one would type it.
func exampleText(p dispatch.Param) string {
	switch {
	case p.Example != "":
		return p.Example
	case len(p.Values) > 0:
		return p.Values[0]
	case p.Kind == dispatch.KindBool:
		return "true"
	}
	return strings.ToUpper(p.Name)
}

// exampleParams are the arguments that an example shows: those that a call needs,
// and those that say what it is about.
func exampleParams(spec dispatch.Spec) []dispatch.Param {
	return slices.DeleteFunc(slices.Clone(spec.Params), func(p dispatch.Param) bool {
		return !shownInExamples(p) && !strings.Contains(" "+spec.Example, " --"+p.Name+" ")
	})
}

func shownInExamples(p dispatch.Param) bool { return p.Required || p.Positional || p.Name == "team" }

// exampleComment is the command as one would write it in a comment.
func exampleComment(spec dispatch.Spec) string {
	line := spec.Slash() + " " + spec.Name
	if spec.Example != "" {
		return line + " " + spec.Example
	}
	for _, p := range exampleParams(spec) {
		switch {
		case p.Name == "team":
			// a comment's place names the team
		case p.Positional:
			line += " " + exampleText(p)
		default:
			line += fmt.Sprintf(" --%s %s", p.Name, exampleText(p))
		}
	}
	return line
}

// exampleCurl is the command as one would type it in a shell; gap is what is
// before the address, a blank or the end of a line.
func exampleCurl(spec dispatch.Spec, host, gap string) string {
	var b strings.Builder
	b.WriteString("curl")
	if spec.Method != http.MethodGet {
		b.WriteString(" -X " + spec.Method)
	}
	if spec.Needs != dispatch.Anyone {
		b.WriteString(` -H "Authorization: Bearer $GITHUB_TOKEN"`)
	}
	var query []string
	for _, p := range exampleParams(spec) {
		value := strings.ReplaceAll(url.QueryEscape(exampleText(p)), "%2C", ",")
		query = append(query, p.Name+"="+value)
	}
	target := host + handlers.APIPrefix + spec.Name
	if len(query) > 0 {
		target += "?" + strings.Join(query, "&")
	}
	fmt.Fprintf(&b, "%s%q", gap, target)
	return b.String()
}

// Reference returns the reference of the commands as a page of Markdown.
func Reference(specs []dispatch.Spec) []byte {
	var b bytes.Buffer
	b.WriteString(`# Reference

<!-- Written by "make docs" from the declarations of the commands. Do not edit. -->

Every command works in a comment (` + "`/runner-group COMMAND`" + `, in an issue of the admin repository) and over REST
(` + "`" + exampleHost + handlers.APIPrefix + "COMMAND`" + `, with a GitHub token). In a comment the team may be left out if the issue's
label (` + "`team:SLUG`" + `) or form names it, or if you maintain only one team that owns a group.

Arguments over REST are given in the query, as a form or as JSON, one of them. A list is ` + "`a,b,c`" + `, a repeated
argument or a JSON array. If the server serves several organizations, ` + "`org`" + ` is one more argument of every command.

Two flags are for comments only: ` + "`--yes`" + ` runs a command that asks first (` + "`policy.confirm`" + `), and ` + "`--encrypted`" + ` encrypts the answer of
a token command so that only your SSH key can read it.

` + "`--dry-run`, over REST `dry-run=true`" + `, is for every command that changes something, except those that hand out a secret. Everything is checked,
nothing is changed, and the answer says what would be: the same fields, and ` + "`\"DryRun\":true`" + ` beside ` + "`Code`" + `. It needs no ` + "`--yes`" + `, and
is in the audit as ` + "`shown`" + `.

| command | who may | does |
|---|---|---|
`)
	groups := dispatch.ByTask(specs)
	for _, group := range groups {
		fmt.Fprintf(&b, "| **%s** | | |\n", group.Task)
		for _, spec := range group.Specs {
			fmt.Fprintf(&b, "| [`%s`](#%s) | %s | %s |\n", spec.Name, spec.Name, whoMay(spec), tableCell(spec.Summary))
		}
	}
	for _, group := range groups {
		for _, spec := range group.Specs {
			writeCommand(&b, spec)
		}
	}
	b.WriteString(`
## Answers over REST

` + "`{\"Code\":200,\"Response\":…}`, or `{\"Code\":404,\"Error\":\"a sentence\",\"Reason\":\"group_not_found\",\"RequestID\":\"…\"}`" + `, with the
same HTTP status. A command on several items also answers with ` + "`Items`" + `: what became of each.

| status | reason | means |
|---|---|---|
`)
	for _, r := range dispatch.Reasons() {
		fmt.Fprintf(&b, "| %d | `%s` | %s |\n", r.Status, r.Reason, r.Meaning)
	}
	return b.Bytes()
}

func writeCommand(b *bytes.Buffer, spec dispatch.Spec) {
	fmt.Fprintf(b, "\n## %s\n\n%s.", spec.Name, spec.Summary)
	if spec.Details != "" {
		fmt.Fprintf(b, " %s", spec.Details)
	}
	fmt.Fprintf(b, "\n\n- Who may: %s\n- REST: `%s`", whoMay(spec), spec.Method)
	for _, method := range spec.Methods()[1:] {
		note := ""
		if spec.Deprecated(method) {
			note = " (deprecated)"
		}
		fmt.Fprintf(b, ", `%s`%s", method, note)
	}
	if len(spec.Aliases) > 0 {
		fmt.Fprintf(b, "\n- Also called: `%s`", strings.Join(spec.Aliases, "`, `"))
	}
	if len(spec.Params) > 0 {
		b.WriteString("\n\n| argument | kind | needed | |\n|---|---|---|---|\n")
		for _, p := range spec.Params {
			needed := ""
			if p.Required {
				needed = "yes"
			}
			fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", p.Name, p.Kind, needed, tableCell(paramDoc(p)))
		}
	} else {
		b.WriteString("\n")
	}
	fmt.Fprintf(b, "\n```text\n%s\n```\n\n```sh\n%s\n```\n", exampleComment(spec), exampleCurl(spec, exampleHost, " "))
}

// paramDoc explains an argument in one line.
func paramDoc(p dispatch.Param) string {
	doc := p.Doc
	if len(p.Values) > 0 {
		doc += ": " + strings.Join(p.Values, ", ")
	}
	return doc
}

// tableCell makes text fit into a cell of a Markdown table.
func tableCell(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ").Replace(text)
}

// exampleJSON is an example of a JSON body, or nil for a command without arguments.
func exampleJSON(spec dispatch.Spec) map[string]any {
	body := map[string]any{}
	for _, p := range exampleParams(spec) {
		body[p.Name] = exampleValue(p)
	}
	return body
}

func exampleValue(p dispatch.Param) any {
	text := exampleText(p)
	switch p.Kind {
	case dispatch.KindList:
		return strings.Split(text, ",")
	case dispatch.KindBool:
		return text == "true"
	case dispatch.KindInt:
		return json.Number(text)
	case dispatch.KindString, dispatch.KindTime, dispatch.KindFor:
	}
	return text
}
