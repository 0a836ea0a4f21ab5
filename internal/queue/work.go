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

// Work is an attempt at a stored delivery.
type Work struct {
	Item
	Attempt int  // 1 at first; a crash counts, Again does not
	Last    bool // the retries are spent after this attempt

	// Interrupted is set if an earlier attempt ended by a crash, a panic or a timeout: it may
	// have had effects that were not recorded. It stays set until Handle returns nil or
	// *Again.
	Interrupted bool

	store    *store.Store
	givingUp error // why, once the retries are spent

	mu    sync.Mutex
	steps map[string]json.RawMessage
}

// Steps returns the outcomes that were recorded so far, as JSON, by step.
func (w *Work) Steps() map[string]json.RawMessage {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.steps)
}

// Record records the outcome of a step, as JSON. If it returns nil, the outcome survives a
// crash. If the step is recorded already, it keeps its first outcome. Record works even if
// ctx has ended, because the step has taken effect.
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
