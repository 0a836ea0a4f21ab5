package comment

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"sync"
)

const (
	// maxDelivery is the largest delivery that is read: GitHub's own limit.
	maxDelivery = 25 << 20
	// smallDelivery is what a delivery that concerns us stays far below.
	smallDelivery = 1 << 20
	// maxLargeDeliveries is how many larger ones are read at once. Anybody can send
	// one, and it has to be read whole before its signature can be judged.
	maxLargeDeliveries = 4
)

var (
	errBodyTooLarge = errors.New("the delivery is too large")
	errBusy         = errors.New("too many large deliveries at once")
)

// A bodyReader reads deliveries into buffers that are used again, and bounds the
// memory that all of them take together.
type bodyReader struct {
	buffers sync.Pool
	large   chan struct{}
}

func newBodyReader() *bodyReader {
	return &bodyReader{
		buffers: sync.Pool{New: func() any { return new(bytes.Buffer) }},
		large:   make(chan struct{}, maxLargeDeliveries),
	}
}

// read returns the body of r, which is valid until done is called. Done must be
// called in any case.
func (b *bodyReader) read(r *http.Request) (body []byte, done func(), err error) {
	buffer, ok := b.buffers.Get().(*bytes.Buffer)
	if !ok {
		buffer = new(bytes.Buffer)
	}
	isLarge := false
	done = func() {
		if isLarge {
			<-b.large // the large buffer goes to the garbage collector
			return
		}
		buffer.Reset()
		b.buffers.Put(buffer)
	}
	if r.ContentLength > maxDelivery {
		return nil, done, errBodyTooLarge
	}
	if n := r.ContentLength; n > 0 && n <= smallDelivery {
		buffer.Grow(int(n) + bytes.MinRead)
	}
	if _, err := buffer.ReadFrom(io.LimitReader(r.Body, smallDelivery)); err != nil {
		return nil, done, err
	}
	if buffer.Len() < smallDelivery {
		return buffer.Bytes(), done, nil
	}
	select {
	case b.large <- struct{}{}:
		isLarge = true
	default:
		return nil, done, errBusy
	}
	if _, err := buffer.ReadFrom(io.LimitReader(r.Body, maxDelivery-smallDelivery+1)); err != nil {
		return nil, done, err
	}
	if buffer.Len() > maxDelivery {
		return nil, done, errBodyTooLarge
	}
	return buffer.Bytes(), done, nil
}
