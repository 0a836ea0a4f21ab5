package pacing

import (
	"slices"
	"time"
)

// A Spent amount counts until Age reaches the meter's span. Ages instead of times make
// the clocks of replicas irrelevant.
type Spent struct {
	Age    time.Duration // since the request ended
	Amount int
}

// A Window is the use of one meter, over all replicas, at one moment.
//
// A request counts from the grant of its turn until a span after its end. GitHub counts it
// at some moment in between, so no span at GitHub can hold more than the window does.
type Window struct {
	Spent []Spent
	Open  int // leased by replicas: not sent yet, or not ended
}

// used is the use after that time, if nothing is added.
func (w Window) used(span, after time.Duration) int {
	used := w.Open
	for _, s := range w.Spent {
		if s.Age+after < span {
			used += s.Amount
		}
	}
	return used
}

// oldest is the age, after that time, of the oldest amount that still counts. It is after
// if there is none.
func (w Window) oldest(span, after time.Duration) time.Duration {
	oldest := after
	for _, s := range w.Spent {
		if age := s.Age + after; age < span {
			oldest = max(oldest, age)
		}
	}
	return oldest
}

// allowed is how much may be in use after that time: the burst, and the rest up to the
// ceiling in proportion to the age of the oldest use. Urgent requests are not spread.
func (w Window) allowed(m Meter, c class, after time.Duration) int {
	burst, ceiling := m.burst(), m.ceiling(c)
	if c == urgent || ceiling <= burst {
		return ceiling
	}
	return burst + int(int64(ceiling-burst)*int64(w.oldest(m.Span, after))/int64(m.Span))
}

// Free returns how much a request of that class may take now.
func (w Window) free(m Meter, c class) int {
	return max(0, w.allowed(m, c, 0)-w.used(m.Span, 0))
}

// earliest returns when amount will be free, if nobody else takes any. It never is if
// amount is more than the ceiling; then the result is the span.
func (w Window) earliest(m Meter, c class, amount int) time.Duration {
	// The use changes only if a spent amount stops counting. In between, what is allowed
	// grows steadily.
	moments := []time.Duration{0, m.Span}
	for _, s := range w.Spent {
		if left := m.Span - s.Age; left > 0 {
			moments = append(moments, left)
		}
	}
	slices.Sort(moments)
	burst, ceiling := m.burst(), m.ceiling(c)
	for i, at := range moments {
		need := w.used(m.Span, at) + amount
		if need <= w.allowed(m, c, at) {
			return at
		}
		if c == urgent || need > ceiling || ceiling <= burst || i+1 == len(moments) {
			continue
		}
		wanted := time.Duration(int64(need-burst)*int64(m.Span)/int64(ceiling-burst)) + 1
		if then := at + wanted - w.oldest(m.Span, at); then < moments[i+1] {
			return then
		}
	}
	return m.Span
}
