package handlers

import (
	"errors"
	"io"
	"sync/atomic"
)

// The errors of [Bodies.Read].
var (
	ErrBodyTooLarge = errors.New("the body is too large")
	ErrBodiesBusy   = errors.New("too many bodies are being read")
)

// freeBody is how much of a body counts towards no bound, in bytes: most requests are
// smaller, and connections are bounded.
const freeBody = 16 << 10

// Bodies bounds the memory that the bodies of all requests take together. What a request
// announces takes none: memory grows as bytes arrive.
type Bodies struct{ free atomic.Int64 }

// NewBodies returns a bound of that many bytes.
func NewBodies(limit int64) *Bodies {
	b := &Bodies{}
	b.free.Store(limit)
	return b
}

// Read reads a body of at most limit bytes. The announced length, -1 if it is unknown,
// refuses early; memory for it is allocated only after the first bytes have arrived.
// Release, which is never nil, must be called once the body is not used any more.
func (b *Bodies) Read(r io.Reader, announced, limit int64) (body []byte, release func(), err error) {
	taken := int64(0)
	release = func() { b.free.Add(taken) }
	if announced > limit {
		return nil, release, ErrBodyTooLarge
	}
	for {
		if len(body) == cap(body) {
			grown := max(512, min(2*int64(cap(body)), limit+1))
			if announced >= int64(cap(body)) && cap(body) > 0 { // one byte more, to read the end of the body
				grown = min(announced+1, max(grown, freeBody))
			}
			if need := grown - freeBody; need > taken {
				if b.free.Add(-(need - taken)) < 0 {
					b.free.Add(need - taken)
					return nil, release, ErrBodiesBusy
				}
				taken = need
			}
			larger := make([]byte, len(body), grown)
			copy(larger, body)
			body = larger
		}
		n, err := r.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case int64(len(body)) > limit:
			return nil, release, ErrBodyTooLarge
		case errors.Is(err, io.EOF):
			return body, release, nil
		case err != nil:
			return nil, release, err
		}
	}
}
