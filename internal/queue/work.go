package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// Work is one stored delivery in a worker's hands.
type Work struct {
	Item
	Attempt int  // 1 first; crashes count, Again does not
	Last    bool // the retries are spent after this attempt

	// Interrupted says that an earlier attempt ended without a word, by a crash,
	// a panic or a timeout, so that effects may exist that were not recorded.
	// It stays so until Handle returns nil or *Again.
	Interrupted bool

	store    *store.Store
	givingUp error // why, once the retries are spent

	mu    sync.Mutex
	steps map[string]json.RawMessage
}

// Steps are the outcomes recorded so far, by step.
func (w *Work) Steps() map[string]json.RawMessage {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.steps)
}

// Record keeps what a step has come to; after it returned nil that survives a
// crash. A step that is recorded already keeps its first outcome. It is done
// even if ctx has ended, since the effect has happened.
func (w *Work) Record(ctx context.Context, step string, outcome any) error {
	text, err := json.Marshal(outcome)
	if err != nil {
		return fmt.Errorf("record step %s of delivery %s: %w", step, w.GUID, err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_, err = w.store.Exec(ctx, `INSERT INTO delivery_step (guid, step, outcome, at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING`,
		w.GUID, step, string(text), store.Micros(w.store.Now()))
	if err != nil {
		return fmt.Errorf("record step %s of delivery %s: %w", step, w.GUID, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.steps[step]; !ok {
		w.steps[step] = text
	}
	return nil
}
