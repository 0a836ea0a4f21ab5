package ghsim

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

func issueRoutes() []route {
	const repo = "/repos/{owner}/{repo}"
	const comment = repo + "/issues/comments/{comment_id}"
	const read, write = "issues:read", "issues:write"
	return []route{
		{http.MethodGet, repo + "/issues/comments", read, (*call).listRepoComments},
		{http.MethodGet, comment, read, onComment((*call).getComment)},
		{http.MethodPatch, comment, write, onComment((*call).updateComment)},
		{http.MethodDelete, comment, write, onComment((*call).deleteComment)},
		{http.MethodGet, comment + "/reactions", read, onComment((*call).listReactions)},
		{http.MethodPost, comment + "/reactions", write, onComment((*call).addReaction)},
		{http.MethodDelete, comment + "/reactions/{reaction_id}", write, onComment((*call).removeReaction)},
		{http.MethodGet, repo + "/issues", read, (*call).listIssues},
		{http.MethodPost, repo + "/issues", write, (*call).createIssue},
		{http.MethodGet, repo + "/issues/{issue_number}", read, onIssue(func(c *call, i *Issue) answer { return ok(c.issue(c.repo, i)) })},
		{http.MethodPatch, repo + "/issues/{issue_number}", write, onIssue((*call).updateIssue)},
		{http.MethodGet, repo + "/issues/{issue_number}/labels", read, onIssue((*call).listIssueLabels)},
		{http.MethodPost, repo + "/issues/{issue_number}/labels", write, onIssue((*call).addIssueLabels)},
		{http.MethodPut, repo + "/issues/{issue_number}/labels", write, onIssue((*call).setIssueLabels)},
		{http.MethodDelete, repo + "/issues/{issue_number}/labels", write, onIssue((*call).clearIssueLabels)},
		{http.MethodGet, repo + "/labels", read, (*call).listRepoLabels},
		{http.MethodPost, repo + "/labels", write, (*call).createLabel},
		{http.MethodGet, repo + "/labels/{name}", read, (*call).getLabel},
		{http.MethodGet, repo + "/issues/{issue_number}/comments", read, onIssue((*call).listComments)},
		{http.MethodPost, repo + "/issues/{issue_number}/comments", write, onIssue((*call).createComment)},
	}
}

func onIssue(handle func(*call, *Issue) answer) func(*call) answer {
	return func(c *call) answer {
		number := int(c.id("issue_number"))
		i := c.repo.Issue(number)
		switch {
		case !c.repo.HasIssues && (i == nil || !i.PullRequest):
			return issuesDisabled()
		case slices.Contains(c.repo.deleted, number):
			return failure(http.StatusGone, "This issue was deleted", docs+"/issues/issues#get-an-issue")
		case i == nil:
			return notFound("/issues/issues#get-an-issue")
		}
		return handle(c, i)
	}
}

func onComment(handle func(*call, *Issue, *Comment) answer) func(*call) answer {
	return func(c *call) answer {
		id := c.id("comment_id")
		for _, i := range c.repo.Issues {
			if cm := find(i.Comments, func(cm *Comment) bool { return cm.ID == id }); cm != nil {
				return handle(c, i, cm)
			}
		}
		return notFound("/issues/comments#get-an-issue-comment")
	}
}

// author is the user as whom the caller writes.
func (c *call) author() *User {
	if c.who.inst != nil {
		return c.who.app.Bot
	}
	return c.who.user
}

// since keeps the comments that were updated at or after the query's time.
func (c *call) since(comments []*Comment) ([]*Comment, *answer) {
	text := c.r.URL.Query().Get("since")
	if text == "" {
		return comments, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		a := invalid("IssueComment", "since", "invalid", "")
		return nil, &a
	}
	return filter(comments, func(cm *Comment) bool { return !cm.UpdatedAt.Truncate(time.Second).Before(t) }), nil
}

func (c *call) listComments(i *Issue) answer {
	comments, a := c.since(i.Comments)
	if a != nil {
		return *a
	}
	return list(c, comments, func(cm *Comment) any { return c.comment(c.repo, i, cm) })
}

// listRepoComments lists all comments of a repository, by age, the oldest first unless the query says otherwise.
func (c *call) listRepoComments() answer {
	var all []*Comment
	of := map[*Comment]*Issue{}
	for _, i := range c.repo.Issues {
		for _, cm := range i.Comments {
			all = append(all, cm)
			of[cm] = i
		}
	}
	all, a := c.since(all)
	if a != nil {
		return *a
	}
	q := c.r.URL.Query()
	slices.SortStableFunc(all, func(a, b *Comment) int {
		if q.Get("sort") == "updated" {
			return a.UpdatedAt.Compare(b.UpdatedAt)
		}
		return int(a.ID - b.ID)
	})
	if q.Get("direction") == "desc" {
		slices.Reverse(all)
	}
	return list(c, all, func(cm *Comment) any { return c.comment(c.repo, of[cm], cm) })
}

func (c *call) readComment() (string, *answer) {
	var in struct {
		Body *string `json:"body"`
	}
	if a := c.read(&in); a != nil {
		return "", a
	}
	if a := badComment(in.Body); a != nil {
		return "", a
	}
	return *in.Body, nil
}

// badComment refuses a body that GitHub refuses: none, blank, or too long.
func badComment(body *string) *answer {
	var a answer
	switch {
	case body == nil:
		a = unprocessable("Invalid request.\n\n\"body\" wasn't supplied.")
	case strings.TrimSpace(*body) == "":
		a = invalid("IssueComment", "data", "unprocessable", "Body cannot be blank")
	case len([]rune(*body)) > 65536:
		a = invalid("IssueComment", "data", "unprocessable", "Body is too long (maximum is 65536 characters)")
	default:
		return nil
	}
	return &a
}

// maxComments is how many comments GitHub takes on one issue.
const maxComments = 2500

// closedToComments is GitHub's refusal of a comment on an issue that is locked, for all but
// those who may write to the repository, or that has as many comments as it can. Apps are
// refused in a locked one even with issues: write, as https://github.com/probot/stale/issues/25 shows.
func closedToComments(i *Issue, locked bool) *answer {
	var a answer
	switch {
	case i.Locked && locked:
		a = failure(http.StatusForbidden, "Unable to create comment because issue is locked.", "https://docs.github.com/articles/locking-conversations/")
	case len(i.Comments) >= maxComments:
		a = failure(http.StatusForbidden, "Commenting is disabled on issues with more than 2500 comments", docs+"/issues/comments#create-an-issue-comment")
	default:
		return nil
	}
	return &a
}

func (c *call) createComment(i *Issue) answer {
	body, a := c.readComment()
	if a != nil {
		return *a
	}
	if a := closedToComments(i, c.who.inst != nil || !c.repo.Org.owner(c.who.user)); a != nil {
		return *a
	}
	cm := c.st.comment(i, c.author(), body, c.who.app, c.s.now())
	c.s.issueEvent("created", c.repo, i, cm, c.author(), nil)
	answer := created(c.comment(c.repo, i, cm))
	answer.set("Location", c.api(fmt.Sprintf("/repos/%s/issues/comments/%d", c.repo.FullName(), cm.ID)))
	return answer
}

func (c *call) getComment(i *Issue, cm *Comment) answer { return ok(c.comment(c.repo, i, cm)) }

// mayEdit reports whether the caller may change the comment: its author, owners, and Apps that may write issues.
func (c *call) mayEdit(cm *Comment) bool {
	return c.who.inst != nil || cm.Author == c.who.user || c.repo.Org.owner(c.who.user)
}

func (c *call) updateComment(i *Issue, cm *Comment) answer {
	body, a := c.readComment()
	if a != nil {
		return *a
	}
	if !c.mayEdit(cm) {
		return forbidden("Must have admin rights to Repository.")
	}
	changes := obj{"body": obj{"from": cm.Body}}
	cm.Body, cm.UpdatedAt = body, c.s.now()
	c.s.issueEvent("edited", c.repo, i, cm, c.author(), changes)
	return ok(c.comment(c.repo, i, cm))
}

func (c *call) deleteComment(i *Issue, cm *Comment) answer {
	if !c.mayEdit(cm) {
		return forbidden("Must have admin rights to Repository.")
	}
	i.Comments = filter(i.Comments, func(other *Comment) bool { return other != cm })
	c.s.issueEvent("deleted", c.repo, i, cm, c.author(), nil)
	return noContent()
}

func (c *call) listReactions(_ *Issue, cm *Comment) answer {
	content := c.r.URL.Query().Get("content")
	return list(c, filter(cm.Reactions, func(r *Reaction) bool { return content == "" || r.Content == content }), c.reaction)
}

// addReaction answers 200 if the caller has reacted so before, else 201.
func (c *call) addReaction(_ *Issue, cm *Comment) answer {
	var in struct {
		Content string `json:"content"`
	}
	if a := c.read(&in); a != nil {
		return *a
	}
	if !slices.Contains(Reactions(), in.Content) {
		return invalid("Reaction", "content", "invalid", "")
	}
	user := c.author()
	if r := find(cm.Reactions, func(r *Reaction) bool { return r.User == user && r.Content == in.Content }); r != nil {
		return ok(c.reaction(r))
	}
	r := &Reaction{ID: c.st.id("reaction"), User: user, Content: in.Content, CreatedAt: c.s.now()}
	cm.Reactions = append(cm.Reactions, r)
	return created(c.reaction(r))
}

func (c *call) removeReaction(_ *Issue, cm *Comment) answer {
	id := c.id("reaction_id")
	r := find(cm.Reactions, func(r *Reaction) bool { return r.ID == id })
	switch {
	case r == nil:
		return notFound("/reactions/reactions#delete-an-issue-comment-reaction")
	case r.User != c.author():
		return forbidden("You do not have permission to delete this reaction.")
	}
	cm.Reactions = filter(cm.Reactions, func(other *Reaction) bool { return other != r })
	return noContent()
}

// Comment writes a comment as a person in the browser would, with the webhook
// that follows, and returns the comment's id.
func (s *Server) Comment(org, repo string, issue int, login, body string) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, i, err := s.state.Issue(org, repo, issue)
	if err != nil {
		return 0, err
	}
	u := s.state.User(login)
	switch {
	case u == nil:
		return 0, fmt.Errorf("user %q: %w", login, errNothing)
	case r.Private() && !r.Org.activeMember(u):
		return 0, fmt.Errorf("%s cannot see the private repository %s", login, r.FullName())
	case r.Archived:
		return 0, fmt.Errorf("%s is archived: nobody can comment there", r.FullName())
	case closedToComments(i, !r.Org.activeMember(u)) != nil:
		return 0, fmt.Errorf("%s#%d is locked or has too many comments", r.FullName(), i.Number)
	case badComment(&body) != nil:
		return 0, fmt.Errorf("a comment has 1 to 65536 characters, not all of them blank")
	}
	c := s.state.comment(i, u, body, nil, s.now())
	s.issueEvent("created", r, i, c, u, nil)
	s.touch()
	return c.ID, nil
}

// Edit changes the text of a comment as somebody in the browser would, with the webhook that
// follows.
func (s *Server) Edit(org, repo string, issue int, id int64, login, body string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, i, err := s.state.Issue(org, repo, issue)
	if err != nil {
		return err
	}
	u := s.state.User(login)
	c := find(i.Comments, func(c *Comment) bool { return c.ID == id })
	if u == nil || c == nil {
		return fmt.Errorf("user %q or comment %d: %w", login, id, errNothing)
	}
	changes := obj{"body": obj{"from": c.Body}}
	c.Body, c.UpdatedAt = body, s.now()
	s.issueEvent("edited", r, i, c, u, changes)
	s.touch()
	return nil
}

// Comments are copies of the comments of an issue, the oldest first.
func (s *Server) Comments(org, repo string, issue int) []Comment {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, i, err := s.state.Issue(org, repo, issue)
	if err != nil {
		return nil
	}
	comments := make([]Comment, 0, len(i.Comments))
	for _, c := range i.Comments {
		dup := *c
		dup.Reactions = slices.Clone(c.Reactions)
		comments = append(comments, dup)
	}
	return comments
}

// Issue returns an issue with its repository.
func (st *State) Issue(org, repo string, number int) (*Repo, *Issue, error) {
	if o := st.Org(org); o != nil {
		if r := o.Repo(repo); r != nil {
			if i := r.Issue(number); i != nil {
				return r, i, nil
			}
		}
	}
	return nil, nil, fmt.Errorf("issue %s/%s#%d: %w", org, repo, number, errNothing)
}
