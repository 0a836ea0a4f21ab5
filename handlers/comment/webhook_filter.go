package comment

import (
	"context"
	"slices"
	"strings"

	"github.com/palantir/go-githubapp/githubapp"
)

// A drop is why a delivery is not stored, as GitHub is answered. Empty: it is.
type drop string

const (
	dropAction       drop = "not a new comment"
	dropRepository   drop = "not in an admin repository"
	dropOwn          drop = "this App's own comment"
	dropNoCommand    drop = "no command"
	dropBot          drop = "not written by a person"
	dropInstallation drop = "not of the App's installation"
)

// losesCommand reports whether the comment holds a command for this server. Then the log says
// that it is ignored.
func (d drop) losesCommand() bool { return d == dropBot || d == dropInstallation }

// filter returns what is kept of a payload, or why it is dropped. Its error says that it
// cannot be judged now, so GitHub has to deliver it again.
func (e commentEvents) filter(ctx context.Context, p *commentPayload) (Comment, drop, error) {
	i := slices.IndexFunc(e.Orgs, func(o WebhookOrg) bool { return o.isAdminRepo(p) })
	switch {
	case p.Action != actionCreated:
		return Comment{}, dropAction, nil
	case i < 0:
		return Comment{}, dropRepository, nil
	case p.Comment.App != nil && p.Comment.App.ID == e.AppID:
		return Comment{}, dropOwn, nil
	}
	comment := p.comment(e.Orgs[i])
	if len(comment.Lines)+len(comment.Appended) == 0 {
		return Comment{}, dropNoCommand, nil
	}
	if p.Comment.User.Type != "User" || p.Sender.Type != "" && p.Sender.Type != "User" || p.Comment.App != nil {
		return comment, dropBot, nil
	}
	ours, err := e.Orgs[i].installed(ctx, p.Installation.ID)
	if err == nil && !ours {
		return comment, dropInstallation, nil
	}
	return comment, "", err
}

// dropped answers a delivery that is not stored, and logs it if a command is lost with it.
func (e commentEvents) dropped(ctx context.Context, guid string, p *commentPayload, d drop) {
	if d.losesCommand() {
		e.Logger.Warn().Str(githubapp.LogKeyDeliveryID, guid).Str("repo", p.Repository.FullName).Int("issue", p.Issue.Number).
			Int64("comment_id", p.Comment.ID).Str("author", p.Comment.User.Login).Int64("installation", p.Installation.ID).
			Msg("A comment with a command is ignored: it is " + string(d))
	}
	e.respond(ctx, OutcomeIgnored, string(d))
}

// isAdminRepo reports whether the comment is in the organization's admin repository. The
// organization is known by its id, if GitHub was asked for it, because it may be renamed.
func (o WebhookOrg) isAdminRepo(p *commentPayload) bool {
	owner, name, _ := strings.Cut(p.Repository.FullName, "/")
	if o.AdminRepo == "" || !strings.EqualFold(name, o.AdminRepo) {
		return false
	}
	if id := o.OrgID; id != nil && id() != 0 && p.Repository.Owner.ID != 0 && strings.EqualFold(owner, p.Repository.Owner.Login) {
		return p.Repository.Owner.ID == id()
	}
	return strings.EqualFold(owner, o.Org)
}

// comment returns what is kept of a payload.
func (p *commentPayload) comment(org WebhookOrg) Comment {
	parsed := ParseComment(p.Comment.Body, org.Trigger)
	comment := Comment{
		Org: org.Org, OrgID: p.Repository.Owner.ID, Repo: org.AdminRepo, RepoID: p.Repository.ID, InstallationID: p.Installation.ID,
		Issue: p.Issue.Number, CommentID: p.Comment.ID,
		Author: Author{ID: p.Comment.User.ID, Login: p.Comment.User.Login},
		Lines:  parsed.Lines, Appended: clipAppended(parsed.Appended), Digest: digestOf(p.Comment.Body),
		TeamFields: teamFields(p.Issue.Body), IssueAuthor: Author{ID: p.Issue.User.ID, Login: p.Issue.User.Login},
		CreatedAt: p.Comment.CreatedAt,
	}
	for _, label := range p.Issue.Labels {
		if _, ok := teamOfLabel(label.Name); ok {
			comment.Labels = append(comment.Labels, label.Name)
		}
	}
	return comment
}
