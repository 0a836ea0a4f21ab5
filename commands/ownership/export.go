package ownership

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// recordVersion is the version of the exported record that is written and read.
const recordVersion = 1

// importCommand is how the audit names an import.
const importCommand = "groups-import"

// A RecordFile is an organization's ownership record as it is exported. Ids count;
// the names are for people.
type RecordFile struct {
	Version int           `json:"version"`
	Org     string        `json:"org"`
	OrgID   int64         `json:"orgID"`
	Records []RecordEntry `json:"records"`
}

// A RecordEntry says that a team owns a group.
type RecordEntry struct {
	TeamID     int64     `json:"teamID"`
	Team       string    `json:"team"` // slug
	GroupID    int64     `json:"groupID"`
	Group      string    `json:"group"`
	Visibility string    `json:"visibility,omitempty"`
	Origin     string    `json:"origin"` // created or adopted
	By         string    `json:"by"`     // a login, or "operator"
	At         time.Time `json:"at"`
	// Workflows are those that this server limited the group to last; null: nobody knows.
	Workflows *[]string `json:"workflows,omitempty"`
	// WorkflowsTeam says that the team may change a limit that it did not set.
	WorkflowsTeam bool `json:"workflowsTeam,omitempty"`
}

// Export returns the organization's ownership record.
func (r *Registry) Export(ctx context.Context, org *dispatch.Org) (RecordFile, error) {
	orgID, err := org.ID(ctx)
	if err != nil {
		return RecordFile{}, err
	}
	records, err := r.Store.Records(ctx, orgID)
	if err != nil {
		return RecordFile{}, dispatch.StoreError(err)
	}
	file := RecordFile{Version: recordVersion, Org: org.Login, OrgID: orgID, Records: make([]RecordEntry, 0, len(records))}
	for _, r := range records {
		file.Records = append(file.Records, RecordEntry{
			TeamID: r.TeamID, Team: r.TeamSlug, GroupID: r.GroupID, Group: r.GroupName, Visibility: r.Visibility,
			Origin: r.Origin, By: r.By, At: r.At, Workflows: r.Workflows, WorkflowsTeam: r.WorkflowsTeam,
		})
	}
	return file, nil
}

// Import adds what an export holds to the organization's record, all or nothing, and
// returns how many records are new. What is recorded already is skipped. Its error names
// every mistake and conflict, one a line. The request, which has an id and the
// operator as its caller, says who is put on record.
func (r *Registry) Import(ctx context.Context, org *dispatch.Org, file RecordFile, req dispatch.Request) (added int, err error) {
	orgID, err := org.ID(ctx)
	if err != nil {
		return 0, err
	}
	req.Command, req.Org = importCommand, org.Login
	call := &dispatch.Call{Request: req, Spec: dispatch.Spec{Name: importCommand}, Env: r.Env, Org: org, OrgID: orgID}
	fresh, err := r.toImport(ctx, org, orgID, file)
	if err == nil {
		err = r.auditImport(ctx, call, store.Asked, nil)
	}
	if err == nil {
		err = r.addRecords(ctx, fresh)
	}
	if err != nil {
		return 0, errors.Join(err, r.auditImport(ctx, call, store.Refused, err))
	}
	for i, record := range fresh {
		entry := r.Entry(call)
		entry.Team, entry.TeamID, entry.Outcome = record.TeamSlug, record.TeamID, store.Done
		entry.Args = fmt.Sprintf("group=%s group-id=%d origin=%s", record.GroupName, record.GroupID, record.Origin)
		entry.RequestID = fmt.Sprintf("%s/%d", call.ID, i+1)
		if err := r.Store.Audit(ctx, entry); err != nil {
			return len(fresh), dispatch.StoreError(err)
		}
	}
	return len(fresh), r.auditImport(ctx, call, store.Done, nil)
}

func (r *Registry) addRecords(ctx context.Context, records []store.Record) error {
	err := r.Store.AddRecords(ctx, records)
	if errors.Is(err, store.ErrConflict) {
		return dispatch.Refuse(dispatch.ReasonBusy, "Somebody else has just changed the ownership record. Look again, and repeat the import.")
	}
	return dispatch.StoreError(err)
}

func (r *Registry) auditImport(ctx context.Context, call *dispatch.Call, outcome string, cause error) error {
	entry := r.Entry(call)
	entry.Outcome, entry.Reason = outcome, string(dispatch.ReasonOf(cause))
	return dispatch.StoreError(r.Store.Audit(context.WithoutCancel(ctx), entry))
}

// toImport returns the records of the file that are not there yet.
func (r *Registry) toImport(ctx context.Context, org *dispatch.Org, orgID int64, file RecordFile) ([]store.Record, error) {
	if file.Version != recordVersion {
		return nil, dispatch.Refuse(dispatch.ReasonInvalidArgument, "The file is of version %d; this program reads version %d, as `groups export` writes it.", file.Version, recordVersion)
	}
	if file.OrgID != orgID {
		return nil, dispatch.Refuse(dispatch.ReasonInvalidArgument, "The file is the record of another organization: %s, id %d. This one is %s, id %d.", dispatch.Quote(file.Org), file.OrgID, org.Login, orgID)
	}
	recorded, err := r.Store.Records(ctx, orgID)
	if err != nil {
		return nil, dispatch.StoreError(err)
	}
	teams, groups := map[int64]store.Record{}, map[int64]store.Record{}
	for _, r := range recorded {
		teams[r.TeamID], groups[r.GroupID] = r, r
	}
	var fresh []store.Record
	var mistakes []string
	for i, entry := range file.Records {
		r := entry.record(orgID)
		problem := entry.problem()
		old, known := teams[r.TeamID]
		switch holder, held := groups[r.GroupID]; {
		case problem != "":
		case known && old.GroupID == r.GroupID && old.Origin == r.Origin:
			continue
		case known && old.GroupID == r.GroupID:
			problem = fmt.Sprintf("the group %s is on record as %s, not %s", dispatch.Quote(old.GroupName), old.Origin, r.Origin)
		case known:
			problem = fmt.Sprintf("the team owns another group, %s (id %d)", dispatch.Quote(old.GroupName), old.GroupID)
		case held:
			problem = fmt.Sprintf("the group %s belongs to another team, %s (id %d)", dispatch.Quote(holder.GroupName), dispatch.Quote(holder.TeamSlug), holder.TeamID)
		}
		if problem != "" {
			mistakes = append(mistakes, fmt.Sprintf("records[%d]: team %s (id %d): %s", i, dispatch.Quote(r.TeamSlug), r.TeamID, problem))
			continue
		}
		teams[r.TeamID], groups[r.GroupID] = r, r
		fresh = append(fresh, r)
	}
	if len(mistakes) > 0 {
		return nil, dispatch.Refuse(dispatch.ReasonInvalidArgument, "%s", strings.Join(append(mistakes, "Nothing was imported."), "\n"))
	}
	return fresh, nil
}

// problem says what is wrong with the entry itself; "" if nothing is.
func (r RecordEntry) problem() string {
	switch {
	case r.TeamID <= 0:
		return "teamID must be a positive number"
	case r.GroupID <= 0:
		return "groupID must be a positive number"
	case r.Team == "":
		return "team is missing"
	case r.Group == "":
		return "group is missing"
	case r.Origin != store.Created && r.Origin != store.Adopted:
		return "origin must be created or adopted"
	case r.At.IsZero():
		return "at is missing"
	}
	return ""
}

func (r RecordEntry) record(orgID int64) store.Record {
	return store.Record{
		OrgID: orgID, TeamID: r.TeamID, TeamSlug: r.Team, GroupID: r.GroupID, GroupName: r.Group,
		Visibility: r.Visibility, Origin: r.Origin, By: r.By, At: r.At, Workflows: r.Workflows, WorkflowsTeam: r.WorkflowsTeam,
	}
}
