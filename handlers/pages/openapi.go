package pages

import (
	"bytes"
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
		for _, name := range append([]string{spec.Name}, spec.Aliases...) {
			paths[handlers.APIPrefix+name] = operations(spec, name, multi)
		}
	}
	document := object{
		"openapi": "3.1.0",
		"info": object{
			"title":   "Actions Runner Manager",
			"version": version,
			"summary": "GitHub Actions runner groups, in the hands of the teams that use them.",
			"description": "Maintainers of a team manage its runner group here. Send your GitHub token with each request; " +
				"it is used to find out who you are, and for nothing else.\n\n" +
				"Arguments go into the query, a form or JSON, one of them, whatever the method. " +
				"Every command accepts POST. GET for what changes something is deprecated.",
			"license": object{"name": "Apache-2.0", "identifier": "Apache-2.0"},
		},
		"security": []any{object{"token": []any{}}},
		"tags":     tags(specs),
		"paths":    paths,
		"components": object{
			"securitySchemes": object{"token": object{
				"type": "apiKey", "in": "header", "name": "Authorization", // a bearer scheme would exclude the legacy forms
				"description": "A GitHub token: `TOKEN`, `token TOKEN` or `Bearer TOKEN`. A fine-grained personal access token without any permission is enough. " +
					"A workflow sends the OpenID Connect token of its job.",
			}},
			"schemas": schemas(),
		},
	}
	text, err := json.MarshalIndent(document, "", "  ")
	if len(specs) > 0 {
		// the sample answers spell the default trigger
		text = bytes.ReplaceAll(text, []byte(`"/`+dispatch.DefaultTrigger+" "), []byte(`"`+specs[0].Slash()+" "))
	}
	return text, err
}

func tags(specs []dispatch.Spec) []any {
	var list []any
	for _, group := range dispatch.ByTask(specs) {
		list = append(list, object{"name": group.Task})
	}
	return list
}

// operations describes what the command answers to at one of its names: the documented
// method first, then POST, and GET if it is a legacy command. Other names than its own are
// deprecated.
func operations(spec dispatch.Spec, name string, multi bool) object {
	all := object{}
	for i, method := range spec.Methods() {
		op := operation(spec, method, multi)
		op["operationId"] = name
		if i > 0 {
			op["operationId"] = name + "-" + strings.ToLower(method)
		}
		if name != spec.Name || spec.Deprecated(method) {
			op["deprecated"] = true
		}
		all[strings.ToLower(method)] = op
	}
	return all
}

// operation describes the command with one method. No argument in the query is required,
// because all may be in the body, and the body is optional, because all may be in the query.
func operation(spec dispatch.Spec, method string, multi bool) object {
	op := object{
		"summary":     spec.Summary,
		"description": operationText(spec),
		"tags":        []any{spec.Task},
		"responses":   responses(spec, method),
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
	op["parameters"] = queryParameters(params, method)
	if method != http.MethodGet {
		op["requestBody"] = requestBody(spec, params)
	}
	return op
}

func operationText(spec dispatch.Spec) string {
	text := spec.Summary + "."
	if spec.Details != "" {
		text += " " + spec.Details
	}
	text += "\n\nFor " + whoMay(spec) + ". In a comment: `" + spec.Usage() + "`"
	if len(spec.Aliases) > 0 {
		text += "\n\nAlso called `" + strings.Join(spec.Aliases, "`, `") + "`."
	}
	return text
}

func queryParameters(params []dispatch.Param, method string) []any {
	list := make([]any, 0, len(params))
	for _, p := range params {
		parameter := object{"name": p.Name, "in": "query", "description": p.Doc, "schema": schemaOf(p)}
		switch {
		case p.Required && method == http.MethodGet:
			parameter["required"] = true // there is no body
		case p.Required:
			parameter["description"] = p.Doc + " (required, here or in the body)"
		}
		if p.Kind == dispatch.KindBool {
			parameter["allowEmptyValue"] = true // ?offline is ?offline=true
		}
		if shownInExamples(p) && method == http.MethodGet {
			// Pages fill in examples: those of other arguments would be sent unasked, and
			// those of what is in the body too would be sent twice.
			parameter["example"] = exampleValue(p)
		}
		list = append(list, parameter)
	}
	return list
}

// requestBody describes the arguments in a body. The schema of the form allows everything,
// because a JSON object under curl's default content type is read as JSON.
func requestBody(spec dispatch.Spec, params []dispatch.Param) object {
	properties := object{}
	var required []string
	for _, p := range params {
		schema := schemaOf(p)
		if p.Kind == dispatch.KindList {
			schema = object{"anyOf": []any{schema, object{"type": "string", "description": "the items, separated by commas"}}}
		}
		schema["description"] = p.Doc
		properties[p.Name] = schema
		if p.Required {
			required = append(required, p.Name)
		}
	}
	whole := object{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		whole["required"] = required
	}
	example := exampleJSON(dispatch.Spec{Params: params})
	return object{
		"description": "The arguments of `" + spec.Name + "`, if they are not in the query.",
		"required":    false,
		"content": object{
			"application/json":                  object{"schema": whole, "example": example},
			"application/x-www-form-urlencoded": object{"schema": object{"type": "object", "properties": properties}, "example": example},
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
	case dispatch.KindString, dispatch.KindTime, dispatch.KindFor:
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
				"Code":     object{"enum": []int{http.StatusOK, http.StatusAccepted}},
				"DryRun":   object{"const": true, "description": "Nothing was changed: the answer says what would be."},
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

// responses are the answers that a command may give: of the errors, those that it declares.
func responses(spec dispatch.Spec, method string) object {
	headers := object{"X-Request-Id": header("What the server's log knows the request by.")}
	if spec.Effect == dispatch.Reveals {
		headers["Cache-Control"] = header("no-store, as always: the answer holds a secret.")
	}
	if spec.Deprecated(method) {
		headers["Deprecation"] = header("Since when this method is deprecated (RFC 9745).")
	}
	answer := object{"schema": object{"$ref": "#/components/schemas/Result"}}
	if spec.Sample.Response != nil {
		answer["example"] = handlers.ResultAnswer(spec.Sample)
	}
	all := object{}
	plain := object{"schema": answer["schema"]}
	switch {
	case spec.Sample.Request != 0:
		all["202"] = object{"description": "It waits for a decision.", "headers": headers, "content": object{"application/json": answer}}
	case spec.WhyNotApproved() == "":
		all["202"] = object{"description": "It waits until an owner approves it (policy.approval).", "headers": headers, "content": object{"application/json": plain}}
		fallthrough
	default:
		all["200"] = object{"description": "Done.", "headers": headers, "content": object{"application/json": answer}}
	}
	byStatus := map[int][]dispatch.ReasonInfo{}
	for _, r := range spec.Reasons() {
		byStatus[r.Status] = append(byStatus[r.Status], r)
	}
	for status, reasons := range byStatus {
		all[strconv.Itoa(status)] = errorResponse(status, reasons)
	}
	return all
}

func header(description string) object {
	return object{"description": description, "schema": object{"type": "string"}}
}

// errorResponse is the failure with one status, and the reasons that it may have.
func errorResponse(status int, reasons []dispatch.ReasonInfo) object {
	var lines []string
	for _, r := range reasons {
		lines = append(lines, "- `"+string(r.Reason)+"`: "+r.Meaning)
	}
	headers := object{"X-Request-Id": header("What the server's log knows the request by.")}
	switch status {
	case http.StatusUnauthorized:
		headers["WWW-Authenticate"] = header("How to send a token.")
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		headers["Retry-After"] = header("Seconds until it is worth trying again.")
	}
	return object{
		"description": strings.Join(lines, "\n"), "headers": headers,
		"content": object{"application/json": object{
			"schema":  object{"$ref": "#/components/schemas/Error"},
			"example": object{"Code": status, "Reason": reasons[0].Reason, "RequestID": "k3qvz6j2m5w7x4b2a7c5d3e2f6", "Error": reasons[0].Meaning},
		}},
	}
}
