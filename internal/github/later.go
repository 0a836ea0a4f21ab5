package github

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// secondaryWait is how long to wait for a secondary rate limit if GitHub's answer has no
// Retry-After. GitHub documents "at least one minute".
const secondaryWait = time.Minute

// laterWords are what GitHub's messages say if a request is refused for now only, in lower
// case and by status. GitHub documents only that a message "indicates that you exceeded a
// secondary rate limit" (https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit);
// the words are from answers that others reported. The test has those in full.
func laterWords() map[int][]string {
	limited := []string{"rate limit", "abuse detection", "temporarily blocked from content creation", "retry your request again later"}
	return map[int][]string{
		http.StatusForbidden:           limited,
		http.StatusUnprocessableEntity: append([]string{"submitted too quickly", "base abuse"}, limited...), // the latter as withDetails writes it
	}
}

// retryAfter returns how long GitHub asks to wait, or 0 if it does not ask. The order is
// that of GitHub's documentation: Retry-After (seconds or a date), the reset if the
// primary limit is used up, a minute for a secondary limit.
func retryAfter(status int, header http.Header, message string, now time.Time) time.Duration {
	if wait, ok := parseRetryAfter(header.Get("Retry-After"), now); ok {
		return wait
	}
	if status != http.StatusUnprocessableEntity && isLimitStatus(status) && header.Get(keptPrefix+rateRemaining) == "0" {
		if reset, err := strconv.ParseInt(header.Get(keptPrefix+rateReset), 10, 64); err == nil {
			return atLeastASecond(time.Unix(reset, 0).Sub(now))
		}
		return secondaryWait
	}
	message = strings.ToLower(message)
	if status == http.StatusTooManyRequests || slices.ContainsFunc(laterWords()[status], func(words string) bool { return strings.Contains(message, words) }) {
		return secondaryWait
	}
	return 0
}

// isLimitStatus reports whether a rate limit may be answered with this status.
func isLimitStatus(status int) bool {
	return status == http.StatusForbidden || status == http.StatusTooManyRequests || status == http.StatusUnprocessableEntity
}

// closedWords are what GitHub's 403 says if nobody can write there, so that no permission
// of the App would help, in lower case.
func closedWords() []string {
	return []string{"issue is locked", "commenting is disabled on issues", "archived so is read-only"}
}

// isClosed reports whether a 403 means that nobody can write there.
func isClosed(status int, message string) bool {
	message = strings.ToLower(message)
	return status == http.StatusForbidden && slices.ContainsFunc(closedWords(), func(words string) bool { return strings.Contains(message, words) })
}

func parseRetryAfter(value string, now time.Time) (time.Duration, bool) {
	value = strings.TrimSpace(value)
	if value == "" {
		return 0, false
	}
	if seconds, err := strconv.Atoi(value); err == nil {
		return atLeastASecond(time.Duration(seconds) * time.Second), true
	}
	if at, err := http.ParseTime(value); err == nil {
		return atLeastASecond(at.Sub(now)), true
	}
	return 0, false
}

// atLeastASecond distinguishes "now" from 0, which means that GitHub did not say.
func atLeastASecond(d time.Duration) time.Duration { return max(d, time.Second) }
