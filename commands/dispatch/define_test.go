package dispatch

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestDefineRefuses(t *testing.T) {
	good := Spec{Name: "sample", Method: "POST", Summary: "Try it"}
	with := func(change func(*Spec)) Spec { s := good; change(&s); return s }
	type noTag struct{ Team string }
	type noDoc struct {
		Team string `arg:"team"`
	}
	type badName struct {
		Team string `arg:"Team" doc:"a team"`
	}
	type badOption struct {
		Team string `arg:"team,needed" doc:"a team"`
	}
	type badType struct {
		Team float64 `arg:"team" doc:"a team"`
	}
	type twice struct {
		A string `arg:"a" doc:"one"`
		B string `arg:"a" doc:"two"`
	}
	type twoPositional struct {
		A string `arg:"a,positional" doc:"one"`
		B string `arg:"b,positional" doc:"two"`
	}
	for _, test := range []struct {
		name, want string
		define     func()
	}{
		{"no name", "name", func() { Define(with(func(s *Spec) { s.Name = "" }), noRun[noArgs]) }},
		{"a name in capitals", "name", func() { Define(with(func(s *Spec) { s.Name = "Sample" }), noRun[noArgs]) }},
		{"a name that ends in a dash", "name", func() { Define(with(func(s *Spec) { s.Name = "sample-" }), noRun[noArgs]) }},
		{"no summary", "summary", func() { Define(with(func(s *Spec) { s.Summary = "" }), noRun[noArgs]) }},
		{"a method that is none", "method", func() { Define(with(func(s *Spec) { s.Method = "PUT" }), noRun[noArgs]) }},
		{"a field without a tag", "no arg tag", func() { Define(good, noRun[noTag]) }},
		{"a field without a doc", "doc tag", func() { Define(good, noRun[noDoc]) }},
		{"an argument in capitals", "lower case", func() { Define(good, noRun[badName]) }},
		{"an unknown option", "unknown option", func() { Define(good, noRun[badOption]) }},
		{"a type that is not supported", "not supported", func() { Define(good, noRun[badType]) }},
		{"an argument twice", "declared twice", func() { Define(good, noRun[twice]) }},
		{"two positional ones", "positional", func() { Define(good, noRun[twoPositional]) }},
		{"for maintainers, without a team", "no team", func() { Define(with(func(s *Spec) { s.Needs = Maintainer }), noRun[noArgs]) }},
		{"on a group, without a team", "no team", func() { Define(with(func(s *Spec) { s.Group = OwnsGroup }), noRun[noArgs]) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			defer func() {
				text, _ := recover().(string)
				assert.Contains(t, text, test.want)
			}()
			test.define()
		})
	}
	assert.NotPanics(t, func() { Define(good, noRun[noArgs]) })
}

func TestDispatcherRefusesOneNameTwice(t *testing.T) {
	assert.PanicsWithValue(t, `two commands are named "group-add"`, func() {
		NewDispatcher(&Env{}, []Command{
			Define(Spec{Name: "group-create", Aliases: []string{"group-add"}, Method: "POST", Summary: "Create"}, noRun[noArgs]),
			Define(Spec{Name: "group-add", Method: "POST", Summary: "Clash"}, noRun[noArgs]),
		})
	})
}

type noArgs struct{}

func TestDispatch(t *testing.T) {
	var order []string
	mark := func(name string) Middleware {
		return func(next Func) Func {
			return func(ctx context.Context, call *Call) (Result, error) {
				order = append(order, name)
				return next(ctx, call)
			}
		}
	}
	boom := Define(Spec{Name: "boom", Method: "GET", Summary: "Fail"}, func(context.Context, *Call, noArgs) (Result, error) { panic("oh") })
	d := NewDispatcher(&Env{}, []Command{boom}, mark("outer"), recoverPanic, mark("inner"), (&Env{}).Decode)
	_, err := d.Dispatch(t.Context(), Request{Command: "boom"})
	assert.Equal(t, ReasonInternal, ReasonOf(err))
	assert.NotContains(t, AsError(err).Message, "oh", "the cause is for the log")
	assert.ErrorContains(t, err, "define_test.go", "with the stack")
	assert.Equal(t, []string{"outer", "inner"}, order)

	_, err = d.Dispatch(t.Context(), Request{Command: "bom"})
	assert.ErrorContains(t, err, "Did you mean `boom`?")
}
