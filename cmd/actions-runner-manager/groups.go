package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/commands/ownership"
	"github.com/actions-runner-manager/actions-runner-manager/server"
)

// maxRecordFile bounds what is read, in bytes; a record of 10,000 teams has some 3 MB.
const maxRecordFile = 64 << 20

func (p *program) groupsCommand() *cobra.Command {
	var org string
	c := family("groups", "Look after the record of which team owns which runner group",
		p.groupsAdopt(&org), p.groupsList(&org), p.groupsRelease(&org), p.groupsExport(&org), p.groupsImport(&org))
	c.Long = `A team controls a runner group only where the record says so. These commands are
the operator's own: they need the server's configuration and its database, may be
used while it runs, and audited with channel "cli" and caller "operator".`
	c.PersistentFlags().StringVar(&org, "org", "", "the `ORGANIZATION`, where the server serves several")
	return c
}

func (p *program) groupsList(org *string) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the record", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.asOperator(cmd.Context(), *org, func(o *server.Operator, org *dispatch.Org) error {
				file, err := ownership.New(o.Env).Export(cmd.Context(), org)
				if err != nil {
					return err
				}
				return p.printRecord(file)
			})
		},
	}
}

func (p *program) printRecord(file ownership.RecordFile) error {
	if len(file.Records) == 0 {
		fmt.Fprintf(p.stdout, "No team of %s owns a runner group yet.\n", file.Org)
		return nil
	}
	out := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "TEAM\tTEAM-ID\tGROUP\tGROUP-ID\tORIGIN\tBY\tSINCE")
	for _, r := range file.Records {
		fmt.Fprintf(out, "%s\t%d\t%s\t%d\t%s\t%s\t%s\n", printable(r.Team), r.TeamID, printable(r.Group), r.GroupID, r.Origin, printable(r.By), r.At.UTC().Format(time.RFC3339))
	}
	return out.Flush()
}

func (p *program) groupsRelease(org *string) *cobra.Command {
	var team string
	c := &cobra.Command{
		Use: "release --team TEAM", Short: "Forget that a team owns its group; the group stays as it is", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if team == "" {
				return usagef(cmd, "--team is missing")
			}
			return p.asOperator(cmd.Context(), *org, func(o *server.Operator, org *dispatch.Org) error {
				result, err := o.Dispatch(cmd.Context(), operatorRequest("group-release", org.Login, "team", team))
				if err == nil {
					fmt.Fprintln(p.stdout, result.Message)
				}
				return err
			})
		},
	}
	c.Flags().StringVar(&team, "team", "", "the team's `SLUG`")
	return c
}

func (p *program) groupsExport(org *string) *cobra.Command {
	return &cobra.Command{
		Use: "export", Short: "Print the record as JSON", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.asOperator(cmd.Context(), *org, func(o *server.Operator, org *dispatch.Org) error {
				file, err := ownership.New(o.Env).Export(cmd.Context(), org)
				if err != nil {
					return err
				}
				return p.printJSON(file)
			})
		},
	}
}

func (p *program) groupsImport(org *string) *cobra.Command {
	return &cobra.Command{
		Use: "import FILE", Short: "Add what an export holds to the record", Args: oneArg("FILE"),
		Long: `Adds what "groups export" wrote to the record, all of it or nothing. What is on
record already is skipped; another organization's file is refused. "-" reads
standard input.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			var file ownership.RecordFile
			data, err := p.read(args[0], maxRecordFile)
			if err != nil {
				return err
			}
			if err := json.Unmarshal(data, &file); err != nil {
				return fmt.Errorf("%s: is not the JSON that \"groups export\" writes: %w", args[0], err)
			}
			return p.asOperator(cmd.Context(), *org, func(o *server.Operator, org *dispatch.Org) error {
				added, err := ownership.New(o.Env).Import(cmd.Context(), org, file, operatorRequest("", org.Login))
				if err != nil {
					return err
				}
				fmt.Fprintf(p.stdout, "%d of %d were added to the record; the others were recorded already.\n", added, len(file.Records))
				return nil
			})
		},
	}
}

// read returns what a file holds, or standard input if its name is "-".
func (p *program) read(name string, most int64) ([]byte, error) {
	in := p.stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			var cause *fs.PathError
			if errors.As(err, &cause) {
				err = cause.Err
			}
			return nil, fmt.Errorf("cannot read %s: %w; name a file that exists, or - for standard input", name, err)
		}
		defer file.Close()
		in = file
	}
	data, err := io.ReadAll(io.LimitReader(in, most+1))
	if err == nil && int64(len(data)) > most {
		err = fmt.Errorf("%s: is larger than %d MiB", name, most>>20)
	}
	return data, err
}
