package dispatch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

// inferTeam fills in the team of a comment that names none: the place of the
// comment tells it (label, form), or the caller maintains just one team that owns
// a group here. Else the refusal lists the choices.
func (e *Env) inferTeam(ctx context.Context, call *Call) error {
	if call.namesTeam() {
		return nil
	}
	if call.TeamProblem != "" {
		return Refuse(ReasonMissingArgument, "Which team is this for? %s", call.TeamProblem)
	}
	if call.TeamHint != "" && call.Spec.Needs == Member && call.TeamSource == TeamOfField && call.FieldAuthor.Known() {
		return call.fieldNotUsed("The issue's field was written by somebody else.")
	}
	if call.TeamHint != "" {
		if call.TeamSource == TeamOfField && call.Spec.Effect >= Destroys {
			return call.fieldNotUsed("`" + call.Spec.Name + "` does not take its team from an issue's field, because others can edit the issue.")
		}
		call.setTeam(call.TeamHint)
		call.teamFromIssue = true
		return nil
	}
	if call.Spec.Needs == Member { // it is about a team that the caller need not maintain
		return nil
	}
	// The other arguments come first: no call for a command that is wrong anyway.
	if err := call.checkArguments(); err != nil {
		return err
	}
	id, err := call.Org.ID(ctx)
	if err != nil {
		return err
	}
	call.OrgID = id
	if err := e.mustBeMember(ctx, call); err != nil {
		return err
	}
	const how = "Name it with `--team SLUG`, or give the issue the label `team:SLUG`."
	if owner, err := e.ownerMayOmitTeam(ctx, call); err != nil || owner {
		return err
	}
	n, err := e.Store.CountRecords(ctx, id)
	if err != nil {
		return StoreError(err)
	}
	if n > 100 {
		return Refuse(ReasonMissingArgument, "Which team is this for? %s", how)
	}
	teams, err := e.Ownership.MaintainedTeams(ctx, call, nil)
	if err != nil {
		return err
	}
	switch len(teams) {
	case 0:
		return Refuse(ReasonMissingArgument, "Which team is this for? You maintain no team that owns a runner group here. %s", how)
	case 1:
		call.setTeam(teams[0].TeamSlug)
		return nil
	}
	choices := make([]string, 0, len(teams))
	for _, t := range teams {
		choices = append(choices, "`--team "+t.TeamSlug+"`")
	}
	return Refuse(ReasonMissingArgument, "Which team is this for? You maintain several: %s.", strings.Join(choices, ", "))
}

// ownerMayOmitTeam reports whether the call is one for which its caller, an owner of the
// organization, needs no team.
func (e *Env) ownerMayOmitTeam(ctx context.Context, call *Call) (bool, error) {
	if !call.Spec.WholeOrg {
		return false, nil
	}
	return e.IsOwner(ctx, call)
}

// fieldNotUsed refuses a team that an issue's field names but may not choose.
func (c *Call) fieldNotUsed(why string) *Error {
	return Refuse(ReasonMissingArgument, "Which team is this for? %s Say it in the command: %s.", why, c.Channel.Argument("team", cmp.Or(c.teamSlug(), c.TeamHint)))
}

// checkFieldAuthor refuses a team that was named by the field of an issue whose author is
// neither the caller nor a maintainer of that team. The caller's own right is proved before,
// so that nobody else causes the call.
func (e *Env) checkFieldAuthor(ctx context.Context, call *Call) error {
	if !call.teamFromIssue || call.TeamSource != TeamOfField || !call.FieldAuthor.Known() {
		return nil
	}
	m, err := call.Org.GitHub.TeamMembershipBySlug(ctx, call.Team.Slug, call.FieldAuthor.Login)
	if err != nil && github.KindOf(err) != github.NotFound {
		return GitHubError(err, "look up the issue's author")
	}
	if err == nil && m.State == "active" && m.Role == "maintainer" && (m.TeamID == 0 || m.TeamID == call.Team.ID) {
		return nil
	}
	return call.fieldNotUsed("The issue's field names a team that its author does not maintain.")
}

// explainWord adds to a refusal of the team that a word without a flag was taken for it: people
// write the name of a runner there. It depends on what was typed only, so it says nothing of
// the team.
func (c *Call) explainWord(err error) error {
	var refusal *Error
	if c.Channel != Comment || !errors.As(err, &refusal) {
		return err
	}
	switch refusal.Reason {
	case ReasonNotMaintainer, ReasonGroupNotFound, ReasonGroupNotOwned:
	default:
		return err
	}
	if p, ok := c.Spec.Positional(); !ok || p.Name != "team" || len(c.Args.Positional) != 1 {
		return err
	}
	out := *refusal
	out.Message += fmt.Sprintf(" The word %s was taken as the team.%s", Quote(c.Args.Positional[0]), c.Spec.nameLine(c.Args))
	return &out
}

// nameLine is the sentence with the line in which the word without a flag is a name; empty if
// the command takes no name, or if it has one.
func (s Spec) nameLine(args Args) string {
	_, takes := s.Param("name")
	_, has := args.Get("name")
	word := args.Positional[0]
	if !takes || has || !plainWord.MatchString(word) {
		return ""
	}
	line := s.Slash() + " " + s.Name + " --name " + word
	for _, named := range args.Named {
		value := strings.Join(named.Values, ",")
		if !plainWord.MatchString(value) {
			return ""
		}
		line += " --" + named.Name + " " + value
	}
	return " To name the runner instead: `" + line + "`."
}

// plainWord is text that means itself in a command's line.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9@:._,/-]+$`)

// setTeam gives the call its team, as if the caller had named it.
func (c *Call) setTeam(slug string) {
	args := Args{Positional: c.Args.Positional}
	for _, n := range c.Args.Named {
		if n.Name != "team" {
			args.Named = append(args.Named, n)
		}
	}
	args.Add("team", slug)
	c.Args = args
}
