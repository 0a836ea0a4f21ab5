package github_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

// behindGateway returns the address of a gateway before the simulator that changes answers.
func behindGateway(t *testing.T, address string, change func(*http.Response)) string {
	t.Helper()
	to, err := url.Parse(address)
	require.NoError(t, err)
	proxy := &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(to) },
		ModifyResponse: func(r *http.Response) error { change(r); return nil },
	}
	gateway := httptest.NewServer(proxy)
	t.Cleanup(gateway.Close)
	return gateway.URL
}

func stripLink(r *http.Response) { r.Header.Del("Link") }

// manyOfAll is a world in which every list has n items.
func manyOfAll(n int) func(*ghsim.Scenario) {
	return func(sc *ghsim.Scenario) {
		org := &sc.Organizations[0]
		org.Repositories = []ghsim.RepoSpec{{Name: "runner-admin", Issues: []ghsim.IssueSpec{{Title: "Requests"}}}}
		platform := &org.RunnerGroups[0]
		platform.Repositories, platform.Runners, org.RunnerGroups = nil, nil, nil
		org.Teams[0].Repositories = map[string]string{}
		org.Teams[0].Maintainers = nil
		for i := range n {
			repo, person := fmt.Sprintf("many-%d", i), fmt.Sprintf("person-%d", i)
			org.Repositories = append(org.Repositories, ghsim.RepoSpec{Name: repo})
			platform.Repositories = append(platform.Repositories, repo)
			platform.Runners = append(platform.Runners, ghsim.RunnerSpec{Name: fmt.Sprintf("runner-%d", i)})
			org.Teams[0].Repositories[repo] = "push"
			sc.Users = append(sc.Users, ghsim.UserSpec{Login: person})
			org.Members = append(org.Members, person)
			org.Teams[0].Maintainers = append(org.Teams[0].Maintainers, person)
			if i < n-1 { // besides platform
				org.Teams = append(org.Teams, ghsim.TeamSpec{Name: fmt.Sprintf("team-%d", i)})
			}
			if i < n-2 { // besides platform and the default one
				org.RunnerGroups = append(org.RunnerGroups, ghsim.GroupSpec{Name: fmt.Sprintf("group-%d", i)})
			}
		}
		org.RunnerGroups = append(org.RunnerGroups, *platform)
		for i := range sc.Users {
			if sc.Users[i].Login == "ada" {
				for k := range n {
					sc.Users[i].Keys = append(sc.Users[i].Keys, fmt.Sprintf("ssh-ed25519 AAAA%d", k))
				}
			}
		}
	}
}

// everyList gets every list that the client reads, by name, and returns its length.
func everyList(org *github.Org, group int64) map[string]func(context.Context) (int, error) {
	return map[string]func(context.Context) (int, error){
		"groups": func(ctx context.Context) (int, error) { l, err := org.Groups(ctx); return len(l), err },
		"repositories": func(ctx context.Context) (int, error) {
			l, err := org.GroupRepositories(ctx, group)
			return len(l), err
		},
		"runners": func(ctx context.Context) (int, error) { l, err := org.GroupRunners(ctx, group); return len(l), err },
		"teams":   func(ctx context.Context) (int, error) { l, err := org.Teams(ctx); return len(l), err },
		"maintainers": func(ctx context.Context) (int, error) {
			l, err := org.TeamMaintainers(ctx, "platform")
			return len(l), err
		},
		"of the team": func(ctx context.Context) (int, error) {
			l, err := org.TeamRepositories(ctx, "platform")
			return len(l), err
		},
		"keys": func(ctx context.Context) (int, error) { l, err := org.UserKeys(ctx, "ada"); return len(l), err },
	}
}

// A gateway that strips the Link header does not make the first page the whole list.
func TestListsWithoutLink(t *testing.T) {
	for _, n := range []int{99, 100, 101, 200, 201} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			s := newSim(t, manyOfAll(n))
			_, _, _, group := s.idsOf("runner-admin", "runner-admin")
			org := newApp(t, behindGateway(t, s.url, stripLink)).Org("acme", 77, "runner-admin")
			for name, list := range everyList(org, group) {
				got, err := list(t.Context())
				require.NoError(t, err, name)
				want := n
				if name == "keys" {
					want++ // the one of the world
				}
				assert.Equal(t, want, got, name)
			}
		})
	}
}

// A list with fewer items than GitHub counts, or without an end, is an error and no answer.
func TestShortLists(t *testing.T) {
	s := newSim(t, manyOfAll(101))
	_, _, _, group := s.idsOf("runner-admin", "runner-admin")
	t.Run("without later pages", func(t *testing.T) {
		address := behindGateway(t, s.url, func(r *http.Response) {
			stripLink(r)
			if r.Request.URL.Query().Get("page") != "" {
				r.StatusCode = http.StatusOK
				r.Header.Del("Content-Length")
				r.Header.Del("Etag")
				r.ContentLength = -1
				r.Body = http.NoBody
			}
		})
		org := newApp(t, address).Org("acme", 77, "runner-admin")
		for name, list := range everyList(org, group) {
			if _, err := list(t.Context()); name == "groups" || name == "repositories" || name == "runners" {
				assert.Equal(t, github.Incomplete, github.KindOf(err), name)
				assert.ErrorContains(t, err, "GitHub counts 101 items, but only 100 came", name)
			}
		}
	})
	t.Run("the first page again and again", func(t *testing.T) {
		gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			q := r.URL.Query()
			q.Del("page")
			r.URL.RawQuery = q.Encode()
			r.RequestURI = ""
			s.ServeHTTP(w, r)
		}))
		t.Cleanup(gateway.Close)
		org := newApp(t, gateway.URL).Org("acme", 77, "runner-admin")
		s.ResetCalls()
		for name, list := range everyList(org, group) {
			_, err := list(t.Context())
			assert.Equal(t, github.Incomplete, github.KindOf(err), name)
		}
		assert.Less(t, len(s.Calls()), 50)
	})
}

// GitHub may answer 304 for a full first page that has a successor by now: its Link is as
// old as the page.
func TestNotModifiedHidesNoPage(t *testing.T) {
	f := newFake(t)
	item := func(i int) string { return fmt.Sprintf(`{"id":%d,"slug":"team-%d"}`, i+1, i) }
	items := make([]string, 100)
	for i := range items {
		items[i] = item(i)
	}
	pages := map[string]string{"": "[" + strings.Join(items, ",") + "]", "2": "[]"}
	f.handle("GET /orgs/acme/teams", func(w http.ResponseWriter, r *http.Request) {
		page := r.URL.Query().Get("page")
		etag := fmt.Sprintf("%q", fmt.Sprint(page, len(pages[page])))
		w.Header().Set("Etag", etag)
		if r.Header.Get("If-None-Match") == etag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		fmt.Fprint(w, pages[page])
	})
	org := newApp(t, f.URL).Org("acme", 0, "")
	teams, err := org.Teams(t.Context())
	require.NoError(t, err)
	assert.Len(t, teams, 100)
	pages["2"] = "[" + item(100) + "]"
	teams, err = org.Teams(t.Context())
	require.NoError(t, err)
	assert.Len(t, teams, 101)
}

// A list that grows while its pages are read is no short one.
func TestListsThatGrow(t *testing.T) {
	f := newFake(t)
	var asked atomic.Int32
	f.handle("GET /orgs/acme/actions/runner-groups", func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		count, from, to := 101, 0, 100
		if r.URL.Query().Get("page") == "" {
			count = 102 // of which the second page did not know when it was read
		} else {
			from, to = 100, 101
		}
		var groups []string
		for i := from; i < to; i++ {
			groups = append(groups, fmt.Sprintf(`{"id":%d,"name":"g%d"}`, i+1, i+1))
		}
		fmt.Fprintf(w, `{"total_count":%d,"runner_groups":[%s]}`, count, strings.Join(groups, ","))
	})
	groups, err := newApp(t, f.URL).Org("acme", 0, "").Groups(t.Context())
	require.NoError(t, err)
	assert.Len(t, groups, 101)
	assert.EqualValues(t, 2, asked.Load())
}
