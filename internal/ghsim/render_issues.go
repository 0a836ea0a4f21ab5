package ghsim

import (
	"fmt"
	"net/url"
)

func (c *call) issue(r *Repo, i *Issue) obj {
	api := c.api(fmt.Sprintf("/repos/%s/issues/%d", r.FullName(), i.Number))
	updated := i.UpdatedAt
	if updated.IsZero() { // a test added it
		updated = i.CreatedAt
	}
	o := obj{
		"id": i.ID, "node_id": node("I", i.ID), "number": i.Number, "title": i.Title, "body": i.Body, "state": i.State, "locked": i.Locked,
		"url": api, "repository_url": c.api("/repos/" + r.FullName()), "labels_url": api + "/labels{/name}", "comments_url": api + "/comments", "events_url": api + "/events",
		"html_url": c.issueURL(r, i), "user": c.user(i.Author), "assignee": nil, "assignees": []any{}, "milestone": nil, "comments": len(i.Comments),
		"created_at": stamp(i.CreatedAt), "updated_at": stamp(updated), "closed_at": stamp(i.ClosedAt), "closed_by": nil, "author_association": association(r, i.Author),
		"active_lock_reason": nil, "performed_via_github_app": nil, "state_reason": nil, "reactions": c.rollup(api, nil),
		"labels": each(i.Labels, func(name string) any { return c.label(r, c.st.label(r, name)) }),
	}
	if i.Via != nil {
		o["performed_via_github_app"] = c.integration(i.Via)
	}
	if i.ClosedBy != nil {
		o["closed_by"] = c.user(i.ClosedBy)
	}
	if i.PullRequest {
		web := c.issueURL(r, i)
		o["pull_request"] = obj{"url": c.api(fmt.Sprintf("/repos/%s/pulls/%d", r.FullName(), i.Number)), "html_url": web, "diff_url": web + ".diff", "patch_url": web + ".patch", "merged_at": nil}
	}
	return o
}

func (c *call) issueURL(r *Repo, i *Issue) string {
	kind := "issues"
	if i.PullRequest {
		kind = "pull"
	}
	return fmt.Sprintf("%s/%s/%s/%d", c.base, r.FullName(), kind, i.Number)
}

func (c *call) comment(r *Repo, i *Issue, cm *Comment) obj {
	api := c.api(fmt.Sprintf("/repos/%s/issues/comments/%d", r.FullName(), cm.ID))
	o := obj{
		"id": cm.ID, "node_id": node("IC", cm.ID), "url": api, "html_url": fmt.Sprintf("%s#issuecomment-%d", c.issueURL(r, i), cm.ID),
		"issue_url": c.api(fmt.Sprintf("/repos/%s/issues/%d", r.FullName(), i.Number)), "user": c.user(cm.Author), "body": cm.Body,
		"created_at": stamp(cm.CreatedAt), "updated_at": stamp(cm.UpdatedAt), "author_association": association(r, cm.Author),
		"performed_via_github_app": nil, "reactions": c.rollup(api, cm.Reactions),
	}
	if cm.Via != nil {
		o["performed_via_github_app"] = c.integration(cm.Via)
	}
	return o
}

func association(r *Repo, u *User) string {
	switch {
	case u != nil && r.Org.activeMember(u):
		return "MEMBER"
	default:
		return "NONE"
	}
}

// Reactions are those that GitHub knows.
func Reactions() []string {
	return []string{"+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes"}
}

func (c *call) rollup(api string, all []*Reaction) obj {
	o := obj{"url": api + "/reactions", "total_count": len(all)}
	for _, content := range Reactions() {
		o[content] = len(filter(all, func(r *Reaction) bool { return r.Content == content }))
	}
	return o
}

func (c *call) reaction(r *Reaction) any {
	return obj{"id": r.ID, "node_id": node("REA", r.ID), "user": c.user(r.User), "content": r.Content, "created_at": stamp(r.CreatedAt)}
}

func (c *call) label(r *Repo, l *Label) any {
	o := obj{
		"id": l.ID, "node_id": node("LA", l.ID), "url": c.api("/repos/" + r.FullName() + "/labels/" + url.PathEscape(l.Name)),
		"name": l.Name, "color": l.Color, "default": false, "description": nil,
	}
	if l.Description != "" {
		o["description"] = l.Description
	}
	return o
}
