package handlers

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBodies(t *testing.T) {
	const limit = 1 << 20
	b := NewBodies(2 * limit)
	for _, size := range []int{0, 1, 511, 512, 513, freeBody, freeBody + 1, limit - 1, limit} {
		text := strings.Repeat("x", size)
		body, release, err := b.Read(iotest.HalfReader(strings.NewReader(text)), int64(size), limit)
		require.NoError(t, err, size)
		assert.Equal(t, text, string(body))
		release()
	}
	assert.EqualValues(t, 2*limit, b.free.Load(), "all is given back")

	_, release, err := b.Read(strings.NewReader(""), limit+1, limit)
	assert.ErrorIs(t, err, ErrBodyTooLarge)
	release()
	_, release, err = b.Read(io.LimitReader(zeros{}, limit+1), -1, limit)
	assert.ErrorIs(t, err, ErrBodyTooLarge)
	release()
	_, release, err = b.Read(iotest.ErrReader(errors.New("cut off")), 5, limit)
	assert.ErrorContains(t, err, "cut off")
	release()
	assert.EqualValues(t, 2*limit, b.free.Load(), "also after an error")
}

// What is announced takes no memory, and all bodies together not more than the bound.
func TestBodiesAreBounded(t *testing.T) {
	b := NewBodies(1 << 20)
	var releases []func()
	for range 200 {
		_, release, err := b.Read(bytes.NewReader(make([]byte, 100)), 900_000, 1<<20)
		require.NoError(t, err)
		releases = append(releases, release)
	}
	assert.EqualValues(t, 1<<20, b.free.Load())
	busy := 0
	for range 8 {
		_, release, err := b.Read(io.LimitReader(zeros{}, 500_000), -1, 1<<20)
		if errors.Is(err, ErrBodiesBusy) {
			busy++
		}
		releases = append(releases, release)
	}
	assert.Positive(t, busy)
	for _, release := range releases {
		release()
	}
	assert.EqualValues(t, 1<<20, b.free.Load())
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }
