package config

import (
	"fmt"
	"reflect"
	"strings"
	"time"
)

// A Key is one line of the configuration's reference.
type Key struct {
	Name    string // in the file: chatops.adminRepo
	Env     string // in the environment: ARM_CHATOPS_ADMIN_REPO
	Default string // as it would be in the file; empty if there is none
	Doc     string
}

// Reference returns every key in the order of the file.
func Reference() []Key {
	defaults := Defaults()
	var keys []Key
	leaves(reflect.ValueOf(defaults), "", func(f field, v reflect.Value, key string) {
		keys = append(keys, Key{Name: key, Env: variable(key), Default: show(v), Doc: f.doc})
		if f.secret {
			file := key + fileSuffix
			keys = append(keys, Key{Name: file, Env: variable(file), Doc: "The file that holds " + key + "."})
		}
	})
	return keys
}

func show(v reflect.Value) string {
	if v.Kind() == reflect.Slice {
		items := make([]string, v.Len())
		for i := range items {
			items[i] = show(v.Index(i))
		}
		return "[" + strings.Join(items, ", ") + "]"
	}
	if d, ok := v.Interface().(time.Duration); ok {
		return brief(d)
	}
	if v.Kind() == reflect.Int64 && v.IsZero() {
		return "" // an id that is not given
	}
	return fmt.Sprint(v.Interface())
}
