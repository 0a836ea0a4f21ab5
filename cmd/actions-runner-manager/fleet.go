package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/actions-runner-manager/actions-runner-manager/config"
	"github.com/actions-runner-manager/actions-runner-manager/internal/fleet"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// leastRedraw is the shortest time between two looks at the database.
const leastRedraw = 100 * time.Millisecond

func (p *program) fleetCommand() *cobra.Command {
	var asJSON, watch bool
	var interval time.Duration
	c := &cobra.Command{
		Use: "fleet", Short: "Show every recorded runner group: runners, findings, when it was last polled", Args: noArgs,
		Long: `Shows what the server's last poll of each recorded runner group saw, worst first:
attached repositories, runners that are idle, busy and offline, runners that are not
of the newest release, and findings by severity. A finding counts once two polls in a
row saw it. Everything is read from the database, without a call to GitHub, beside a
running server. On a narrow terminal names are shortened and columns left out.

--json prints [{org, team, group, groupId, repos, idle, busy, offline, outdated,
findings: {critical, warning, info}, polledAt}]: numbers, and the time of the last
poll, or null if the group was never polled.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case watch && asJSON:
				return usagef(cmd, "--watch and --json exclude each other")
			case cmd.Flags().Changed("interval") && !watch:
				return usagef(cmd, "--interval is given without --watch")
			case interval < leastRedraw:
				return usagef(cmd, "--interval must be at least %s", leastRedraw)
			}
			return p.withFleet(cmd.Context(), func(read fleetReader) error {
				if watch {
					return p.watchFleet(cmd.Context(), read, interval)
				}
				groups, err := read(cmd.Context())
				if err != nil {
					return err
				}
				if asJSON {
					return p.printJSON(fleetRows(groups))
				}
				return p.printFleet(groups)
			})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print the groups as JSON")
	c.Flags().BoolVar(&watch, "watch", false, "show them again and again, until Ctrl-C")
	c.Flags().DurationVar(&interval, "interval", 2*time.Second, "how often --watch looks at the database")
	return c
}

// A fleetReader reads the groups from the database.
type fleetReader func(context.Context) ([]fleet.Status, error)

// withFleet opens the database for show.
func (p *program) withFleet(ctx context.Context, show func(fleetReader) error) error {
	c, st, err := p.openStore(ctx)
	if err != nil {
		return err
	}
	if c.Fleet.PollInterval == 0 {
		fmt.Fprintln(p.stderr, "warning: fleet.pollInterval is 0, so the server does not poll, and what is shown does not change")
	}
	var logins []string
	for _, org := range c.Organizations() {
		logins = append(logins, org.Org)
	}
	err = show(func(ctx context.Context) ([]fleet.Status, error) { return fleet.Statuses(ctx, st, logins) })
	return errors.Join(err, st.Close())
}

// openStore opens the database of the configuration for reading, beside a server that may run.
func (p *program) openStore(ctx context.Context) (*config.Config, *store.Store, error) {
	c, err := p.load()
	if err != nil {
		return nil, nil, err
	}
	st, err := store.Open(ctx, store.Options{URL: c.Database.URL.Reveal(), Existing: true, Logger: zerolog.New(p.stderr).Level(zerolog.WarnLevel)})
	if err != nil {
		return nil, nil, fmt.Errorf("database.url: %w", err)
	}
	p.warnNew(st, c)
	return c, st, nil
}

// warnNew warns of a database that was empty: the server may use another one.
func (p *program) warnNew(st *store.Store, c *config.Config) {
	if st.New() {
		fmt.Fprintf(p.stderr, "warning: the database %s is new and empty; if a server has one, database.url names another place than it does for the server\n", c.Database.URL)
	}
}

// A fleetRow is a group in the output of --json.
type fleetRow struct {
	Org      string        `json:"org"`
	Team     string        `json:"team"`
	Group    string        `json:"group"`
	GroupID  int64         `json:"groupId"`
	Repos    int           `json:"repos"`
	Idle     int           `json:"idle"`
	Busy     int           `json:"busy"`
	Offline  int           `json:"offline"`
	Outdated int           `json:"outdated"`
	Findings fleetFindings `json:"findings"`
	PolledAt *time.Time    `json:"polledAt"` // null: never
}

type fleetFindings struct {
	Critical int `json:"critical"`
	Warning  int `json:"warning"`
	Info     int `json:"info"`
}

func fleetRows(groups []fleet.Status) []fleetRow {
	rows := make([]fleetRow, 0, len(groups))
	for _, g := range groups {
		row := fleetRow{
			Org: g.Org, Team: g.Team, Group: g.Group, GroupID: g.GroupID, Repos: g.Repos,
			Idle: g.Idle, Busy: g.Busy, Offline: g.Offline, Outdated: g.Outdated,
			Findings: fleetFindings{g.Findings[fleet.Critical], g.Findings[fleet.Warning], g.Findings[fleet.Info]},
		}
		if !g.PolledAt.IsZero() {
			at := g.PolledAt.UTC()
			row.PolledAt = &at
		}
		rows = append(rows, row)
	}
	return rows
}

const noGroups = "No team owns a runner group yet."

func (p *program) printFleet(groups []fleet.Status) error {
	text := noGroups
	if len(groups) > 0 {
		text = strings.Join(fleetTable(groups, terminalOf(p.stdout, p.environ), time.Now()), "\n")
	}
	_, err := fmt.Fprintln(p.stdout, text)
	return err
}

// watchFleet shows the groups until ctx ends, on a screen of their own if there is one.
func (p *program) watchFleet(ctx context.Context, read fleetReader, interval time.Duration) (err error) {
	if terminalOf(p.stdout, p.environ).live {
		fmt.Fprint(p.stdout, screenBegin)
		defer func() { fmt.Fprint(p.stdout, screenEnd) }()
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		groups, err := read(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		frame := fleetFrame(groups, terminalOf(p.stdout, p.environ), time.Now())
		if _, err := io.WriteString(p.stdout, frame); err != nil {
			return fmt.Errorf("show the runner groups: %w", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// fleetFrame is one picture of --watch. Lines that do not fit on the screen are counted.
func fleetFrame(groups []fleet.Status, t terminal, now time.Time) string {
	lines := []string{now.Format(time.TimeOnly) + "  " + summary(groups)}
	if len(groups) > 0 {
		lines = append(append(lines, ""), fleetTable(groups, t, now)...)
	} else {
		lines = append(lines, noGroups)
	}
	if !t.live {
		return strings.Join(lines, "\n") + "\n\n"
	}
	lines[0] = shorten(lines[0], max(t.width, 1))
	if more := len(lines) - t.height; more > 0 && t.height > 1 {
		lines = append(lines[:t.height-1], t.paint(faint, shorten(fmt.Sprintf("… and %d more groups", more+1), t.width)))
	}
	return screenHome + strings.Join(lines, clearLine+"\r\n") + clearLine + clearBelow
}
