package commands

import (
	"reflect"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

// previewOf makes the answer of a command that has changed something the answer of its
// preview: the same fields, with a message and tables that say what would be.
func previewOf(done dispatch.Result, message string, tables ...dispatch.Table) dispatch.Result {
	response := reflect.New(reflect.TypeOf(done.Response)).Elem()
	response.Set(reflect.ValueOf(done.Response))
	response.FieldByName("Message").SetString(message)
	return dispatch.Result{Response: response.Interface(), Message: message, Tables: tables}
}
