package ghsim

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// listIssues lists the issues of a repository, the newest first unless the query says otherwise.
func (c *call) listIssues() answer {
	if !c.repo.HasIssues {
		return issuesDisabled()
	}
	q := c.r.URL.Query()
	state, creator := pick(q.Get("state"), "open"), q.Get("creator")
	var labels []string
	if q.Get("labels") != "" {
		labels = strings.Split(q.Get("labels"), ",")
	}
	issues := filter(c.repo.Issues, func(i *Issue) bool {
		return (state == "all" || i.State == state) && (creator == "" || strings.EqualFold(creator, i.Author.Login)) &&
			!slices.ContainsFunc(labels, func(l string) bool { return !i.has(l) })
	})
	slices.SortStableFunc(issues, func(a, b *Issue) int {
		switch q.Get("sort") {
		case "comments":
			return len(b.Comments) - len(a.Comments)
		case "updated":
			return b.UpdatedAt.Compare(a.UpdatedAt)
		}
		return b.Number - a.Number
	})
	if q.Get("direction") == "asc" {
		slices.Reverse(issues)
	}
	return list(c, issues, func(i *Issue) any { return c.issue(c.repo, i) })
}

func issuesDisabled() answer {
	return failure(http.StatusGone, "Issues has been disabled in this repository.", docs+"/issues/issues")
}

// A labelName is a label in a request: its name, or an object that has it.
type labelName string

// UnmarshalJSON implements [json.Unmarshaler].
func (l *labelName) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, (*string)(l))
	}
	var in struct {
		Name string `json:"name"`
	}
	err := json.Unmarshal(data, &in)
	*l = labelName(in.Name)
	return err
}

// maxLabel is how many characters the name of a label may have: https://github.com/github/docs/issues/32156.
const maxLabel = 50

// issueInput is the body of POST and PATCH. A nil pointer is a field that was left out.
type issueInput struct {
	Title  *string      `json:"title"`
	Body   *string      `json:"body"`
	State  *string      `json:"state"`
	Labels *[]labelName `json:"labels"`
}

func (c *call) readIssue() (in issueInput, refused *answer) {
	if a := c.read(&in); a != nil {
		return in, a
	}
	switch {
	case in.Title != nil && (strings.TrimSpace(*in.Title) == "" || len([]rune(*in.Title)) > 256):
		a := invalid("Issue", "title", "invalid", "title must have 1 to 256 characters")
		return in, &a
	case in.Body != nil && len([]rune(*in.Body)) > 65536:
		a := invalid("Issue", "body", "invalid", "body is too long (maximum is 65536 characters)")
		return in, &a
	case in.Labels != nil && slices.ContainsFunc(*in.Labels, func(l labelName) bool { return len([]rune(l)) > maxLabel }):
		a := invalid("Label", "name", "invalid", "")
		return in, &a
	case in.State != nil && *in.State != "open" && *in.State != "closed":
		a := invalid("Issue", "state", "invalid", "")
		return in, &a
	}
	return in, nil
}

func (c *call) createIssue() answer {
	if !c.repo.HasIssues {
		return issuesDisabled()
	}
	in, a := c.readIssue()
	if a != nil {
		return *a
	}
	if in.Title == nil {
		return invalid("Issue", "title", "missing_field", "")
	}
	now := c.s.now()
	i := &Issue{
		ID: c.st.id("issue"), Number: c.repo.nextIssue(), Title: *in.Title, State: "open",
		Author: c.author(), Via: c.who.app, CreatedAt: now, UpdatedAt: now,
	}
	set(&i.Body, in.Body)
	if in.Labels != nil {
		c.labelIssue(i, *in.Labels)
	}
	c.repo.Issues = append(c.repo.Issues, i)
	answer := created(c.issue(c.repo, i))
	answer.set("Location", c.api("/repos/"+c.repo.FullName()+"/issues/"+itoa(i.Number)))
	return answer
}

func (c *call) updateIssue(i *Issue) answer {
	in, a := c.readIssue()
	if a != nil {
		return *a
	}
	if c.who.inst == nil && i.Author != c.who.user && !higher(c.repo.permissionOf(c.who.user), "pull") {
		return forbidden("Must have admin rights to Repository.")
	}
	set(&i.Title, in.Title)
	set(&i.Body, in.Body)
	i.UpdatedAt = c.s.now()
	if in.State != nil {
		i.SetState(*in.State, c.author(), i.UpdatedAt)
	}
	if in.Labels != nil {
		i.Labels = nil
		c.labelIssue(i, *in.Labels)
	}
	return ok(c.issue(c.repo, i))
}

// SetState opens or closes the issue.
func (i *Issue) SetState(state string, by *User, now time.Time) {
	switch state {
	case i.State:
		return
	case "closed":
		i.ClosedAt, i.ClosedBy = now, by
	default:
		i.ClosedAt, i.ClosedBy = time.Time{}, nil
	}
	i.State, i.UpdatedAt = state, now
}

// nextIssue is the number of the next issue; those of deleted ones do not come again.
func (r *Repo) nextIssue() int {
	next := 1
	for _, i := range r.Issues {
		next = max(next, i.Number+1)
	}
	for _, n := range r.deleted {
		next = max(next, n+1)
	}
	return next
}

// DeleteIssue deletes the issue of that number, as an owner does in the browser.
func (r *Repo) DeleteIssue(number int) {
	if i := r.Issue(number); i != nil {
		r.Issues = filter(r.Issues, func(other *Issue) bool { return other != i })
		r.deleted = append(r.deleted, number)
	}
}

func (i *Issue) has(label string) bool {
	return slices.ContainsFunc(i.Labels, func(l string) bool { return strings.EqualFold(l, label) })
}

// label is the repository's label of that name, made if there is none.
func (st *State) label(r *Repo, name string) *Label {
	l := find(r.Labels, func(l *Label) bool { return strings.EqualFold(l.Name, name) })
	if l == nil {
		l = &Label{ID: st.id("label"), Name: name, Color: "ededed"}
		r.Labels = append(r.Labels, l)
	}
	return l
}

// labelIssue adds the labels that the issue does not have.
func (c *call) labelIssue(i *Issue, names []labelName) {
	for _, name := range names {
		if name != "" && !i.has(string(name)) {
			i.Labels = append(i.Labels, c.st.label(c.repo, string(name)).Name)
		}
	}
	i.UpdatedAt = c.s.now()
}

func (c *call) listIssueLabels(i *Issue) answer {
	return list(c, i.Labels, func(name string) any { return c.label(c.repo, c.st.label(c.repo, name)) })
}

func (c *call) addIssueLabels(i *Issue) answer {
	var in struct {
		Labels []labelName `json:"labels"`
	}
	if a := c.read(&in); a != nil {
		return *a
	}
	c.labelIssue(i, in.Labels)
	return c.listIssueLabels(i)
}

func (c *call) setIssueLabels(i *Issue) answer {
	i.Labels = nil
	return c.addIssueLabels(i)
}

func (c *call) clearIssueLabels(i *Issue) answer {
	i.Labels, i.UpdatedAt = nil, c.s.now()
	return noContent()
}

func (c *call) listRepoLabels() answer {
	return list(c, c.repo.Labels, func(l *Label) any { return c.label(c.repo, l) })
}

func (c *call) getLabel() answer {
	l := find(c.repo.Labels, func(l *Label) bool { return strings.EqualFold(l.Name, c.params["name"]) })
	if l == nil {
		return notFound("/issues/labels#get-a-label")
	}
	return ok(c.label(c.repo, l))
}

func (c *call) createLabel() answer {
	var in struct {
		Name        string `json:"name"`
		Color       string `json:"color"`
		Description string `json:"description"`
	}
	if a := c.read(&in); a != nil {
		return *a
	}
	switch {
	case strings.TrimSpace(in.Name) == "" || len([]rune(in.Name)) > maxLabel:
		return invalid("Label", "name", "invalid", "")
	case len([]rune(in.Description)) > 100:
		return invalid("Label", "description", "invalid", "")
	case slices.ContainsFunc(c.repo.Labels, func(l *Label) bool { return strings.EqualFold(l.Name, in.Name) }):
		return invalid("Label", "name", "already_exists", "")
	}
	l := c.st.label(c.repo, in.Name)
	l.Color, l.Description = pick(in.Color, l.Color), in.Description
	answer := created(c.label(c.repo, l))
	answer.set("Location", c.api("/repos/"+c.repo.FullName()+"/labels/"+in.Name))
	return answer
}
