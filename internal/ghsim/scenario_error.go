package ghsim

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// scenarioError says where the YAML of a scenario is wrong: the line, and the key if one is
// to blame.
func scenarioError(data []byte, err error) error {
	if value := badDuration.FindStringSubmatch(err.Error()); value != nil { // the decoder loses its place
		before, _, _ := strings.Cut(string(data), value[1])
		line := 1 + strings.Count(before, "\n")
		return fmt.Errorf("line %d: %s: must be %s", line, keyAt(data, line, len(before)-strings.LastIndex(before, "\n")), wanted(reflect.TypeFor[time.Duration]()))
	}
	var at yaml.Error
	if !errors.As(err, &at) || at.GetToken() == nil || at.GetToken().Position == nil {
		return fmt.Errorf("read the scenario: %w", err)
	}
	place, key := at.GetToken().Position, ""
	var message string
	var wrongType *yaml.TypeError
	var tooLarge *yaml.OverflowError
	var unknown *yaml.UnknownFieldError
	var wrongNode *yaml.UnexpectedNodeTypeError
	switch {
	case errors.As(err, &unknown):
		key, message = at.GetToken().Value, "is not a key here"
	case errors.As(err, &wrongType):
		key, message = keyAt(data, place.Line, place.Column), "must be "+wanted(wrongType.DstType)
	case errors.As(err, &tooLarge):
		key, message = keyAt(data, place.Line, place.Column), "is out of range"
	case errors.As(err, &wrongNode):
		key, message = keyAt(data, place.Line, place.Column), "must be "+article(wrongNode.Expected.YAMLName())
	default:
		if twice := repeatedKey.FindStringSubmatch(at.GetMessage()); twice != nil {
			key, message = twice[1], "is given twice"
			break
		}
		message = "is not YAML: " + at.GetMessage()
	}
	if key != "" {
		message = key + ": " + message
	}
	return fmt.Errorf("line %d: %s", place.Line, message)
}

// wanted says in words what a value must be.
func wanted(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return "a time, such as 2026-01-31T12:00:00Z"
	case t == reflect.TypeFor[time.Duration]():
		return "a duration with its unit, such as 90s or 5m"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.Slice:
		return "a list"
	case reflect.Struct, reflect.Map:
		return "keys with values"
	}
	return "text"
}

func article(name string) string {
	switch name {
	case "sequence":
		return "a list"
	case "mapping":
		return "keys with values"
	}
	return "a " + name
}

var (
	badDuration = regexp.MustCompile(`^time: .*duration "(.+)"$`)
	repeatedKey = regexp.MustCompile(`^mapping key "(.+)" already defined`)
)

var keyInLine = regexp.MustCompile(`([A-Za-z]\w*)\s*:`)

// keyAt returns the key whose value begins at a line and a column, which count from 1: the
// last one before it.
func keyAt(data []byte, line, column int) string {
	lines := strings.Split(string(data), "\n")
	for i := min(line, len(lines)) - 1; i >= 0; i-- {
		text := lines[i]
		if i == line-1 {
			text = text[:min(max(column-1, 0), len(text))]
		}
		if keys := keyInLine.FindAllStringSubmatch(text, -1); keys != nil {
			return keys[len(keys)-1][1]
		}
	}
	return ""
}
