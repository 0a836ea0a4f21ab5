package github

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/go-github/v41/github"
)

// The states of an [Issue].
const (
	IssueOpen   = "open"
	IssueClosed = "closed"
)

// An Issue is an issue or a pull request of the admin repository.
type Issue struct {
	Number    int
	HTMLURL   string
	Title     string
	Body      string
	State     string // IssueOpen or IssueClosed
	Locked    bool   // only people who may write to the repository can comment, and no App
	Comments  int    // how many there are; GitHub takes 2,500
	Labels    []string
	UserLogin string // of its author
	AppID     int64  // the GitHub App that made it; 0 if none did
	CreatedAt time.Time
	UpdatedAt time.Time
}

type issueAnswer struct {
	Number    int           `json:"number"`
	HTMLURL   string        `json:"html_url"`
	Title     string        `json:"title"`
	Body      string        `json:"body"`
	State     string        `json:"state"`
	Locked    bool          `json:"locked"`
	Comments  int           `json:"comments"`
	Labels    []issueLabel  `json:"labels"`
	User      accountAnswer `json:"user"`
	CreatedAt time.Time     `json:"created_at"`
	UpdatedAt time.Time     `json:"updated_at"`
	App       *struct {
		ID int64 `json:"id"`
	} `json:"performed_via_github_app"`
}

// An issueLabel is the name of a label, which GitHub sends as an object or as text.
type issueLabel string

// UnmarshalJSON implements [json.Unmarshaler].
func (l *issueLabel) UnmarshalJSON(data []byte) error {
	var object struct {
		Name string `json:"name"`
	}
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, (*string)(l))
	}
	if err := json.Unmarshal(data, &object); err != nil {
		return err
	}
	*l = issueLabel(object.Name)
	return nil
}

func (a issueAnswer) issue() Issue {
	i := Issue{
		Number: a.Number, HTMLURL: a.HTMLURL, Title: a.Title, Body: a.Body, State: a.State, Locked: a.Locked, Comments: a.Comments,
		UserLogin: a.User.Login, CreatedAt: a.CreatedAt, UpdatedAt: a.UpdatedAt,
	}
	for _, l := range a.Labels {
		i.Labels = append(i.Labels, string(l))
	}
	if a.App != nil {
		i.AppID = a.App.ID
	}
	return i
}

// OpenIssues lists the open issues of the admin repository, those with most comments first.
func (o *Org) OpenIssues(ctx context.Context) ([]Issue, error) {
	return o.listIssues(ctx, "list the open issues of the admin repository", url.Values{"state": {IssueOpen}, "sort": {"comments"}})
}

// An IssueFilter chooses issues. Fields that are empty choose all.
type IssueFilter struct {
	State   string   // IssueOpen or IssueClosed
	Creator string   // login of the author; that of an App ends in "[bot]"
	Labels  []string // the issue has all of them
}

// FindIssues lists the issues of the admin repository that the filter chooses, the newest
// first. An issue that was just made or changed may be missing: GitHub's lists lag behind.
func (o *Org) FindIssues(ctx context.Context, f IssueFilter) ([]Issue, error) {
	const op = "list the issues of the admin repository"
	query := url.Values{"state": {"all"}}
	if f.State != "" {
		query.Set("state", f.State)
	}
	if f.Creator != "" {
		if _, err := segment("login", botPattern, f.Creator); err != nil {
			return nil, o.app.failed(op, err)
		}
		query.Set("creator", f.Creator)
	}
	for _, l := range f.Labels {
		if _, err := label(l); err != nil {
			return nil, o.app.failed(op, err)
		}
	}
	if len(f.Labels) > 0 {
		query.Set("labels", strings.Join(f.Labels, ","))
	}
	return o.listIssues(ctx, op, query)
}

func (o *Org) listIssues(ctx context.Context, op string, query url.Values) ([]Issue, error) {
	s, repo, err := o.adminSession(ctx, op)
	if err != nil {
		return nil, err
	}
	found, err := listAll(ctx, func(ctx context.Context, page github.ListOptions) ([]issueAnswer, *github.Response, error) {
		values := pageValues(page)
		for key := range query {
			values.Set(key, query.Get(key))
		}
		return send[[]issueAnswer](ctx, s.comments, http.MethodGet, o.issuesPath(repo)+"?"+values.Encode(), nil)
	})
	if err != nil {
		return nil, o.app.failed(op, err)
	}
	issues := make([]Issue, len(found))
	for i, a := range found {
		issues[i] = a.issue()
	}
	return issues, nil
}

// Issue gets an issue of the admin repository. It fails with NotFound if it was deleted or
// moved to another repository.
func (o *Org) Issue(ctx context.Context, number int) (Issue, error) {
	op := fmt.Sprintf("get issue %d", number)
	s, repo, err := o.adminSession(ctx, op)
	if err != nil {
		return Issue{}, err
	}
	path := fmt.Sprintf("%s/%d", o.issuesPath(repo), number)
	answer, _, err := send[issueAnswer](context.WithValue(ctx, stayKey{}, true), s.comments, http.MethodGet, path, nil)
	return answer.issue(), o.app.failed(op, err)
}

// A NewIssue describes an issue to create.
type NewIssue struct {
	Title  string
	Body   string
	Labels []string // GitHub makes those that the repository does not have; see [Org.EnsureLabel]
}

// CreateIssue creates an issue in the admin repository. If the error is ambiguous, look for it
// before trying again.
func (o *Org) CreateIssue(ctx context.Context, n NewIssue) (Issue, error) {
	return o.writeIssue(ctx, "create an issue in the admin repository", http.MethodPost, "", map[string]any{
		"title": n.Title, "body": n.Body, "labels": append([]string{}, n.Labels...),
	})
}

// An IssueChange describes a change of an issue. Fields that are empty stay as they are.
type IssueChange struct {
	Title  string
	Body   string
	State  string   // IssueOpen reopens it, IssueClosed closes it as completed
	Labels []string // all that it is to have from now on
}

// EditIssue changes an issue of the admin repository and returns the result. It fails with
// NotFound if the issue was deleted.
func (o *Org) EditIssue(ctx context.Context, number int, change IssueChange) (Issue, error) {
	body := map[string]any{}
	if len(change.Labels) > 0 {
		body["labels"] = change.Labels
	}
	for key, value := range map[string]string{"title": change.Title, "body": change.Body, "state": change.State} {
		if value != "" {
			body[key] = value
		}
	}
	return o.writeIssue(ctx, fmt.Sprintf("edit issue %d", number), http.MethodPatch, fmt.Sprintf("/%d", number), body)
}

func (o *Org) writeIssue(ctx context.Context, op, method, path string, body any) (Issue, error) {
	s, repo, err := o.adminSession(ctx, op)
	if err != nil {
		return Issue{}, err
	}
	answer, _, err := send[issueAnswer](ctx, s.comments, method, o.issuesPath(repo)+path, body)
	if err == nil && answer.Number == 0 {
		err = &Error{Kind: Other, Message: "GitHub's answer contains no issue"}
	}
	return answer.issue(), o.app.failedWrite(op, err)
}

// AddIssueLabels adds labels to an issue of the admin repository. Those that it has stay.
func (o *Org) AddIssueLabels(ctx context.Context, number int, labels []string) error {
	op := fmt.Sprintf("add labels to issue %d", number)
	s, repo, err := o.adminSession(ctx, op)
	if err != nil {
		return err
	}
	ctx = context.WithValue(ctx, repeatableKey{}, true) // adding twice is adding once
	_, _, err = send[[]issueLabel](ctx, s.comments, http.MethodPost, fmt.Sprintf("%s/%d/labels", o.issuesPath(repo), number), labelsBody(labels))
	return o.app.failedWrite(op, err)
}

// A Label belongs to the admin repository, whose issues may have it.
type Label struct {
	Name        string `json:"name"`
	Color       string `json:"color"` // six hexadecimal digits
	Description string `json:"description,omitempty"`
}

// EnsureLabel creates a label of the admin repository, unless it has one of that name. The
// color and the description of one that exists stay.
func (o *Org) EnsureLabel(ctx context.Context, l Label) error {
	op := fmt.Sprintf("create label %.100q", l.Name)
	s, repo, err := o.adminSession(ctx, op)
	if err != nil {
		return err
	}
	escaped, err := label(l.Name)
	if err != nil {
		return o.app.failed(op, err)
	}
	path := fmt.Sprintf("repos/%s/%s/labels", o.loginSegment(), repo)
	_, _, err = send[Label](ctx, s.comments, http.MethodGet, path+"/"+escaped, nil)
	if err = o.app.failed(op, err); KindOf(err) != NotFound {
		return err
	}
	_, _, err = send[Label](ctx, s.comments, http.MethodPost, path, l)
	if err = o.app.failedWrite(op, err); KindOf(err) == Conflict { // another replica was faster
		return nil
	}
	return err
}

func (o *Org) issuesPath(repo string) string {
	return fmt.Sprintf("repos/%s/%s/issues", o.loginSegment(), repo)
}

// HasLabel reports whether the issue has the label, without regard to case.
func (i Issue) HasLabel(name string) bool {
	return slices.ContainsFunc(i.Labels, func(l string) bool { return strings.EqualFold(l, name) })
}
