package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/actions-runner-manager/actions-runner-manager/config"
	"github.com/actions-runner-manager/actions-runner-manager/handlers/comment"
)

const (
	replayTimeout = 30 * time.Second
	// maxPayload is the largest that GitHub delivers, in bytes, and the escapes of a
	// saved delivery around it.
	maxPayload = 64 << 20
	eventIs    = "X-GitHub-Event"
)

// A replay is a webhook that is sent once more.
type replay struct {
	url, event, guid string
	commentID        int64
	sample, print    bool
}

func (p *program) replayCommand() *cobra.Command {
	var r replay
	c := &cobra.Command{
		Use: "replay FILE", Short: "Sign a saved webhook payload and send it to a running server",
		Long: `Signs a saved webhook payload with the configured webhook secret, and sends it to a
running server. FILE holds the payload, or a delivery as GitHub's API returns it
(GET /app/hook/deliveries/ID); "-" reads standard input.

Instead of FILE, --sample sends the comment "/runner-group help" on issue 1 of the admin
repository; the reply appears there. --print shows the payload, to change it and to send
it from a file.

A comment that was handled already is not handled again: --comment-id makes it
another one. Exits with 0 if the server accepts the delivery (2xx), even if it
ignores it; it says which.`,
		Example: `  actions-runner-manager replay --sample
  actions-runner-manager replay --sample --print >payload.json
  actions-runner-manager replay payload.json --comment-id 42`,
		Args: func(c *cobra.Command, args []string) error {
			if r.sample {
				return noArgs(c, args)
			}
			return oneArg("FILE")(c, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if r.sample {
				return p.replaySample(cmd.Context(), r)
			}
			data, err := p.read(args[0], maxPayload)
			if err != nil {
				return err
			}
			return p.replay(cmd.Context(), args[0], data, r)
		},
	}
	flags := c.Flags()
	flags.StringVar(&r.url, "url", "", "the server's `URL`; by default the configured one, or that of the running server")
	flags.StringVar(&r.event, "event", "", "the event's `NAME` (default issue_comment, or the delivery's own)")
	flags.StringVar(&r.guid, "guid", "", "the delivery's `GUID`; a new one by default")
	flags.Int64Var(&r.commentID, "comment-id", 0, "the `ID` to give the comment")
	flags.BoolVar(&r.sample, "sample", false, "send a sample payload")
	flags.BoolVar(&r.print, "print", false, "print the payload instead of sending it")
	return c
}

// replay sends the payload in data, which is called name in messages.
func (p *program) replay(ctx context.Context, name string, data []byte, r replay) error {
	body, event, err := payloadOf(data)
	if err == nil && r.commentID != 0 {
		body, err = withCommentID(body, r.commentID)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if r.print {
		_, err = fmt.Fprintln(p.stdout, strings.TrimSpace(string(body)))
		return err
	}
	if r.event == "" {
		r.event = event
	}
	if r.guid == "" {
		r.guid = newGUID()
	}
	c, err := p.load()
	if err != nil {
		return err
	}
	if len(c.GitHub.WebhookSecrets) == 0 {
		return errors.New("github.webhookSecret: is empty, so that nothing can be signed; set it to the server's")
	}
	target, source, err := p.hookURL(r.url, c)
	if err != nil {
		return err
	}
	req, err := signed(ctx, target, body, r, c.GitHub.WebhookSecrets[0].Reveal())
	if err != nil {
		return fmt.Errorf("--url: %w", err)
	}
	return p.send(req, r, source)
}

// payloadOf returns the payload to send, as it was saved, and its event.
func payloadOf(data []byte) (body []byte, event string, err error) {
	var saved struct {
		Event   string `json:"event"`
		Request *struct {
			Headers map[string]any  `json:"headers"`
			Payload json.RawMessage `json:"payload"`
		} `json:"request"`
	}
	if err := json.Unmarshal(data, &saved); err != nil {
		return nil, "", fmt.Errorf("is no webhook payload in JSON: %w", err)
	}
	event = "issue_comment"
	if saved.Request == nil || saved.Request.Payload == nil {
		return data, event, nil
	}
	if saved.Event != "" {
		event = saved.Event
	}
	for name, value := range saved.Request.Headers {
		if text, ok := value.(string); ok && strings.EqualFold(name, eventIs) {
			event = text
		}
	}
	return saved.Request.Payload, event, nil
}

// withCommentID gives the comment of a payload another id. All else stays, large
// numbers too.
func withCommentID(body []byte, id int64) ([]byte, error) {
	var payload, comment map[string]json.RawMessage
	if err := json.Unmarshal(body, &payload); err != nil {
		return nil, fmt.Errorf("is no webhook payload in JSON: %w", err)
	}
	if err := json.Unmarshal(payload["comment"], &comment); err != nil || comment == nil {
		return nil, errors.New("--comment-id: the payload has no comment")
	}
	comment["id"] = fmt.Append(nil, id)
	var err error
	if payload["comment"], err = json.Marshal(comment); err != nil {
		return nil, err
	}
	return json.Marshal(payload)
}

// hookURL returns where the server takes webhooks, and what names that. at is the value of
// --url, which may have the path already.
func (p *program) hookURL(at string, c *config.Config) (target, source string, err error) {
	configured := c.Server.PublicURL != ""
	if source, err = p.locate(&c.Server, c.Database.URL, at); err != nil {
		return "", "", err
	}
	if c.Server.PublicURL == "" {
		return "", "", errNotFound
	}
	if at == "" && configured {
		source = "server.publicURL says it is"
	}
	return strings.TrimSuffix(strings.TrimRight(or(at, c.Server.PublicURL), "/"), comment.WebhookPath) + comment.WebhookPath, source, nil
}

// signed is the webhook as GitHub would send it.
func signed(ctx context.Context, target string, body []byte, r replay, secret string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "actions-runner-manager-replay")
	req.Header.Set(eventIs, r.event)
	req.Header.Set("X-GitHub-Delivery", r.guid)
	req.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	return req, nil
}

// send sends the webhook to where the source says that the server is.
func (p *program) send(req *http.Request, r replay, source string) error {
	ctx, cancel := context.WithTimeout(req.Context(), replayTimeout)
	defer cancel()
	resp, err := clientFor(req.URL).Do(req.WithContext(ctx))
	if err != nil {
		return unanswered(err, req.URL.Host, source)
	}
	defer resp.Body.Close()
	return p.report(resp, r)
}

// report says in words what became of the delivery.
func (p *program) report(resp *http.Response, r replay) error {
	text, err := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	if err != nil {
		return fmt.Errorf("read the server's answer: %w", err)
	}
	var answer struct{ Outcome, Detail string }
	_ = json.Unmarshal(text, &answer) // another server's answer is shown as it is
	said := answer.Detail
	switch answer.Outcome {
	case comment.OutcomeAccepted:
		said = "accepted: the answer will be a comment on the issue"
	case comment.OutcomeDuplicate:
		said = "duplicate: this comment, or a delivery of this GUID, was handled already, so nothing happens; --comment-id makes it another comment"
	case comment.OutcomeIgnored:
		said = "ignored: " + or(answer.Detail, "the event is none that the server acts on")
	case "":
		said = strings.TrimSpace(string(text))
	default:
		said = answer.Outcome + ": " + said
	}
	line := fmt.Sprintf("%s: %s (%s, delivery %s)", resp.Status, said, r.event, r.guid)
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		if resp.StatusCode == http.StatusUnauthorized {
			line += "; github.webhookSecret must be the one that the server has"
		}
		return errors.New(line)
	}
	fmt.Fprintln(p.stdout, line)
	return nil
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// newGUID makes a delivery's GUID, a random UUID.
func newGUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
