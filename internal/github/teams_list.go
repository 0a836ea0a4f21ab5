package github

import (
	"context"
	"net/http"

	"github.com/google/go-github/v41/github"
)

// Teams lists all teams of the organization, secret ones too. GitHub leaves the
// time of their creation out of the list; [Org.Team] tells it.
func (o *Org) Teams(ctx context.Context) ([]Team, error) {
	s, err := o.session(ctx)
	if err != nil {
		return nil, err
	}
	teams, err := pages(ctx, func(ctx context.Context, page github.ListOptions) ([]Team, *github.Response, error) {
		return send[[]Team](ctx, s.main, http.MethodGet, "orgs/"+o.path()+"/teams"+listQuery(page), nil)
	})
	return teams, o.app.failed("list the teams of "+o.login, err)
}
