package doctor

import (
	"context"
	"fmt"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/config"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

// manyComments is when an issue is near the end: GitHub takes 2,500 comments on one, and
// then none for ever.
const manyComments = 2_000

// checkAdminIssues looks for open issues of the admin repository in which a command runs, but
// cannot be answered, now or soon.
func (d *doctor) checkAdminIssues(ctx context.Context, c config.Organization, org *github.Org) {
	name := d.checkName(c.Org, "admin-issues")
	issues, err := org.OpenIssues(ctx)
	if err != nil {
		d.advise(name, "the open issues could not be listed: "+err.Error(), "Try again.", d.page(c.Org, c.Chatops.AdminRepo, "issues"))
		return
	}
	var found []string
	page := ""
	for _, issue := range issues {
		var problem string
		switch {
		case issue.Comments > manyComments:
			problem = fmt.Sprintf("issue #%d has %d comments, and GitHub takes 2,500", issue.Number, issue.Comments)
		case issue.Locked:
			problem = fmt.Sprintf("issue #%d is locked", issue.Number)
		default:
			continue
		}
		found = append(found, problem)
		if page == "" {
			page = issue.HTMLURL
		}
	}
	const most = 5
	if more := len(found) - most; more > 0 {
		found = append(found[:most], fmt.Sprintf("%d more are like that", more))
	}
	if len(found) > 0 {
		d.advise(name, strings.Join(found, "; ")+": commands there run, but the server cannot reply",
			"Unlock a locked issue, or close it. Close one with many comments and open a new one in its place.", page)
		return
	}
	d.pass(name, fmt.Sprintf("the %d open issues take comments", len(issues)))
}
