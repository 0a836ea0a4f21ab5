package comment

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/palantir/go-githubapp/githubapp"
)

// guardedText is how many bytes of text are parsed without a record of it. It is more than a
// comment with commands and its issue usually have, so that those cost no write.
const guardedText = 8 << 10

// A drop is why a delivery is not stored, as GitHub is answered. Empty: it is.
type drop string

const (
	dropAction       drop = "neither a new comment nor an edit of one"
	dropRepository   drop = "not in an admin repository"
	dropOwn          drop = "this App's own comment"
	dropNoCommand    drop = "no command"
	dropNoneAdded    drop = "the edit adds no command"
	dropBot          drop = "not written by a person"
	dropInstallation drop = "not of the App's installation"
	dropOrganization drop = "of an organization that GitHub calls otherwise"
)

// losesCommand reports whether the comment holds a command for this server. Then the log says
// that it is ignored.
func (d drop) losesCommand() bool {
	return d == dropBot || d == dropInstallation || d == dropOrganization
}

// filter returns what is kept of a payload, or why it is dropped. Its error says that it
// cannot be judged now, so GitHub has to deliver it again.
func (e commentEvents) filter(ctx context.Context, guid string, p *commentPayload) (Comment, drop, error) {
	i := slices.IndexFunc(e.Orgs, func(o WebhookOrg) bool { return o.isAdminRepo(p) })
	switch {
	case p.Action != actionCreated && p.Action != actionEdited:
		return Comment{}, dropAction, nil
	case i < 0:
		return Comment{}, dropRepository, nil
	case p.Action == actionEdited && p.From == nil:
		return Comment{}, dropNoneAdded, nil
	case p.Comment.App != nil && *p.Comment.App == e.AppID():
		return Comment{}, dropOwn, nil
	}
	comment, err := e.read(ctx, guid, p, e.Orgs[i])
	switch {
	case err != nil:
		return Comment{}, "", err
	case len(comment.Lines)+len(comment.Appended) > 0, comment.Notice == NoticeUnreadable:
	case p.Action == actionEdited:
		return Comment{}, dropNoneAdded, nil
	default:
		return Comment{}, dropNoCommand, nil
	}
	if p.Comment.User.Type != "User" || p.Sender.Type != "" && p.Sender.Type != "User" || p.Comment.App != nil {
		return comment, dropBot, nil
	}
	ours, err := e.Orgs[i].installed(ctx, p.Installation)
	if err == nil && !ours {
		return comment, dropInstallation, nil
	}
	if err == nil {
		ours, err = e.Orgs[i].named(ctx, p.Repository.Owner.Login)
	}
	if err == nil && !ours {
		return comment, dropOrganization, nil
	}
	return comment, "", err
}

// dropped answers a delivery that is not stored, and logs it if a command is lost with it.
func (e commentEvents) dropped(ctx context.Context, guid string, p *commentPayload, d drop) {
	if d.losesCommand() {
		e.Logger.Warn().Str(githubapp.LogKeyDeliveryID, guid).Str("repo", p.Repository.FullName).Int("issue", p.Issue.Number).
			Int64("comment_id", p.Comment.ID).Str("author", p.Comment.User.Login).Int64("installation", p.Installation).
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

// read returns what is kept of a payload. A text that takes more than a moment to parse is
// parsed once only: if that crashed the server, it would crash it at every delivery. Then the
// comment is answered without its text.
func (e commentEvents) read(ctx context.Context, guid string, p *commentPayload, org WebhookOrg) (Comment, error) {
	comment := p.keep(org)
	guarded := len(p.Comment.Body)+len(p.before())+len(p.Issue.Body) > guardedText && e.Parsing != nil
	var parsed func()
	if guarded {
		text := strings.Join([]string{p.Comment.Body, p.before(), p.Issue.Body}, "\x00")
		var crashed bool
		var err error
		if parsed, crashed, err = e.Parsing(ctx, strconv.FormatInt(p.Comment.ID, 10)+"/"+digestOf(p.Action+text), guid); err != nil {
			return Comment{}, err
		}
		if crashed {
			e.Logger.Error().Str(githubapp.LogKeyDeliveryID, guid).Str("repo", p.Repository.FullName).Int("issue", p.Issue.Number).Int64("comment_id", p.Comment.ID).
				Msg("A comment is not read again: the server ended when it read it the first time")
			comment.Notice = NoticeUnreadable
			return comment, nil
		}
	}
	p.parse(&comment, org.Trigger)
	if p.Action == actionCreated && tooDeep([]byte(p.Comment.Body)) {
		comment.Notice = NoticeUnreadable
	}
	if guarded {
		parsed()
	}
	return comment, nil
}

// parse finds the commands, and what the issue says about the team.
func (p *commentPayload) parse(comment *Comment, trigger string) {
	parsed := ParseComment(p.Comment.Body, trigger)
	if p.Action == actionEdited {
		if len(parsed.Lines) > 0 {
			comment.Lines = addedLines(ParseComment(p.before(), trigger).Lines, parsed.Lines)
		}
		return
	}
	comment.Lines, comment.Appended = parsed.Lines, clipAppended(parsed.Appended)
	if len(comment.Lines) > 0 {
		comment.TeamFields = teamFields(p.Issue.Body)
	}
}

// before returns the comment's text before an edit.
func (p *commentPayload) before() string {
	if p.From == nil {
		return ""
	}
	return *p.From
}

// keep returns what is kept of a payload except for what its texts say.
func (p *commentPayload) keep(org WebhookOrg) Comment {
	comment := Comment{
		Org: org.Org, OrgID: p.Repository.Owner.ID, Repo: org.AdminRepo, RepoID: p.Repository.ID, InstallationID: p.Installation,
		Issue: p.Issue.Number, CommentID: p.Comment.ID, Digest: digestOf(p.Comment.Body),
		Author:      Author{ID: p.Comment.User.ID, Login: p.Comment.User.Login},
		IssueAuthor: Author{ID: p.Issue.User.ID, Login: p.Issue.User.Login},
		CreatedAt:   p.Comment.CreatedAt,
	}
	if p.Action == actionEdited {
		comment.Notice = NoticeEdited
		comment.Author = Author{ID: p.Sender.ID, Login: p.Sender.Login}
		if !p.Comment.UpdatedAt.IsZero() {
			comment.CreatedAt = p.Comment.UpdatedAt
		}
		return comment
	}
	for _, label := range p.Issue.Labels {
		if _, ok := teamOfLabel(label); ok {
			comment.Labels = append(comment.Labels, label)
		}
	}
	return comment
}
