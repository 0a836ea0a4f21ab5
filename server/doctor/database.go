package doctor

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/rs/zerolog"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// checkDatabase opens the database beside a running server, as the operator's commands
// do, which also migrates its schema. The returned function closes it.
func (d *doctor) checkDatabase(ctx context.Context) func() {
	ready := DatabaseReady()
	where := d.config.Database.URL.String()
	if path, is := strings.CutPrefix(d.config.Database.URL.Reveal(), "sqlite:"); is {
		if _, err := os.Stat(path); os.IsNotExist(err) && Writable(filepath.Dir(path)) == nil {
			d.newDatabase = true
			d.pass(ready.Name, where+" does not exist yet; the server creates it when it first starts")
			return func() {}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	st, err := store.Open(ctx, store.Options{URL: d.config.Database.URL.Reveal(), Logger: zerolog.Nop()})
	if err == nil {
		if err = ready.Try(ctx, st); err != nil {
			_ = st.Close()
		}
	}
	d.checks = append(d.checks, ready.check(where, err))
	if err != nil {
		return func() {}
	}
	d.store = st
	return func() { _ = st.Close() }
}

// Writable reports, as an error, why no file can be created in the folder dir.
func Writable(dir string) error {
	file, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return err
	}
	file.Close()
	return os.Remove(file.Name())
}
