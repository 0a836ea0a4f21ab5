package fleet

import (
	"context"

	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// A Status is a recorded group with what its last complete poll saw.
type Status struct {
	Org string // login, as the configuration has it
	store.GroupStatus
}

// Statuses returns the status of every recorded group of the organizations, from the
// database. An organization whose id no server has recorded has no groups yet.
func Statuses(ctx context.Context, st *store.Store, logins []string) ([]Status, error) {
	all := []Status{}
	for _, login := range logins {
		id, err := st.OrgID(ctx, login)
		if err != nil {
			return nil, err
		}
		if id == 0 {
			continue
		}
		groups, err := st.GroupStatuses(ctx, id)
		if err != nil {
			return nil, err
		}
		for _, g := range groups {
			all = append(all, Status{login, g})
		}
	}
	return all, nil
}
