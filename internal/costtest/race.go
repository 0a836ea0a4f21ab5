//go:build race

package costtest

// detector is how many times as many bytes are allocated under the race detector: it lets
// pools forget what they hold, those of regular expressions among them.
const detector = 20
