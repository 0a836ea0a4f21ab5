// Package pacing keeps the requests of one installation below GitHub's secondary rate
// limits, over all replicas of the server, and shares them fairly between teams.
//
// It knows nothing of HTTP: [Pacer.Acquire] waits for a request's turn, and the function
// that it returns says that the request has ended.
package pacing

import "time"

// GitHub's documented secondary limits of one installation
// (https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits).
const (
	DefaultPointsPerMinute = 900
	contentPerMinute       = 80
	contentPerHour         = 500

	readPoints  = 1 // also if GitHub answers 304: its documentation exempts only the primary limit
	writePoints = 5
)

// A Meter names one of the limits: no more than Limit in any Span.
type Meter struct {
	Name  string // "points", "content/minute" or "content/hour"
	Span  time.Duration
	Limit int
}

// Meters returns the meters for that many points per minute.
func Meters(pointsPerMinute int) []Meter {
	return []Meter{
		{Name: "points", Span: time.Minute, Limit: pointsPerMinute},
		{Name: "content/minute", Span: time.Minute, Limit: contentPerMinute},
		{Name: "content/hour", Span: time.Hour, Limit: contentPerHour},
	}
}

// A Cost is what one request takes from the meters.
type Cost struct {
	Points  int
	Content int // 1 if it creates content: an issue, a comment or a reaction
}

// Read returns the cost of a GET request.
func Read() Cost { return Cost{Points: readPoints} }

// Write returns the cost of any other request that creates no content.
func Write() Cost { return Cost{Points: writePoints} }

// Content returns the cost of creating an issue, a comment or a reaction.
func Content() Cost { return Cost{Points: writePoints, Content: 1} }

// on returns what the cost takes from the meter with that index of [Meters].
func (c Cost) on(meter int) int {
	if meter == 0 {
		return c.Points
	}
	return c.Content
}

// burst is how much of the meter may be used at once. What is left of it is spread over
// the span, so that a flood leaves turns for callers who come later.
func (m Meter) burst() int { return m.Limit * 2 / 3 }

// ceiling is how much of the meter may be in use if a request of that class is sent. The
// last tenth is a reserve for urgent requests; background work may fill one half.
func (m Meter) ceiling(c class) int {
	switch c {
	case urgent:
		return m.Limit
	case background:
		return m.Limit / 2
	}
	return m.Limit - m.Limit/10
}

// lightUse is how much of the points a team may have used within a minute to count as one
// that asked for little.
func (m Meter) lightUse() int { return m.Limit / 30 }
