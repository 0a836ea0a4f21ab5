package pacing

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMemory(t *testing.T) {
	m := Meters(900)[0]
	type step struct {
		after   time.Duration // since the step before
		replica string
		request LeaseRequest
		granted int
	}
	tests := []struct {
		name  string
		steps []step
	}{
		{name: "replicas share the burst", steps: []step{
			{replica: "a", request: LeaseRequest{Want: 500, Class: ordinary}, granted: 500},
			{replica: "b", request: LeaseRequest{Want: 500, Class: ordinary}, granted: 100},
		}},
		{name: "unused amounts come back", steps: []step{
			{replica: "a", request: LeaseRequest{Want: 600, Class: ordinary}, granted: 600},
			{replica: "a", request: LeaseRequest{Open: 10, Spent: []Spent{{0, 90}}}},
			{replica: "b", request: LeaseRequest{Want: 600, Class: ordinary}, granted: 500},
		}},
		{name: "a spent amount counts for a span after its end", steps: []step{
			{replica: "a", request: LeaseRequest{Want: 600, Class: ordinary}, granted: 600},
			{after: 10 * time.Second, replica: "a", request: LeaseRequest{Spent: []Spent{{time.Second, 600}}}},
			{after: 58 * time.Second, replica: "b", request: LeaseRequest{Want: 900, Class: urgent}, granted: 300},
			{after: 2 * time.Second, replica: "b", request: LeaseRequest{Open: 300, Want: 900, Class: urgent}, granted: 600},
		}},
		{name: "extra is granted within the burst only", steps: []step{
			{replica: "a", request: LeaseRequest{Want: 590, Extra: 30, Class: ordinary}, granted: 600},
			{replica: "b", request: LeaseRequest{Want: 5, Extra: 30, Class: urgent}, granted: 5},
		}},
		{name: "a crashed replica's amounts expire", steps: []step{
			{replica: "a", request: LeaseRequest{Want: 900, Class: urgent}, granted: 900},
			{after: 89 * time.Second, replica: "b", request: LeaseRequest{Want: 1, Class: urgent}},
			{after: 2 * time.Second, replica: "b", request: LeaseRequest{Want: 1, Class: urgent}, granted: 1},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			now := time.Unix(1_700_000_000, 0)
			b := NewMemory(func() time.Time { return now })
			for i, s := range tt.steps {
				now = now.Add(s.after)
				s.request.Meter = m
				leases, err := b.Lease(t.Context(), 77, s.replica, []LeaseRequest{s.request})
				require.NoError(t, err)
				assert.Equal(t, s.granted, leases[0].Granted, "step %d", i)
			}
		})
	}
}
