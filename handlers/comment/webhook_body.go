package comment

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"net/http"

	"github.com/actions-runner-manager/actions-runner-manager/handlers"
)

const (
	// maxDelivery is the largest delivery that is read: GitHub's own limit.
	maxDelivery = 25 << 20
	// maxKept is more than a delivery about a comment can have: GitHub takes 65,536
	// characters of a comment and of an issue. Of larger ones only the signature is checked.
	maxKept = 4 << 20
	// allDeliveries is how much memory all deliveries may take together, in bytes. Anybody
	// can send one, and it has to be read whole before its signature can be judged.
	allDeliveries = 32 << 20
)

var (
	errBodyTooLarge = errors.New("the delivery is too large")
	errBusy         = errors.New("too many large deliveries at once")
)

// A delivery's body as it was read.
type deliveryBody struct {
	bytes  []byte // nil if it is larger than maxKept
	signed bool
}

// readDelivery reads the body of r and checks its signature on the way. Release, which is
// never nil, must be called once the body is not used any more.
func readDelivery(bodies *handlers.Bodies, r *http.Request, signature []byte, secrets []string) (body deliveryBody, release func(), err error) {
	if r.ContentLength > maxDelivery {
		return body, func() {}, errBodyTooLarge
	}
	check := newSignatureCheck(secrets)
	counted := &counter{r: io.TeeReader(io.LimitReader(r.Body, maxDelivery+1), check)}
	kept, release, err := bodies.Read(counted, r.ContentLength, maxKept)
	switch {
	case errors.Is(err, handlers.ErrBodiesBusy):
		return body, release, errBusy
	case errors.Is(err, handlers.ErrBodyTooLarge):
		kept = nil
		if _, err := io.Copy(io.Discard, counted); err != nil {
			return body, release, err
		}
	case err != nil:
		return body, release, err
	}
	if counted.n > maxDelivery {
		return body, release, errBodyTooLarge
	}
	return deliveryBody{bytes: kept, signed: check.matches(signature)}, release, nil
}

// A counter counts what is read.
type counter struct {
	r io.Reader
	n int64
}

// Read implements [io.Reader].
func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// A signatureCheck sums up what is written to it with each secret.
type signatureCheck []hash.Hash

// newSignatureCheck returns a check with those of the secrets that are not empty.
func newSignatureCheck(secrets []string) signatureCheck {
	var check signatureCheck
	for _, secret := range secrets {
		if secret != "" {
			check = append(check, hmac.New(sha256.New, []byte(secret)))
		}
	}
	return check
}

// Write implements [io.Writer].
func (c signatureCheck) Write(p []byte) (int, error) {
	for _, sum := range c {
		sum.Write(p)
	}
	return len(p), nil
}

// matches reports, in constant time, whether one of the secrets made the signature.
func (c signatureCheck) matches(signature []byte) bool {
	ok := false
	for _, sum := range c {
		if hmac.Equal(sum.Sum(nil), signature) {
			ok = true
		}
	}
	return ok
}
