package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/commands/ownership"
	"github.com/actions-runner-manager/actions-runner-manager/server"
)

// An adoption is what `groups adopt` was asked for.
type adoption struct {
	team, group      string
	all, dryRun, yes bool
}

func (p *program) groupsAdopt(org *string) *cobra.Command {
	var a adoption
	c := &cobra.Command{
		Use: "adopt (--team TEAM [--group GROUP] | --all [--yes])", Short: "Assign existing groups to teams", Args: noArgs,
		Long: `Gives an existing group to a team; nothing in the group is changed. Without
--group it is the group that policy.groupName names for the team.

With --all every team gets the group of its name, where there is one that nobody
owns. The plan is printed before, and asked about. Mind its warnings: a team that
is younger than the group may have taken the name of another.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.check(cmd); err != nil {
				return err
			}
			return p.asOperator(cmd.Context(), *org, func(o *server.Operator, org *dispatch.Org) error {
				if a.all {
					return p.adoptAll(cmd.Context(), o, org, a)
				}
				return p.adopt(cmd.Context(), o, org, a)
			})
		},
	}
	flags := c.Flags()
	flags.StringVar(&a.team, "team", "", "the team's `SLUG`")
	flags.StringVar(&a.group, "group", "", "the group's `NAME`; by default as policy.groupName says")
	flags.BoolVar(&a.all, "all", false, "every team for which an unowned group of its name exists")
	flags.BoolVar(&a.dryRun, "dry-run", false, "print what would be done, and do nothing")
	flags.BoolVar(&a.yes, "yes", false, "with --all: do not ask")
	return c
}

func (a adoption) check(c *cobra.Command) error {
	switch {
	case a.all && a.team != "":
		return usagef(c, "--all and --team exclude each other")
	case a.all && a.group != "":
		return usagef(c, "--group is given without --team")
	case !a.all && a.team == "":
		return usagef(c, "--team is missing, or --all")
	case !a.all && a.yes:
		return usagef(c, "--yes is given without --all")
	}
	return nil
}

// adopt gives one team its group, and shows what the group opens to the team.
func (p *program) adopt(ctx context.Context, o *server.Operator, org *dispatch.Org, a adoption) error {
	req := operatorRequest("group-adopt", org.Login, "team", a.team, "group", a.group)
	req.Preview = a.dryRun
	result, err := o.Dispatch(ctx, req)
	if err != nil {
		return err
	}
	fmt.Fprintln(p.stdout, result.Message)
	adopted, ok := result.Response.(commands.Adopted)
	if !ok {
		return nil
	}
	fmt.Fprintf(p.stdout, "  visibility: %s\n  public repositories: %s\n  repositories: %s\n  runners: %s\n",
		adopted.Group.Visibility, allowed(adopted.Group.AllowsPublicRepositories), printable(listed(adopted.Repos)), printable(listed(adopted.Runners)))
	for _, warning := range adopted.Warnings {
		fmt.Fprintln(p.stdout, "  warning: "+warning)
	}
	return nil
}

// adoptAll gives every team the group of its name.
func (p *program) adoptAll(ctx context.Context, o *server.Operator, org *dispatch.Org, a adoption) error {
	plan, err := ownership.New(o.Env).Candidates(ctx, org)
	if err != nil {
		return err
	}
	if len(plan) == 0 {
		fmt.Fprintln(p.stdout, "There is nothing to adopt: no team has a group of its name that nobody owns.")
		return nil
	}
	if err := p.printPlan(plan); err != nil || a.dryRun {
		return err
	}
	if !a.yes {
		if !isTerminal(p.stdin) {
			return errors.New("nothing was adopted: nobody can be asked, since standard input is no terminal; look at the plan and repeat with --yes")
		}
		if !confirm(p.stdin, p.stdout, fmt.Sprintf("Adopt %d? [y/N] ", len(plan))) {
			return errors.New("nothing was adopted")
		}
	}
	failed := 0
	for _, candidate := range plan {
		_, err := o.Dispatch(ctx, operatorRequest("group-adopt", org.Login, "team", candidate.Team, "group", candidate.Group))
		if err != nil {
			failed++
			fmt.Fprintf(p.stderr, "%s: %s\n", candidate.Team, sentence(err))
			continue
		}
		fmt.Fprintf(p.stdout, "%s: adopted %q\n", candidate.Team, candidate.Group)
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d could not be adopted", failed, len(plan))
	}
	return nil
}

func (p *program) printPlan(plan []ownership.Candidate) error {
	out := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "TEAM\tTEAM-ID\tGROUP\tGROUP-ID\tWARNING")
	for _, c := range plan {
		warning := c.Warning
		if warning != "" {
			warning = "warning: " + warning
		}
		fmt.Fprintf(out, "%s\t%d\t%s\t%d\t%s\n", printable(c.Team), c.TeamID, printable(c.Group), c.GroupID, warning)
	}
	return out.Flush()
}

// confirm asks the question; all but yes is no.
func confirm(in io.Reader, out io.Writer, question string) bool {
	fmt.Fprint(out, question)
	answer, _ := bufio.NewReader(in).ReadString('\n') // no answer is no
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return true
	}
	return false
}

func allowed(yes bool) string {
	if yes {
		return "allowed"
	}
	return "refused"
}

func listed(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
