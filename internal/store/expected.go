package store

import (
	"context"
	"time"
)

// An Expected is what a runner group is expected to be: what the commands here left, what
// group-adopt or the first poll found, or what group-accept accepted.
type Expected struct {
	Seq        int64     // grows with each change
	At         time.Time // when all of it was last recorded at once
	Name       string
	Visibility string
	Public     bool             // public repositories may use it
	Workflows  *[]string        // nil: it is not limited to some
	Repos      map[int64]string // names by id
	Runners    map[int64]bool
}

// ExpectedOf returns what the group is expected to be, or ErrNotFound if that was never
// recorded.
func (s *Store) ExpectedOf(ctx context.Context, orgID, groupID int64) (Expected, error) {
	e := Expected{Repos: map[int64]string{}, Runners: map[int64]bool{}}
	var at, public int64
	var workflows *string
	err := s.Reader().QueryRow(ctx, `SELECT seq, at, name, visibility, public, workflows FROM expected_group WHERE org_id = ?1 AND group_id = ?2`, orgID, groupID).
		Scan(&e.Seq, &at, &e.Name, &e.Visibility, &public, &workflows)
	e.At, e.Public = FromMicros(at), public != 0
	if err == nil {
		e.Workflows, err = decodeWorkflows(workflows)
	}
	if err != nil {
		return e, wrap(err, "read the expected state of group %d", groupID)
	}
	_, err = Collect(ctx, s.Reader(), func(row Row) (struct{}, error) {
		var id, repo int64
		var name string
		err := row.Scan(&repo, &id, &name)
		if repo == 1 {
			e.Repos[id] = name
		} else {
			e.Runners[id] = true
		}
		return struct{}{}, err
	}, `SELECT 1, repo_id, name FROM expected_repo WHERE org_id = ?1 AND group_id = ?2
		UNION ALL SELECT 0, runner_id, '' FROM expected_runner WHERE org_id = ?1 AND group_id = ?2`, orgID, groupID)
	return e, wrap(err, "read the expected state of group %d", groupID)
}

// putExpected replaces all that is expected of the group.
func putExpected(orgID, groupID int64, e Expected, at time.Time) []statement {
	all := []statement{
		{`DELETE FROM expected_repo WHERE org_id = ?1 AND group_id = ?2`, []any{orgID, groupID}},
		{`DELETE FROM expected_runner WHERE org_id = ?1 AND group_id = ?2`, []any{orgID, groupID}},
		{
			`INSERT INTO expected_group (org_id, group_id, seq, at, name, visibility, public, workflows) VALUES (?1, ?2, 1, ?3, ?4, ?5, ?6, ?7)
				ON CONFLICT (org_id, group_id) DO UPDATE SET seq = expected_group.seq + 1, at = excluded.at, name = excluded.name,
					visibility = excluded.visibility, public = excluded.public, workflows = excluded.workflows`,
			[]any{orgID, groupID, Micros(at), e.Name, e.Visibility, flag(e.Public), encodeWorkflows(e.Workflows)},
		},
	}
	for id, name := range e.Repos {
		all = append(all, Edit{GroupID: groupID, Kind: AttachRepo, ID: id, Name: name}.statement(orgID))
	}
	for id := range e.Runners {
		all = append(all, Edit{GroupID: groupID, Kind: AddRunner, ID: id}.statement(orgID))
	}
	return all
}

// SetExpected replaces what the group is expected to be.
func (s *Store) SetExpected(ctx context.Context, orgID, groupID int64, e Expected) error {
	_, err := s.execBatch(ctx, putExpected(orgID, groupID, e, s.Now())...)
	return wrap(err, "record the expected state of group %d", groupID)
}

// An Edit is one change of what a group is expected to be: a command made it, and GitHub
// confirmed it.
type Edit struct {
	GroupID   int64
	Kind      EditKind
	ID        int64     // of the repository or runner
	Name      string    // of the repository or group
	Workflows *[]string // for SetWorkflows; nil: no limit
}

// An EditKind is what an edit changes.
type EditKind int

// The kinds of edits.
const (
	AttachRepo EditKind = iota + 1
	DetachRepo
	AddRunner
	DropRunner
	SetWorkflows
)

// statement returns the edit's SQL. It does nothing if nothing is expected of the group yet.
func (e Edit) statement(orgID int64) statement {
	const known = ` WHERE EXISTS (SELECT 1 FROM expected_group WHERE org_id = ?1 AND group_id = ?2) ON CONFLICT `
	switch e.Kind {
	case AttachRepo:
		return statement{
			`INSERT INTO expected_repo (org_id, group_id, repo_id, name)
				SELECT CAST(?1 AS BIGINT), CAST(?2 AS BIGINT), CAST(?3 AS BIGINT), CAST(?4 AS TEXT)` + known + `(org_id, group_id, repo_id) DO UPDATE SET name = excluded.name`,
			[]any{orgID, e.GroupID, e.ID, e.Name},
		}
	case DetachRepo:
		return statement{`DELETE FROM expected_repo WHERE org_id = ?1 AND group_id = ?2 AND repo_id = ?3`, []any{orgID, e.GroupID, e.ID}}
	case AddRunner:
		return statement{
			`INSERT INTO expected_runner (org_id, group_id, runner_id)
				SELECT CAST(?1 AS BIGINT), CAST(?2 AS BIGINT), CAST(?3 AS BIGINT)` + known + `DO NOTHING`,
			[]any{orgID, e.GroupID, e.ID},
		}
	case DropRunner:
		return statement{`DELETE FROM expected_runner WHERE org_id = ?1 AND group_id = ?2 AND runner_id = ?3`, []any{orgID, e.GroupID, e.ID}}
	case SetWorkflows:
	}
	return statement{`UPDATE expected_group SET workflows = ?3 WHERE org_id = ?1 AND group_id = ?2`, []any{orgID, e.GroupID, encodeWorkflows(e.Workflows)}}
}

// edits returns the SQL of the edits, and of the sequence numbers that grow with them.
func edits(orgID int64, list []Edit) []statement {
	var all []statement
	grown := map[int64]bool{}
	for _, e := range list {
		if !grown[e.GroupID] {
			grown[e.GroupID] = true
			all = append(all, statement{`UPDATE expected_group SET seq = seq + 1 WHERE org_id = ?1 AND group_id = ?2`, []any{orgID, e.GroupID}})
		}
		all = append(all, e.statement(orgID))
	}
	return all
}

// fleetTables are the tables about groups whose rows end with the ownership.
func fleetTables() []string {
	return []string{"group_poll", "finding", "sample", "sample_hour", "expected_group", "expected_repo", "expected_runner", "group_change", "removal"}
}

// forgetGroup returns the SQL that deletes what is expected and was seen of a group.
func forgetGroup(orgID, groupID int64) (all []statement) {
	for _, table := range fleetTables() {
		all = append(all, statement{`DELETE FROM ` + table + ` WHERE org_id = ?1 AND group_id = ?2`, []any{orgID, groupID}})
	}
	return all
}
