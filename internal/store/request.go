package store

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// MaxPendingRequests is how many undecided requests of one person there are at most in an
// organization.
const MaxPendingRequests = 20

// The kinds of requests.
const (
	AccessRequest  = "access"  // to another team's runner group
	CommandRequest = "command" // that needs an owner
)

// ErrTooMany is what [Store.AddRequest] returns for a person with too many undecided requests.
var ErrTooMany = errors.New("too many")

// A RequestArg is an argument of a request, as it was given. The words of a comment that
// belong to no flag have no name.
type RequestArg struct {
	Name   string   `json:"name"`
	Values []string `json:"values"`
}

// A RequestTarget is what a name in a request meant when it was made.
type RequestTarget struct {
	Kind string `json:"kind"` // "repo", "runner", "team" or "group"
	Name string `json:"name"`
	ID   int64  `json:"id"`
}

// A Request is something that one person wants and another one decides.
type Request struct {
	OrgID, Number int64
	Kind          string
	State         RequestState
	TeamID        int64
	TeamSlug      string
	GroupID       int64
	Command       string
	Arguments     []RequestArg
	Targets       []RequestTarget
	Reason        string
	Digest        string        // the same for the same request
	Length        time.Duration // of the access; 0: without end
	RequesterID   int64
	Requester     string
	RequestedAt   time.Time
	ExpiresAt     time.Time
	Source        Source    // the comment that made it; zero on other channels
	Until         time.Time // when the access that was approved ends; zero: never
	DecidedBy     string
	DecidedAt     time.Time
	Note          string
	Holder        string
	HeldAt        time.Time
	TellAt        time.Time // when its outcome is to be told; zero: nothing is
	Tells         int       // how often that was tried
}

// StateAt returns the state that people see at that moment.
func (r Request) StateAt(now time.Time) RequestState {
	switch {
	case r.State == RequestDeciding:
		return RequestPending
	case r.State == RequestPending && !now.Before(r.ExpiresAt):
		return RequestExpired
	}
	return r.State
}

// TargetsOf returns the targets of that kind.
func (r Request) TargetsOf(kind string) []RequestTarget {
	var all []RequestTarget
	for _, t := range r.Targets {
		if t.Kind == kind {
			all = append(all, t)
		}
	}
	return all
}

const requestColumns = `org_id, number, kind, state, team_id, team_slug, group_id, command, arguments, targets, reason, digest, length,
	requester_id, requester, requested_at, expires_at, repo, issue, comment, until, decided_by, decided_at, note, holder, held_at, tell_at, tells`

func scanRequest(row Row) (Request, error) {
	var r Request
	var state, arguments, targets string
	var length, requested, expires, until, decided, held, tell int64
	err := row.Scan(&r.OrgID, &r.Number, &r.Kind, &state, &r.TeamID, &r.TeamSlug, &r.GroupID, &r.Command, &arguments, &targets, &r.Reason, &r.Digest, &length,
		&r.RequesterID, &r.Requester, &requested, &expires, &r.Source.Repo, &r.Source.Issue, &r.Source.Comment, &until, &r.DecidedBy, &decided, &r.Note,
		&r.Holder, &held, &tell, &r.Tells)
	if err == nil {
		err = json.Unmarshal([]byte(arguments), &r.Arguments)
	}
	if err == nil {
		err = json.Unmarshal([]byte(targets), &r.Targets)
	}
	r.State, r.Length = RequestState(state), time.Duration(length)*time.Microsecond
	r.RequestedAt, r.ExpiresAt, r.Until = FromMicros(requested), FromMicros(expires), FromMicros(until)
	r.DecidedAt, r.HeldAt, r.TellAt = FromMicros(decided), FromMicros(held), FromMicros(tell)
	return r, err
}

// AddRequest records a request and returns it with its number. If the same request of the
// same person is undecided, it returns that one, and isNew is false. It returns ErrTooMany if
// the person has too many others. If notice is not nil, the notice that it makes of a new
// request is recorded for the team in the same transaction.
func (s *Store) AddRequest(ctx context.Context, r Request, notice func(Request) string) (added Request, isNew bool, err error) {
	arguments, err := json.Marshal(r.Arguments)
	if err != nil {
		return r, false, wrap(err, "record a request")
	}
	targets, err := json.Marshal(r.Targets)
	if err != nil {
		return r, false, wrap(err, "record a request")
	}
	r.State, r.RequestedAt = RequestPending, s.Now()
	err = s.InTx(ctx, func(ctx context.Context, tx *Tx) error {
		// this row keeps others from adding at the same time
		err := tx.QueryRow(ctx, `INSERT INTO request_number (org_id, last) VALUES (?1, 1)
			ON CONFLICT (org_id) DO UPDATE SET last = request_number.last + 1 RETURNING last`, r.OrgID).Scan(&r.Number)
		if err != nil {
			return err
		}
		var same bool
		added, same, err = undecided(ctx, tx, r)
		if same && err == nil {
			err = errSame // and so no number was used
		}
		if err != nil {
			return err
		}
		now := Micros(r.RequestedAt)
		_, err = tx.Exec(ctx, `INSERT INTO request (`+requestColumns+`)
			VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, 0, '', 0, '', '', 0, 0, 0)`,
			r.OrgID, r.Number, r.Kind, string(r.State), r.TeamID, r.TeamSlug, r.GroupID, r.Command, string(arguments), string(targets), cut(r.Reason), r.Digest,
			r.Length.Microseconds(), r.RequesterID, r.Requester, now, Micros(r.ExpiresAt), r.Source.Repo, r.Source.Issue, r.Source.Comment)
		if err != nil || notice == nil {
			return err
		}
		return addNotice(ctx, tx, Notice{ID: rand.Text(), OrgID: r.OrgID, TeamID: r.TeamID, At: r.RequestedAt, Text: notice(r)})
	})
	if errors.Is(err, errSame) {
		return added, false, nil
	}
	return r, err == nil, wrap(err, "record a request")
}

// CheckRequest returns the undecided request that [Store.AddRequest] would return, and same
// reports whether there is one; or ErrTooMany.
func (s *Store) CheckRequest(ctx context.Context, r Request) (found Request, same bool, err error) {
	r.RequestedAt = s.Now()
	found, same, err = undecided(ctx, s.Reader(), r)
	return found, same, wrap(err, "look for undecided requests")
}

func undecided(ctx context.Context, q Querier, r Request) (found Request, same bool, err error) {
	const open = ` FROM request WHERE org_id = ?1 AND requester_id = ?2 AND state IN ('pending', 'deciding') AND expires_at > ?3`
	now := Micros(r.RequestedAt)
	found, err = scanRequest(q.QueryRow(ctx, `SELECT `+requestColumns+open+` AND digest = ?4`, r.OrgID, r.RequesterID, now, r.Digest))
	if !errors.Is(err, ErrNotFound) {
		return found, err == nil, err
	}
	var n int
	err = q.QueryRow(ctx, `SELECT count(*)`+open, r.OrgID, r.RequesterID, now).Scan(&n)
	if err == nil && n >= MaxPendingRequests {
		err = ErrTooMany
	}
	return r, false, err
}

var errSame = errors.New("the same request is undecided")

// RequestOf returns the organization's request of that number, or ErrNotFound.
func (s *Store) RequestOf(ctx context.Context, orgID, number int64) (Request, error) {
	r, err := scanRequest(s.Reader().QueryRow(ctx, `SELECT `+requestColumns+` FROM request WHERE org_id = ?1 AND number = ?2`, orgID, number))
	return r, wrap(err, "read request %d", number)
}

// A RequestQuery says which requests [Store.Requests] returns.
type RequestQuery struct {
	OrgID     int64
	Requester int64   // the requests of this person
	Teams     []int64 // and those about the groups of these teams
	Commands  bool    // and the commands that need an owner, of all teams
	All       bool    // all of the organization
	Team      string  // only about this team's group; "": all
	State     RequestState
	Limit     int
}

// Requests returns the newest requests that fit the query, the newest first.
func (s *Store) Requests(ctx context.Context, q RequestQuery) ([]Request, error) {
	args := []any{q.OrgID, q.Requester, flag(q.Commands), flag(q.All), q.Team, string(q.State), Micros(s.Now()), q.Limit}
	teams := "0"
	if len(q.Teams) > 0 {
		var places []string
		for _, id := range q.Teams {
			args = append(args, id)
			places = append(places, fmt.Sprintf("?%d", len(args)))
		}
		teams = "CASE WHEN kind = 'access' AND team_id IN (" + strings.Join(places, ", ") + ") THEN 1 ELSE 0 END"
	}
	all, err := Collect(ctx, s.Reader(), scanRequest, `SELECT `+requestColumns+` FROM request
		WHERE org_id = ?1 AND (requester_id = ?2 OR CAST(?4 AS BIGINT) = 1 OR CAST(?3 AS BIGINT) = 1 AND kind = 'command' OR `+teams+` = 1)
			AND (CAST(?5 AS TEXT) = '' OR team_slug = ?5)
			AND (CAST(?6 AS TEXT) = '' OR ?6 = CASE WHEN state = 'deciding' THEN 'pending' WHEN state = 'pending' AND expires_at <= ?7 THEN 'expired' ELSE state END)
		ORDER BY number DESC LIMIT ?8`, args...)
	return all, wrap(err, "read the requests")
}

// RequestTeams returns the slugs of the teams that own the groups which requests for access
// are about.
func (s *Store) RequestTeams(ctx context.Context, orgID int64) ([]string, error) {
	all, err := Collect(ctx, s.Reader(), func(row Row) (slug string, err error) {
		err = row.Scan(&slug)
		return slug, err
	}, `SELECT DISTINCT o.team_slug FROM ownership o JOIN request r ON r.org_id = o.org_id AND r.team_id = o.team_id
		WHERE o.org_id = ?1 AND r.kind = 'access' ORDER BY o.team_slug`, orgID)
	return all, wrap(err, "read whose groups requests are about")
}

// StuckRequests returns the requests that a call began to carry out before then and did not
// end.
func (s *Store) StuckRequests(ctx context.Context, before time.Time) ([]Request, error) {
	all, err := Collect(ctx, s.Reader(), scanRequest, `SELECT `+requestColumns+` FROM request WHERE state = 'deciding' AND held_at < ?1 ORDER BY held_at LIMIT 50`, Micros(before))
	return all, wrap(err, "read the requests that are being decided")
}

// UntoldRequests returns requests whose outcome is to be told now, the oldest first.
func (s *Store) UntoldRequests(ctx context.Context) ([]Request, error) {
	all, err := Collect(ctx, s.Reader(), scanRequest, `SELECT `+requestColumns+` FROM request WHERE tell_at <> 0 AND tell_at <= ?1 ORDER BY tell_at LIMIT 50`, Micros(s.Now()))
	return all, wrap(err, "read the requests whose outcome is to be told")
}

// ClaimTelling puts off telling the outcome until then, for this server to do it meanwhile. It
// reports false if another one does.
func (s *Store) ClaimTelling(ctx context.Context, r Request, until time.Time) (bool, error) {
	n, err := s.Exec(ctx, `UPDATE request SET tell_at = ?4, tells = tells + 1 WHERE org_id = ?1 AND number = ?2 AND tell_at = ?3`,
		r.OrgID, r.Number, Micros(r.TellAt), Micros(until))
	return n == 1, wrap(err, "claim the outcome of request %d", r.Number)
}

// Told records that the outcome was told, or cannot be.
func (s *Store) Told(ctx context.Context, r Request) error {
	_, err := s.Exec(ctx, `UPDATE request SET tell_at = 0 WHERE org_id = ?1 AND number = ?2`, r.OrgID, r.Number)
	return wrap(err, "record that the outcome of request %d was told", r.Number)
}
