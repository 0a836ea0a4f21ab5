package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/config"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// auditPage is how many entries an export reads at a time.
const auditPage = 500

func (p *program) auditCommand() *cobra.Command {
	return family("audit", "Look at the audit log", p.auditExport())
}

func (p *program) auditExport() *cobra.Command {
	var since, until, format, org string
	c := &cobra.Command{
		Use: "export", Short: "Print the audit log as JSON lines or CSV", Args: noArgs,
		Long: `Prints the audit log of each organization, oldest entry first, with the fields that
audit-list answers and the organization. Times are UTC (RFC 3339). It reads the
database beside a running server, and asks GitHub nothing.

--since and --until take a date (2026-01-31, which means its first moment in UTC), a
time (2026-01-31T12:00:00Z) or how long ago (24h, 30d). What happened exactly at
--until is left out. A request without an outcome is shown with the outcome "asked".

In CSV a cell that a spreadsheet could take for a formula begins with an apostrophe.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			now := time.Now()
			from, err := momentOf(cmd, "since", since, now)
			if err != nil {
				return err
			}
			to, err := momentOf(cmd, "until", until, now)
			if err != nil {
				return err
			}
			out := bufio.NewWriter(p.stdout)
			write, ok := auditFormats(out)[format]
			switch {
			case !ok:
				return usagef(cmd, "--format is jsonl or csv, not %q", format)
			case !to.IsZero() && to.Before(from):
				return usagef(cmd, "--until is before --since")
			}
			err = p.exportAudit(cmd.Context(), org, store.AuditPage{Since: from, Before: to}, write)
			return errors.Join(err, out.Flush())
		},
	}
	c.Flags().StringVar(&since, "since", "", "from `WHEN`: a date, a time or how long ago; by default all that is kept")
	c.Flags().StringVar(&until, "until", "", "until `WHEN`, likewise; by default now")
	c.Flags().StringVar(&format, "format", "jsonl", "`FORMAT`: jsonl or csv")
	c.Flags().StringVar(&org, "org", "", "only this `ORGANIZATION`")
	return c
}

func momentOf(cmd *cobra.Command, flag, text string, now time.Time) (time.Time, error) {
	if text == "" && !cmd.Flags().Changed(flag) {
		return time.Time{}, nil
	}
	moment, err := dispatch.ParseSince(text)
	if err != nil {
		return time.Time{}, usagef(cmd, "--%s is a date (2026-01-31), a time (2026-01-31T12:00:00Z) or how long ago (24h, 30d), not %q", flag, text)
	}
	return moment.Time(now), nil
}

// exportAudit writes the entries from the page on, of the organization of that login; empty
// means of all.
func (p *program) exportAudit(ctx context.Context, login string, from store.AuditPage, write auditWriter) error {
	c, st, err := p.openStore(ctx)
	if err != nil {
		return err
	}
	orgs, err := exportedOrgs(ctx, st, c, login)
	if err == nil {
		err = write(nil)
	}
	for _, org := range orgs {
		if err == nil {
			from.OrgID = org.ID
			err = exportOrg(ctx, st, c.GitHub.URL, from, write)
		}
	}
	return errors.Join(err, st.Close())
}

func exportedOrgs(ctx context.Context, st *store.Store, c *config.Config, login string) ([]store.AuditOrg, error) {
	orgs, err := st.AuditOrgs(ctx)
	if err != nil || login == "" {
		return orgs, err
	}
	orgs = slices.DeleteFunc(orgs, func(o store.AuditOrg) bool { return !strings.EqualFold(o.Login, login) })
	served := slices.ContainsFunc(c.Organizations(), func(o config.Organization) bool { return strings.EqualFold(o.Org, login) })
	if len(orgs) == 0 && !served {
		return nil, fmt.Errorf("--org: the audit log has no entry of %q, and the server does not serve it", login)
	}
	return orgs, nil
}

// exportOrg writes the entries of one organization, a page at a time.
func exportOrg(ctx context.Context, st *store.Store, githubURL string, page store.AuditPage, write auditWriter) error {
	for {
		entries, next, err := st.AuditExport(ctx, page, auditPage)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := write(&auditRow{Org: e.Org, AuditEntry: commands.AuditEntryOf(e, githubURL, e.Org)}); err != nil {
				return err
			}
		}
		if len(entries) < auditPage {
			return nil
		}
		page = next
	}
}

// An auditRow is an entry in an export.
type auditRow struct {
	Org string `json:"org"`
	commands.AuditEntry
}

// An auditWriter writes a row, or what comes before the first if it is nil.
type auditWriter func(*auditRow) error

func auditFormats(out io.Writer) map[string]auditWriter {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	table := csv.NewWriter(out)
	return map[string]auditWriter{
		"jsonl": func(row *auditRow) error {
			if row == nil {
				return nil
			}
			return encoder.Encode(row)
		},
		"csv": func(row *auditRow) error {
			cells := auditColumns
			if row != nil {
				cells = row.cells()
			}
			err := table.Write(cells)
			table.Flush()
			return errors.Join(err, table.Error())
		},
	}
}

// auditColumns are the names of the cells, as in the JSON lines.
var auditColumns = []string{ //nolint:gochecknoglobals // a table that is never written
	"at", "org", "caller", "callerId", "channel", "team", "command", "arguments", "outcome", "reason", "changed",
	"requestId", "link", "count", "workflow.actor", "workflow.ref", "workflow.workflowRef",
	"teamId", "group", "before", "after", "more", "undo",
}

func (r *auditRow) cells() []string {
	link, run, diff := "", commands.AuditWorkflow{}, store.Diff{}
	if r.Link != nil {
		link = *r.Link
	}
	if r.Workflow != nil {
		run = *r.Workflow
	}
	if r.Diff != nil {
		diff = *r.Diff
	}
	cells := []string{
		r.At.Format(time.RFC3339Nano), r.Org, r.Caller, strconv.FormatInt(r.CallerID, 10), r.Channel, r.Team, r.Command, r.Arguments,
		r.Outcome, r.Reason, strconv.FormatBool(r.Changed), r.RequestID, link, strconv.Itoa(r.Count),
		run.Actor, run.Ref, run.WorkflowRef,
		optional(r.TeamID), jsonCell(diff.Group), jsonCell(diff.Before), jsonCell(diff.After), optional(int64(diff.More)), r.Undo,
	}
	for i, cell := range cells {
		cells[i] = harmlessCell(cell)
	}
	return cells
}

// optional writes a number; zero is empty.
func optional(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// jsonCell writes a value as JSON; null is empty.
func jsonCell(value any) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil || b.String() == "null\n" {
		return ""
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// harmlessCell puts an apostrophe before a cell that a spreadsheet would run as a formula.
// See https://owasp.org/www-community/attacks/CSV_Injection.
func harmlessCell(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r\n", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
