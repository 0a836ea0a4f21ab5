package config

import (
	"errors"
	"math"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/internal/secret"
)

// setText sets v, of one of the types that keys have, to what text says. It returns
// what would have been right if text cannot be read, without repeating it.
func setText(v reflect.Value, text string, enum []string) (problem string) {
	switch target := v.Addr().Interface().(type) {
	case *secret.Text:
		*target = secret.New(strings.TrimRight(text, "\r\n"))
	case *DatabaseURL:
		*target = NewDatabaseURL(strings.TrimSpace(text))
	case *time.Duration:
		d, err := parseDuration(strings.TrimSpace(text))
		if err != nil {
			return "must be a duration with its unit, such as 25s, 5m, 24h or 7d"
		}
		*target = d
	case *netip.Prefix:
		prefix, err := parsePrefix(strings.TrimSpace(text))
		if err != nil {
			return "must be an IP address or a network such as 10.0.0.0/8"
		}
		*target = prefix
	case *bool:
		b, ok := parseBool(text)
		if !ok {
			return "must be true or false"
		}
		*target = b
	case *int, *int64:
		n, err := strconv.ParseInt(strings.TrimSpace(text), 10, v.Type().Bits())
		if err != nil {
			return "must be a whole number"
		}
		v.SetInt(n)
	case *float64:
		n, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if err != nil {
			return "must be a number"
		}
		*target = n
	case *string:
		if enum == nil {
			*target = strings.TrimSpace(text)
			return ""
		}
		value := canonical(text, enum)
		if value == "" {
			return oneOf(text, enum)
		}
		*target = value
	}
	return ""
}

// parseDuration is [time.ParseDuration] that also knows days, before other units: 7d, 1d12h.
func parseDuration(text string) (time.Duration, error) {
	const day = 24 * time.Hour
	days, rest, ok := strings.Cut(text, "d")
	if !ok {
		return time.ParseDuration(text)
	}
	n, err := strconv.ParseFloat(days, 64)
	if err != nil || !(math.Abs(n) < float64(math.MaxInt64/day)/2) {
		return 0, errNotADuration
	}
	whole := time.Duration(n * float64(day))
	if rest == "" {
		return whole, nil
	}
	part, err := time.ParseDuration(rest)
	if err != nil || whole < 0 || part < 0 || whole+part < 0 {
		return 0, errNotADuration
	}
	return whole + part, nil
}

var errNotADuration = errors.New("not a duration")

func parsePrefix(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		addr = addr.WithZone("").Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(text)
	return prefix.Masked(), err
}

// parseBool also knows what YAML 1.1 called booleans: files of old may hold it.
func parseBool(text string) (value, ok bool) {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "true", "yes", "on", "1":
		return true, true
	case "false", "no", "off", "0":
		return false, true
	}
	return false, false
}

// The legacy logger knew more names for levels.
var oldLevels = map[string]string{ //nolint:gochecknoglobals // a table that is never written
	"trace": "debug", "warning": "warn", "panic": "fatal"}

// canonical returns the value of enum that text is, or "".
func canonical(text string, enum []string) string {
	text = strings.ToLower(strings.TrimSpace(text))
	if slices.Contains(enum, text) {
		return text
	}
	if level, ok := oldLevels[text]; ok && slices.Contains(enum, level) {
		return level
	}
	return ""
}

func oneOf(text string, enum []string) string {
	problem := "must be one of " + strings.Join(enum, ", ")
	if near := nearest(text, enum); near != "" {
		problem += "; did you mean " + near + "?"
	}
	return problem
}

// A text is a value that is still to be read, and if it is set.
type text struct {
	value string
	place place
}

// splitList splits an environment variable's list.
func splitList(value string, at place) []text {
	var items []text
	for item := range strings.SplitSeq(value, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, text{item, at})
		}
	}
	return items
}
