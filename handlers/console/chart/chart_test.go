package chart_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/handlers/console/chart"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// maxBytes is how large a chart may be, whatever the samples are.
const maxBytes = 15_000

func now() time.Time { return time.Date(2026, 11, 26, 18, 43, 0, 0, time.UTC) }

// sample is how many runners were idle, busy and offline that long ago.
func sample(ago time.Duration, idle, busy, offline int) store.Sample {
	return store.Sample{
		At: now().Add(-ago), Idle: float64(idle), Busy: float64(busy), Offline: float64(offline),
		MostIdle: idle, MostBusy: busy, MostOffline: offline,
	}
}

// every5 returns polls every five minutes from that long ago until that long ago.
func every5(from, until time.Duration, idle, busy, offline int) []store.Sample {
	var all []store.Sample
	for ago := from; ago >= until; ago -= 5 * time.Minute {
		all = append(all, sample(ago, idle, busy, offline))
	}
	return all
}

func data(name string, polls ...store.Sample) chart.Data {
	return chart.Data{Range: chart.ParseRange(name), Now: now(), Interval: 5 * time.Minute, Polled: now(), Polls: polls}
}

func draw(t testing.TB, d chart.Data) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, chart.Fleet(d).Render(&b))
	return b.String()
}

// text returns what is written in the chart, without elements.
func text(t testing.TB, drawn string) string {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(drawn))
	var words strings.Builder
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return words.String()
		}
		require.NoError(t, err, drawn)
		if data, ok := token.(xml.CharData); ok {
			words.Write(data)
			words.WriteByte('\n')
		}
	}
}

func TestFleet(t *testing.T) {
	const day = 24 * time.Hour
	hours := func(from, until, idle, busy, most int) []store.Sample {
		var all []store.Sample
		for ago := from; ago >= until; ago-- {
			s := sample(0, idle, busy, 0)
			s.At, s.MostBusy = now().Truncate(time.Hour).Add(-time.Duration(ago)*time.Hour), most
			all = append(all, s)
		}
		return all
	}
	tests := []struct {
		name      string
		data      chart.Data
		want, not []string
	}{
		{
			"never polled",
			chart.Data{Range: chart.ParseRange(""), Now: now(), Interval: 5 * time.Minute},
			[]string{"There is no history yet", "every 5 minutes"},
			[]string{"svg"},
		},
		{
			"the server does not poll",
			chart.Data{Range: chart.ParseRange("7d"), Now: now()},
			[]string{"does not poll runners (fleet.pollInterval is 0)"},
			[]string{"svg", "appear soon"},
		},
		{
			"polled before the time that is shown",
			chart.Data{Range: chart.ParseRange("24h"), Now: now(), Interval: time.Minute, Polled: now().Add(-3 * day)},
			[]string{"No data in the last 24 hours", "Mon 23 Nov 18:43 UTC"},
			[]string{"svg"},
		},
		{
			"no runner at any time, for a part of the day", data("24h", every5(2*time.Hour, 0, 0, 0, 0)...),
			[]string{"No runner was seen in the last 24 hours.", "No data before Thu 26 Nov"},
			[]string{"svg", "Hatched"},
		},
		{
			"a whole day without a gap", data("24h", every5(25*time.Hour, 0, 3, 2, 1)...),
			[]string{"average 3, most 3", "average 2, most 2", "average 1, most 1", "Times are UTC", "15:00", "Thu 26"},
			[]string{"No data", "no data", "Hatched"},
		},
		{
			"a gap between two polls", data("24h", append(every5(25*time.Hour, 5*time.Hour, 3, 2, 0), every5(3*time.Hour, 0, 3, 2, 0)...)...),
			[]string{"No data from Thu 26 Nov 13:48 to Thu 26 Nov 15:43.", "Hatched: no data", "average 2, most 2", "none"},
			nil,
		},
		{
			"a restart of the server is no gap", data("24h", append(every5(25*time.Hour, 3*time.Hour, 3, 2, 0), every5(3*time.Hour-15*time.Minute, 0, 3, 2, 0)...)...),
			nil,
			[]string{"No data"},
		},
		{
			"a group that is new", data("24h", every5(2*time.Hour, 0, 1, 0, 0)...),
			[]string{"No data before Thu 26 Nov 16:43."},
			nil,
		},
		{
			"the poller stopped",
			chart.Data{Range: chart.ParseRange("24h"), Now: now(), Polled: now().Add(-2 * time.Hour), Polls: every5(25*time.Hour, 2*time.Hour, 1, 0, 0)},
			[]string{"No data since Thu 26 Nov 16:48.", "does not poll runners at present"},
			nil,
		},
		{
			"one poll a moment ago", data("24h", sample(time.Minute, 0, 1, 0)),
			[]string{"No data before Thu 26 Nov 18:42.", "average 1, most 1"},
			nil,
		},
		{
			"many gaps: the longest are named", data("24h", sample(23*time.Hour, 1, 1, 1), sample(20*time.Hour, 1, 1, 1), sample(16*time.Hour, 1, 1, 1), sample(8*time.Hour, 1, 1, 1), sample(7*time.Hour, 1, 1, 1), sample(time.Minute, 1, 1, 1)),
			[]string{"No data from Wed 25 Nov 22:48 to Thu 26 Nov 02:43, from Thu 26 Nov 02:48 to Thu 26 Nov 10:43, from Thu 26 Nov 11:48 to Thu 26 Nov 18:42, and in 3 shorter gaps."},
			nil,
		},
		{
			"hours, and since the last of them polls", func() chart.Data {
				d := data("7d", every5(43*time.Minute, 0, 4, 2, 0)...)
				d.Hours = hours(7*24, 1, 4, 2, 6)
				return d
			}(),
			[]string{"average 4, most 4", "average 2, most 6 (Thu 17:00)", "Fri 20"},
			[]string{"No data"},
		},
		{
			"a peak of one hour in a month", func() chart.Data {
				d := data("30d", every5(43*time.Minute, 0, 4, 0, 0)...)
				d.Hours = hours(30*24, 1, 4, 0, 0)
				d.Hours[300].MostBusy, d.Hours[300].Busy = 40, .1
				return d
			}(),
			[]string{"average under 0.1, most 40 (9 Nov 04:00)", "23 Nov"},
			[]string{"No data"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			drawn := draw(t, tt.data)
			said := text(t, drawn)
			for _, want := range tt.want {
				assert.Contains(t, said, want)
			}
			for _, not := range tt.not {
				assert.NotContains(t, drawn, not)
			}
			assert.Equal(t, 3, strings.Count(drawn, "?range="), "links to every range")
			assert.Equal(t, 1, strings.Count(drawn, "aria-current"))
			assert.NotContains(t, drawn, "style=", "the policy allows none")
			assert.Less(t, len(drawn), maxBytes)
		})
	}
}

// Someone who does not see the drawing hears its figures, and finds a table.
func TestFleetIsAccessible(t *testing.T) {
	drawn := draw(t, data("24h", every5(10*time.Hour, 0, 3, 2, 1)...))
	assert.Contains(t, drawn, `role="img" aria-labelledby="chart-title chart-desc"`)
	assert.Contains(t, drawn, `<desc id="chart-desc">Idle: average 3, most 3 (Thu 18:40). Busy: average 2, most 2 (Thu 18:40).`)
	said := text(t, drawn)
	assert.Equal(t, 12, strings.Count(drawn, `<th scope="row">`), "eleven hours, and what was before")
	assert.Contains(t, said, "Thu 26 Nov 12:00\n3\n2\n1\n")
	assert.Contains(t, said, "Wed 25 Nov 18:00\nno data until Thu 26 Nov 08:00\n")
}

// What is drawn: a peak reaches the top, nothing is drawn where nothing is known, none is a line
// on the base, and one of many stays visible.
func TestFleetPaths(t *testing.T) {
	polls := append(every5(24*time.Hour, 12*time.Hour, 0, 100, 1), every5(6*time.Hour, 0, 0, 50, 1)...)
	drawn := draw(t, data("24h", polls...))
	assert.Contains(t, drawn, `class="most" d="M0 0h72M107 50h37"`, "busy")
	assert.Contains(t, drawn, `class="most" d="M0 100h72M107 100h37"`, "idle")
	assert.Contains(t, drawn, `class="most" d="M0 95h72M107 95h37"`, "offline")
	assert.Contains(t, drawn, `class="mean" d="M0 100V0h72V100zM107 100V50h37V100z"`, "busy")
}

func TestRanges(t *testing.T) {
	for _, r := range chart.Ranges() {
		assert.Equal(t, r, chart.ParseRange(r.Name))
	}
	for _, name := range []string{"", "1h", "24H", "7d ", "<script>"} {
		assert.Equal(t, "24h", chart.ParseRange(name).Name, "%q", name)
	}
}

// The largest charts: every step differs from the one before, by as much as it can.
func TestFleetSize(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for _, r := range chart.Ranges() {
		d := data(r.Name)
		for i := range 30 * 24 {
			s := sample(0, 0, 0, 0)
			s.At = now().Truncate(time.Hour).Add(-time.Duration(i+1) * time.Hour)
			s.Idle, s.Busy, s.Offline = random.Float64()*1e5, random.Float64()*1e5, random.Float64()*1e5
			s.MostIdle, s.MostBusy, s.MostOffline = 100_000-random.IntN(100)*900, 100_000-random.IntN(100)*900, 100_000-random.IntN(100)*900
			d.Hours = append(d.Hours, s)
		}
		for i := range 48 * 60 {
			d.Polls = append(d.Polls, sample(time.Duration(i)*time.Minute, random.IntN(100_000), random.IntN(100_000), random.IntN(100_000)))
		}
		if r.Name == "24h" {
			d.Hours = nil
		}
		drawn := draw(t, d)
		assert.Less(t, len(drawn), maxBytes, r.Name)
		text(t, drawn)
		d.Polls = nil
		for i := range d.Hours { // each second hour is missing
			d.Hours[i].At = d.Hours[i].At.Add(-time.Duration(i) * time.Hour)
		}
		drawn = draw(t, d)
		assert.Less(t, len(drawn), maxBytes, "%s with gaps", r.Name)
		text(t, drawn)
	}
}

func FuzzFleet(f *testing.F) {
	f.Add("24h", int64(300), int64(0), 1.5, 2, int64(600), -4, uint8(3))
	f.Add("30d", int64(-5), int64(1<<40), math.Inf(1), math.MaxInt, int64(0), math.MinInt, uint8(200))
	f.Add("7d", int64(math.MinInt64), int64(7), math.NaN(), 1, int64(math.MaxInt64), 0, uint8(90))
	f.Fuzz(func(t *testing.T, name string, interval, first int64, mean float64, most int, apart int64, more int, n uint8) {
		d := data(name)
		d.Interval = time.Duration(interval)
		for i := range int64(n) {
			s := store.Sample{
				At: now().Add(-time.Duration(first + i*apart)), Idle: mean, Busy: -mean, Offline: mean * float64(i),
				MostIdle: most, MostBusy: more, MostOffline: most + more,
			}
			if i%3 == 0 {
				d.Hours = append(d.Hours, s)
			} else {
				d.Polls = append(d.Polls, s)
			}
		}
		drawn := draw(t, d)
		assert.Less(t, len(drawn), maxBytes)
		said := text(t, drawn)
		assert.NotContains(t, said, "NaN")
		assert.NotContains(t, said, "Inf")
		assert.NotContains(t, drawn, "v--")
	})
}
