package comment

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/palantir/go-githubapp/githubapp"
	"github.com/rs/zerolog"

	"github.com/actions-runner-manager/actions-runner-manager/handlers"
)

// WebhookPath is the path to which GitHub delivers webhooks.
const WebhookPath = "/api/github/hook"

// The outcomes of a delivery, as they are counted and answered.
const (
	OutcomeAccepted  = "accepted"  // holds commands, and is stored
	OutcomeDuplicate = "duplicate" // was accepted before
	OutcomeIgnored   = "ignored"   // is none of ours
	OutcomeRefused   = "refused"   // is not signed as it must be, or too large
	OutcomeMalformed = "malformed" // is signed and cannot be read
	OutcomeFailed    = "failed"    // could not be stored: GitHub must deliver it again
)

// A WebhookOrg is an organization whose admin repository takes commands.
type WebhookOrg struct {
	Org       string // its login
	AdminRepo string // the repository's name, without the owner; empty: no comment commands
	Trigger   string // the word that commands begin with, behind the slash; empty: the default
	// InstallationID returns the App's installation there; 0 while it is not known.
	InstallationID func() int64
	// Name returns the organization's name as GitHub last gave it.
	Name func() string
	// IsInstallation asks GitHub if that is the App's installation there, which it is after
	// the App was installed again; it bounds how often it asks. Refresh looks it up again.
	IsInstallation func(ctx context.Context, id int64) (bool, error)
	Refresh        func(ctx context.Context) error
	// OrgID returns the organization's id, which it keeps under a new name; 0 while it is
	// not known.
	OrgID func() int64
}

// WebhookOptions is what the webhook is made of.
type WebhookOptions struct {
	// Secrets returns the secrets that a delivery may be signed with; none: all are refused.
	Secrets func() []string
	AppID   func() int64 // the App's, whose own comments are no commands; 0: not known yet
	Orgs    []WebhookOrg
	// Accept stores a comment for the delivery of that GUID. Once it returns without
	// an error the comment is never lost. Fresh is false if the delivery or the
	// comment was stored before.
	Accept func(ctx context.Context, guid string, comment Comment) (fresh bool, err error)
	// Parsing, if set, is called before a long text is parsed, with a name of it, and the
	// function that it returns after that. Crashed means that an earlier call for that name has
	// no end: the process ended. If another process may be at it, it fails.
	Parsing func(ctx context.Context, name, guid string) (parsed func(), crashed bool, err error)
	// Observe, if set, is called with the outcome of every delivery.
	Observe func(outcome string)
	Logger  zerolog.Logger
}

// A webhook verifies deliveries before anything of them is decoded, leaves those
// aside that cannot hold a command, and gives the rest to go-githubapp's dispatcher.
type webhook struct {
	WebhookOptions
	bodies   *handlers.Bodies
	events   http.Handler
	wants    map[string]func(body []byte) bool // by event: which deliveries are decoded
	triggers []trigger                         // of all organizations
}

// An eventHandler handles the deliveries of an event. Those that it does not want are ignored
// without being decoded.
type eventHandler interface {
	githubapp.EventHandler
	wants(body []byte) bool
}

// eventHandlers lists the handlers of all events that are not ignored.
func (h *webhook) eventHandlers() []eventHandler {
	return []eventHandler{commentEvents{h}, installationEvents{h}}
}

// NewWebhook returns the handler of GitHub's deliveries, for [WebhookPath]. Its
// answers are JSON, {"outcome":"accepted"}, with a "detail" if it says more.
func NewWebhook(o WebhookOptions) http.Handler {
	if o.Observe == nil {
		o.Observe = func(string) {}
	}
	if o.AppID == nil {
		o.AppID = func() int64 { return 0 }
	}
	w := &webhook{WebhookOptions: o, bodies: handlers.NewBodies(allDeliveries), wants: map[string]func([]byte) bool{}}
	for _, org := range o.Orgs {
		if t := triggerOf(org.Trigger); !slices.Contains(w.triggers, t) {
			w.triggers = append(w.triggers, t)
		}
	}
	var listed []githubapp.EventHandler
	for _, handler := range w.eventHandlers() {
		listed = append(listed, handler)
		for _, event := range handler.Handles() {
			w.wants[event] = handler.wants
		}
	}
	// The secret is empty since the signature was verified before; the dispatcher
	// knows but one secret, and would take SHA-1.
	w.events = githubapp.NewEventDispatcher(listed, "",
		githubapp.WithScheduler(durableScheduler{}),
		githubapp.WithErrorCallback(w.failed))
	return w
}

// ServeHTTP answers a delivery.
func (h *webhook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		h.answer(w, http.StatusMethodNotAllowed, OutcomeRefused, "deliveries are sent by POST")
		return
	}
	secrets := h.Secrets()
	if len(secrets) == 0 {
		h.answer(w, http.StatusServiceUnavailable, OutcomeRefused, "no webhook secret is configured")
		return
	}
	signature, ok := signatureOf(r.Header)
	if !ok {
		h.answer(w, http.StatusUnauthorized, OutcomeRefused, "the header X-Hub-Signature-256 is missing or malformed")
		return
	}
	body, release, err := readDelivery(h.bodies, r, signature, secrets)
	defer release()
	switch {
	case errors.Is(err, errBodyTooLarge):
		w.Header().Set("Connection", "close")
		h.answer(w, http.StatusRequestEntityTooLarge, OutcomeRefused, "the delivery is larger than 25 MiB")
		return
	case errors.Is(err, errBusy):
		h.answer(w, http.StatusServiceUnavailable, OutcomeFailed, "too many large deliveries at once")
		return
	case err != nil:
		h.answer(w, http.StatusBadRequest, OutcomeMalformed, "the delivery was cut off")
		return
	}
	switch {
	case !body.signed:
		h.answer(w, http.StatusUnauthorized, OutcomeRefused, "the signature does not match")
	case body.bytes == nil && r.Header.Get("X-GitHub-Event") == eventInstallation:
		h.refreshAll(r.Context())
		h.answer(w, http.StatusOK, OutcomeAccepted, "")
	case body.bytes == nil && r.Header.Get("X-GitHub-Event") == eventIssueComment:
		h.Logger.Warn().Str(githubapp.LogKeyDeliveryID, r.Header.Get("X-GitHub-Delivery")).Msg("An issue_comment larger than any that GitHub takes is ignored")
		h.answer(w, http.StatusOK, OutcomeIgnored, "larger than a comment can be")
	default:
		h.serveSigned(w, r, body.bytes)
	}
}

// serveSigned answers a delivery that GitHub signed.
func (h *webhook) serveSigned(w http.ResponseWriter, r *http.Request, body []byte) {
	event, guid := r.Header.Get("X-GitHub-Event"), r.Header.Get("X-GitHub-Delivery")
	wants, known := h.wants[event]
	form := strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
	switch {
	case event == "" || guid == "":
		h.answer(w, http.StatusBadRequest, OutcomeMalformed, "the header X-GitHub-Event or X-GitHub-Delivery is missing")
	case !guidShape.MatchString(guid):
		h.answer(w, http.StatusBadRequest, OutcomeMalformed, "the header X-GitHub-Delivery is malformed")
	case !known:
		h.answer(w, http.StatusOK, OutcomeIgnored, "")
	case !form && !wants(body):
		h.answer(w, http.StatusOK, OutcomeIgnored, "no command")
	default:
		ctx := h.Logger.WithContext(r.Context())
		if form { // which the dispatcher decodes
			r.Body = io.NopCloser(bytes.NewReader(body))
		} else {
			r.Body, ctx = http.NoBody, context.WithValue(ctx, bodyKey{}, body)
		}
		h.events.ServeHTTP(w, r.WithContext(ctx))
	}
}

// guidShape is what a delivery's GUID may look like. It is not signed, and appears
// in request ids and markers.
var guidShape = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$`)

// failed answers a delivery that the dispatcher or our handler could not take.
func (h *webhook) failed(w http.ResponseWriter, r *http.Request, err error) {
	var (
		invalid   githubapp.ValidationError
		malformed *malformedError
	)
	switch {
	case errors.As(err, &invalid), errors.As(err, &malformed):
		h.Logger.Warn().Err(err).Str(githubapp.LogKeyDeliveryID, r.Header.Get("X-GitHub-Delivery")).Str("event", r.Header.Get("X-GitHub-Event")).
			Msg("A signed delivery cannot be read, and is ignored")
		h.answer(w, http.StatusBadRequest, OutcomeMalformed, "the delivery cannot be read")
	default:
		zerolog.Ctx(r.Context()).Error().Err(err).Str(githubapp.LogKeyDeliveryID, r.Header.Get("X-GitHub-Delivery")).
			Msg("A delivery could not be taken; GitHub records it as failed, and it is fetched later")
		h.answer(w, http.StatusServiceUnavailable, OutcomeFailed, "the delivery could not be taken now")
	}
}

// answer ends a delivery. The detail is one of ours, which needs no escaping.
func (h *webhook) answer(w http.ResponseWriter, status int, outcome, detail string) {
	h.Observe(outcome)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	body := `{"outcome":"` + outcome
	if detail != "" {
		body += `","detail":"` + detail
	}
	_, _ = io.WriteString(w, body+"\"}\n") // GitHub went away: nothing to do about it
}

// signatureOf returns the SHA-256 signature of a delivery. SHA-1 is not looked at.
func signatureOf(header http.Header) (signature []byte, ok bool) {
	values := header.Values("X-Hub-Signature-256")
	if len(values) != 1 {
		return nil, false
	}
	digits, ok := strings.CutPrefix(values[0], "sha256=")
	if !ok || len(digits) != hex.EncodedLen(sha256.Size) {
		return nil, false
	}
	signature, err := hex.DecodeString(digits)
	return signature, err == nil
}

// mayHoldCommand reports whether a JSON text holds a trigger, or an escape that could spell
// a letter of it.
func (h *webhook) mayHoldCommand(body []byte) bool {
	return slices.ContainsFunc(h.triggers, func(t trigger) bool { return t.mayBeInJSON(body) })
}
