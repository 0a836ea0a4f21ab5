package pages

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/handlers"
)

// object is a JSON object; encoding/json writes its keys sorted, so that the
// same commands give the same bytes.
type object = map[string]any

// OpenAPI returns the OpenAPI 3.1 description of the REST channel to specs, at the
// server that the description comes from. With multi, `org` is an argument.
func OpenAPI(specs []dispatch.Spec, version string, multi bool) ([]byte, error) {
	paths := object{}
	for _, spec := range specs {
		paths[handlers.APIPrefix+spec.Name] = object{strings.ToLower(spec.Method): operation(spec, multi)}
	}
	document := object{
		"openapi": "3.1.0",
		"info": object{
			"title":   "Actions Runner Manager",
			"version": version,
			"summary": "GitHub Actions runner groups, in the hands of the teams that use them.",
			"description": "Maintainers of a team manage its runner group here. Send your GitHub token with each request; " +
				"it is used to find out who you are, and for nothing else.\n\n" +
				"Arguments are given in the query, as a form or as JSON, one of them, whatever the method; " +
				"POST works for every command.",
			"license": object{"name": "Apache-2.0", "identifier": "Apache-2.0"},
		},
		"servers":  []any{object{"url": "/"}},
		"security": []any{object{"token": []any{}}},
		"tags":     tags(specs),
		"paths":    paths,
		"components": object{
			"securitySchemes": object{"token": object{
				"type": "http", "scheme": "bearer",
				"description": "A personal access token; a fine-grained one without any permission is enough.",
			}},
			"schemas":   schemas(),
			"responses": errorResponses(),
		},
	}
	return json.MarshalIndent(document, "", "  ")
}

func tagOf(role dispatch.Role) string {
	switch role {
	case dispatch.Maintainer:
		return "Maintainers of a team"
	case dispatch.Owner:
		return "Owners of the organization"
	case dispatch.Member:
		return "Members of the organization"
	case dispatch.Anyone:
	}
	return "Anybody"
}

func tags(specs []dispatch.Spec) []any {
	var list []any
	for _, role := range []dispatch.Role{dispatch.Maintainer, dispatch.Member, dispatch.Owner, dispatch.Anyone} {
		if slices.ContainsFunc(specs, func(s dispatch.Spec) bool { return s.Needs == role }) {
			list = append(list, object{"name": tagOf(role)})
		}
	}
	return list
}

func operation(spec dispatch.Spec, multi bool) object {
	op := object{
		"operationId": spec.Name,
		"summary":     spec.Summary,
		"description": operationText(spec),
		"tags":        []any{tagOf(spec.Needs)},
		"responses":   responses(spec),
	}
	if spec.Needs == dispatch.Anyone {
		op["security"] = []any{}
	}
	params := spec.Params
	if multi && spec.Needs != dispatch.Anyone {
		params = append(slices.Clone(params), dispatch.Param{
			Name: "org", Kind: dispatch.KindString, Required: true, Doc: "the organization",
		})
	}
	if len(params) == 0 {
		return op
	}
	if spec.Method == http.MethodPost || spec.Method == http.MethodPatch {
		op["requestBody"] = requestBody(spec, params)
	} else {
		op["parameters"] = queryParameters(params)
	}
	return op
}

func operationText(spec dispatch.Spec) string {
	text := spec.Summary + "."
	if spec.Details != "" {
		text += " " + spec.Details
	}
	text += "\n\nFor " + whoMay(spec.Needs) + ". In a comment: `" + spec.Usage() + "`"
	if len(spec.Aliases) > 0 {
		text += "\n\nAlso called `" + strings.Join(spec.Aliases, "`, `") + "`."
	}
	return text
}

func queryParameters(params []dispatch.Param) []any {
	list := make([]any, 0, len(params))
	for _, p := range params {
		parameter := object{
			"name": p.Name, "in": "query", "required": p.Required,
			"description": p.Doc, "schema": schemaOf(p),
		}
		if p.Kind == dispatch.KindList {
			parameter["style"], parameter["explode"] = "form", false
		}
		if shownInExamples(p) {
			// Pages fill in examples: those of other arguments would be sent unasked.
			parameter["example"] = exampleValue(p)
		}
		list = append(list, parameter)
	}
	return list
}

func requestBody(spec dispatch.Spec, params []dispatch.Param) object {
	properties := object{}
	var required []string
	encoding := object{}
	for _, p := range params {
		schema := schemaOf(p)
		schema["description"] = p.Doc
		properties[p.Name] = schema
		if p.Required {
			required = append(required, p.Name)
		}
		if p.Kind == dispatch.KindList {
			encoding[p.Name] = object{"style": "form", "explode": false}
		}
	}
	schema := object{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		schema["required"] = required
	}
	example := exampleJSON(dispatch.Spec{Params: params})
	form := object{"schema": schema, "example": example}
	if len(encoding) > 0 {
		form["encoding"] = encoding
	}
	return object{
		"description": "The arguments of `" + spec.Name + "`.",
		"required":    len(required) > 0,
		"content": object{
			"application/json":                  object{"schema": schema, "example": example},
			"application/x-www-form-urlencoded": form,
		},
	}
}

func schemaOf(p dispatch.Param) object {
	switch p.Kind {
	case dispatch.KindList:
		return object{"type": "array", "items": object{"type": "string"}}
	case dispatch.KindBool:
		return object{"type": "boolean"}
	case dispatch.KindInt:
		return object{"type": "integer", "minimum": 0}
	case dispatch.KindString, dispatch.KindTime:
	}
	schema := object{"type": "string"}
	if len(p.Values) > 0 {
		schema["enum"] = p.Values
	}
	return schema
}

// schemas are the shapes of the answers.
func schemas() object {
	var reasons []string
	for _, r := range dispatch.Reasons() {
		reasons = append(reasons, string(r.Reason))
	}
	text := object{"type": "string"}
	items := object{
		"type": "array", "items": object{"$ref": "#/components/schemas/Item"},
		"description": "What became of each item, for a command on several.",
	}
	return object{
		"Result": object{
			"type": "object", "required": []string{"Code", "Response"},
			"properties": object{
				"Code":     object{"const": http.StatusOK},
				"Response": object{"description": "What the command answers."},
				"Items":    items,
			},
		},
		"Error": object{
			"type": "object", "required": []string{"Code", "Error", "Reason", "RequestID"},
			"properties": object{
				"Code":      object{"type": "integer", "description": "The HTTP status."},
				"Error":     object{"type": "string", "description": "What happened and what to do, for people."},
				"Reason":    object{"$ref": "#/components/schemas/Reason"},
				"RequestID": object{"type": "string", "description": "What the server's log knows the request by."},
				"Items":     items,
			},
		},
		"Item": object{
			"type": "object", "required": []string{"Item", "Done"},
			"properties": object{
				"Item": text, "Done": object{"type": "boolean"}, "Error": text,
				"Reason": object{"$ref": "#/components/schemas/Reason"},
			},
		},
		"Reason": object{"type": "string", "description": "What happened, for programs.", "enum": reasons},
	}
}

// errorStatuses are the statuses that errors have, ascending.
func errorStatuses() []int {
	var statuses []int
	for _, r := range dispatch.Reasons() {
		statuses = append(statuses, r.Status)
	}
	slices.Sort(statuses)
	return slices.Compact(statuses)
}

// responses are the answers that a command may give.
func responses(spec dispatch.Spec) object {
	headers := object{"X-Request-Id": header("What the server's log knows the request by.")}
	if spec.Effect == dispatch.Reveals {
		headers["Cache-Control"] = header("no-store, as always: the answer holds a secret.")
	}
	answer := object{"schema": object{"$ref": "#/components/schemas/Result"}}
	if spec.Sample.Response != nil {
		answer["example"] = handlers.ResultAnswer(spec.Sample)
	}
	all := object{"200": object{
		"description": "Done.", "headers": headers, "content": object{"application/json": answer},
	}}
	for _, status := range errorStatuses() {
		if spec.Needs == dispatch.Anyone && (status == http.StatusUnauthorized || status == http.StatusForbidden) {
			continue
		}
		all[strconv.Itoa(status)] = object{"$ref": "#/components/responses/" + responseName(status)}
	}
	return all
}

func header(description string) object {
	return object{"description": description, "schema": object{"type": "string"}}
}

func responseName(status int) string {
	return strings.ReplaceAll(http.StatusText(status), " ", "")
}

// errorResponses are the failures, one for each status, with the reasons that it has.
func errorResponses() object {
	all := object{}
	for _, status := range errorStatuses() {
		var lines []string
		examples := object{}
		for _, r := range dispatch.Reasons() {
			if r.Status != status {
				continue
			}
			lines = append(lines, "- `"+string(r.Reason)+"`: "+r.Meaning)
			examples[string(r.Reason)] = object{"value": object{
				"Code": status, "Reason": r.Reason, "RequestID": "k3qvz6j2m5w7x4b2a7c5d3e2f6", "Error": r.Meaning,
			}}
		}
		headers := object{"X-Request-Id": header("What the server's log knows the request by.")}
		switch status {
		case http.StatusUnauthorized:
			headers["WWW-Authenticate"] = header("How to send a token.")
		case http.StatusMethodNotAllowed:
			headers["Allow"] = header("The methods that the command answers to.")
		case http.StatusTooManyRequests, http.StatusServiceUnavailable:
			headers["Retry-After"] = header("Seconds until it is worth trying again.")
		}
		all[responseName(status)] = object{
			"description": strings.Join(lines, "\n"), "headers": headers,
			"content": object{"application/json": object{
				"schema": object{"$ref": "#/components/schemas/Error"}, "examples": examples,
			}},
		}
	}
	return all
}
