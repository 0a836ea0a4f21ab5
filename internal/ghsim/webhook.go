package ghsim

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // GitHub still sends this signature beside the better one
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// maxDeliveries bounds what a server that runs for days remembers.
const maxDeliveries = 10_000

// DeliverOptions say how a delivery made with [Server.Deliver] differs from an ordinary one.
type DeliverOptions struct {
	App      string      // slug; default: the first App
	URL      string      // default: the App's hook URL
	GUID     string      // default: a new one
	Secret   string      // to sign with; default: the App's
	Unsigned bool        // send no signature
	SHA1Only bool        // send only the old signature
	Header   http.Header // set last, so it may replace any header
}

// Deliver sends any payload as a webhook, waits for the answer and returns the
// delivery as GitHub records it. A payload of type []byte or string is sent as
// it is; anything else is encoded as JSON.
func (s *Server) Deliver(ctx context.Context, event string, payload any, opts DeliverOptions) (Delivery, error) {
	var body []byte
	switch p := payload.(type) {
	case []byte:
		body = p
	case string:
		body = []byte(p)
	default:
		var err error
		if body, err = json.Marshal(payload); err != nil {
			return Delivery{}, fmt.Errorf("encode the payload of %s: %w", event, err)
		}
	}
	s.mu.Lock()
	app := s.state.App(opts.App)
	if opts.App == "" && len(s.state.Apps) > 0 {
		app = s.state.Apps[0]
	}
	if app == nil {
		s.mu.Unlock()
		return Delivery{}, fmt.Errorf("deliver %s: App %q: %w", event, opts.App, errNothing)
	}
	d := &Delivery{GUID: opts.GUID, App: app, Event: event, Payload: body}
	done := s.send(d, opts) //nolint:contextcheck // a delivery outlives who waits for it
	s.mu.Unlock()
	select {
	case <-done:
	case <-ctx.Done():
		return Delivery{}, fmt.Errorf("deliver %s: %w", event, ctx.Err())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return *d, nil
}

// PauseDeliveries makes every delivery fail without being sent, as when the
// receiver is down; they can be redelivered later.
func (s *Server) PauseDeliveries(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pauseHooks = on
}

// SetHookURL sends the webhooks of all Apps there from now on.
func (s *Server) SetHookURL(url string) {
	s.Update(func(st *State) {
		for _, a := range st.Apps {
			a.HookURL = url
		}
	})
}

// Deliveries are copies of all deliveries, the oldest first.
func (s *Server) Deliveries() []Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Delivery, 0, len(s.state.Deliveries))
	for _, d := range s.state.Deliveries {
		all = append(all, *d)
	}
	return all
}

// Wait waits until no delivery is on its way.
func (s *Server) Wait(ctx context.Context) error {
	for {
		s.mu.Lock()
		n, changed := s.inFlight, s.watch()
		s.mu.Unlock()
		if n == 0 {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("%d webhook deliveries are still on their way: %w", n, ctx.Err())
		}
	}
}

// Close breaks off the deliveries that are on their way and the pages that
// watch for changes. No more deliveries are sent.
func (s *Server) Close() {
	s.mu.Lock()
	s.pauseHooks, s.closed = true, true
	s.touch()
	for _, cancel := range s.cancels {
		cancel()
	}
	s.mu.Unlock()
	_ = s.Wait(context.Background()) // ends: all were cancelled
}

// watch gives a channel that is closed at the next change. The caller holds the lock.
func (s *Server) watch() <-chan struct{} {
	if s.changed == nil {
		s.changed = make(chan struct{})
	}
	return s.changed
}

// issueEvent notifies all Apps that cover the repository of a change of a comment. The caller holds the lock.
func (s *Server) issueEvent(action string, r *Repo, i *Issue, cm *Comment, sender *User, changes obj) {
	c := s.renderer()
	for _, app := range s.state.Apps {
		for _, inst := range app.Installations {
			if inst.Org != r.Org || !inst.SuspendedAt.IsZero() || !slices.Contains(inst.Events, "issue_comment") || inst.Repos != nil && !slices.Contains(inst.Repos, r.ID) {
				continue
			}
			payload := obj{
				"action": action, "issue": c.issue(r, i), "comment": c.comment(r, i, cm), "repository": c.hookRepo(r),
				"organization": c.orgSimple(r.Org), "sender": c.user(sender), "installation": obj{"id": inst.ID, "node_id": node("MDI", inst.ID)},
			}
			if changes != nil {
				payload["changes"] = changes
			}
			body, err := json.Marshal(payload)
			if err != nil {
				panic(err) // our own maps always encode
			}
			s.send(&Delivery{App: app, Event: "issue_comment", Action: action, InstallationID: inst.ID, RepositoryID: r.ID, Payload: body}, DeliverOptions{})
		}
	}
}

// renderer renders outside of a request, for webhooks.
func (s *Server) renderer() *call {
	return &call{s: s, st: &s.state, base: pick(strings.TrimSuffix(s.URL, "/"), pick(s.base, "http://localhost"))}
}

// hookRepo is a repository as webhooks show it.
func (c *call) hookRepo(r *Repo) obj {
	o := c.fullRepo(r)
	o["custom_properties"] = obj{}
	return o
}

// send starts a delivery; the channel is closed when it has ended. The caller holds the lock.
func (s *Server) send(d *Delivery, opts DeliverOptions) <-chan struct{} {
	d.ID, d.DeliveredAt, d.GUID = s.state.id("delivery"), s.now(), pick(d.GUID, pick(opts.GUID, newGUID()))
	if len(s.state.Deliveries) >= maxDeliveries {
		s.state.Deliveries = slices.Clone(s.state.Deliveries[maxDeliveries/2:])
	}
	done := make(chan struct{})
	url := pick(opts.URL, d.App.HookURL)
	header := s.hookHeader(d, opts)
	d.RequestHeader = flat(header)
	s.state.Deliveries = append(s.state.Deliveries, d)
	if url == "" || s.pauseHooks {
		d.Done, d.Status, d.StatusCode = true, "failed to connect to host", http.StatusBadGateway
		close(done)
		return done
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.webhookTimeout())
	if s.cancels == nil {
		s.cancels = map[*Delivery]context.CancelFunc{}
	}
	s.cancels[d] = cancel
	s.inFlight++
	client := s.hookClient()
	go func() {
		defer close(done)
		start := time.Now()
		got := post(ctx, client, url, header, d.Payload)
		cancel()
		s.mu.Lock()
		defer s.mu.Unlock()
		d.Done, d.Duration, d.Status, d.StatusCode, d.ResponseHeader, d.ResponseBody = true, time.Since(start), got.status, got.code, got.header, got.body
		delete(s.cancels, d)
		s.inFlight--
		s.touch()
	}()
	return done
}

func (s *Server) webhookTimeout() time.Duration {
	if s.WebhookTimeout > 0 {
		return s.WebhookTimeout
	}
	return 10 * time.Second
}

// hookClient never follows a redirect, as GitHub does not. The receiver of a
// demo or a test has a certificate that nobody signed, so none is verified.
func (s *Server) hookClient() *http.Client {
	if s.WebhookClient == nil {
		s.WebhookClient = &http.Client{
			Transport:     &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, MaxIdleConnsPerHost: 20, IdleConnTimeout: 10 * time.Second}, //nolint:gosec // see above
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	return s.WebhookClient
}

// hookHeader makes the headers of a delivery.
// https://docs.github.com/webhooks/webhook-events-and-payloads#delivery-headers
func (s *Server) hookHeader(d *Delivery, opts DeliverOptions) http.Header {
	h := http.Header{}
	h.Set("Accept", "*/*")
	h.Set("Content-Type", "application/json")
	h.Set("User-Agent", "GitHub-Hookshot/sim")
	h.Set("X-GitHub-Event", d.Event)
	h.Set("X-GitHub-Delivery", d.GUID)
	h.Set("X-GitHub-Hook-ID", itoa(d.App.HookID))
	h.Set("X-GitHub-Hook-Installation-Target-ID", itoa(d.App.ID))
	h.Set("X-GitHub-Hook-Installation-Target-Type", "integration")
	if secret := pick(opts.Secret, d.App.WebhookSecret); secret != "" && !opts.Unsigned {
		h.Set("X-Hub-Signature", "sha1="+sign(sha1.New, secret, d.Payload))
		if !opts.SHA1Only {
			h.Set("X-Hub-Signature-256", "sha256="+sign(sha256.New, secret, d.Payload))
		}
	}
	for name, values := range opts.Header {
		h[http.CanonicalHeaderKey(name)] = values
	}
	return h
}

func sign(algorithm func() hash.Hash, secret string, body []byte) string {
	mac := hmac.New(algorithm, []byte(secret))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// received is what came of a delivery.
type received struct {
	status string
	code   int
	header map[string]string
	body   string
}

func post(ctx context.Context, client *http.Client, url string, header http.Header, body []byte) received {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return received{status: "invalid URL", code: http.StatusBadGateway}
	}
	req.Header = header.Clone()
	resp, err := client.Do(req)
	if err != nil {
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			return received{status: "timed out", code: http.StatusGatewayTimeout}
		}
		return received{status: "failed to connect to host", code: http.StatusBadGateway}
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return received{status: "timed out", code: http.StatusGatewayTimeout}
	}
	got := received{status: "OK", code: resp.StatusCode, header: flat(resp.Header), body: string(text)}
	if got.code < 200 || got.code >= 300 {
		got.status = fmt.Sprintf("Invalid HTTP Response: %d", got.code)
	}
	return got
}

// ok reports whether GitHub counts the delivery as a success.
func (d *Delivery) ok() bool { return d.StatusCode >= 200 && d.StatusCode < 400 }

func flat(h http.Header) map[string]string {
	m := map[string]string{}
	for name, values := range h {
		m[name] = strings.Join(values, ", ")
	}
	return m
}

func jsonObject(data []byte) any {
	var o obj
	if json.Unmarshal(data, &o) != nil {
		return obj{}
	}
	return o
}

// newGUID is a random UUID, as X-GitHub-Delivery has it.
func newGUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
