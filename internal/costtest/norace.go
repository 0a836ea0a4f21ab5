//go:build !race

package costtest

const detector = 1
