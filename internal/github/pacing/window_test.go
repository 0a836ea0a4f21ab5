package pacing

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestWindow(t *testing.T) {
	m := Meter{Name: "points", Span: time.Minute, Limit: 900}
	ago := func(seconds, amount int) Spent { return Spent{time.Duration(seconds) * time.Second, amount} }
	tests := []struct {
		name   string
		window Window
		class  class
		amount int
		free   int
		wait   time.Duration // until amount is free
	}{
		{name: "empty: the burst", class: ordinary, amount: 600, free: 600},
		{name: "empty, urgent: all", class: urgent, amount: 900, free: 900},
		{name: "empty, background: half", class: background, amount: 450, free: 450},
		{name: "the burst was just used", window: Window{Spent: []Spent{ago(0, 600)}}, class: ordinary, amount: 7, wait: 2 * time.Second},
		{name: "the rest is spread", window: Window{Spent: []Spent{ago(30, 600)}}, class: ordinary, amount: 7, free: 105},
		{name: "the reserve is not for all", window: Window{Spent: []Spent{ago(50, 600), ago(1, 210)}}, class: ordinary, amount: 1, wait: 10 * time.Second},
		{name: "the reserve is for urgent ones", window: Window{Spent: []Spent{ago(50, 600), ago(1, 210)}}, class: urgent, amount: 1, free: 90},
		{name: "all is used", window: Window{Spent: []Spent{ago(50, 600), ago(1, 300)}}, class: urgent, amount: 1, wait: 10 * time.Second},
		{name: "old use does not count", window: Window{Spent: []Spent{ago(60, 900)}}, class: ordinary, amount: 1, free: 600},
		{name: "open amounts count", window: Window{Open: 450}, class: background, amount: 1, wait: time.Minute},
		{name: "never", class: ordinary, amount: 811, free: 600, wait: time.Minute},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.free, tt.window.free(m, tt.class))
			assert.InDelta(t, tt.wait, tt.window.earliest(m, tt.class, tt.amount), float64(time.Millisecond))
		})
	}
}
