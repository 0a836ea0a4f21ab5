package commands_test

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/commandtest"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

const (
	wholeList = `/runner-groups/\d+/repositories$`
	oneRepo   = `/runner-groups/\d+/repositories/\d+$`
)

// rs returns the names r0, r1 and so on.
func rs(from, to int) (list []string) {
	for i := from; i < to; i++ {
		list = append(list, fmt.Sprintf("r%d", i))
	}
	return list
}

// manyKit is a kit whose team platform has a group and administers r0 to rN too. foreign was
// attached to the group on GitHub.
func manyKit(t *testing.T, n int) *commandtest.Kit {
	t.Helper()
	k := commandtest.New(t)
	sc := ghsim.OrgSpec{Login: "acme", Teams: []ghsim.TeamSpec{{Name: "platform", Repositories: map[string]string{}}}}
	for _, name := range rs(0, n) {
		sc.Repositories = append(sc.Repositories, ghsim.RepoSpec{Name: name})
		sc.Teams[0].Repositories[name] = "admin"
	}
	require.NoError(t, k.Hub.Apply(ghsim.Scenario{Organizations: []ghsim.OrgSpec{sc}}))
	k.Must("ada", "group-create team=platform")
	byHand(k, "foreign")
	k.Hub.ResetCalls()
	return k
}

// byHand attaches repositories as an owner does on GitHub's pages.
func byHand(k *commandtest.Kit, attach ...string) {
	k.Hub.Update(func(s *ghsim.State) {
		org := s.Org("acme")
		for _, name := range attach {
			if id := org.Repo(name).ID; !slices.Contains(org.Group("platform").Repos, id) {
				org.Group("platform").Repos = append(org.Group("platform").Repos, id)
			}
		}
	})
}

// sent returns the calls to the simulated GitHub of that method, whose path is like that.
func sent(k *commandtest.Kit, method, path string) (calls []ghsim.Call) {
	for _, c := range k.Hub.Calls() {
		if (method == "" && c.Method != http.MethodGet || c.Method == method) && regexp.MustCompile(path).MatchString(c.Path) {
			calls = append(calls, c)
		}
	}
	return calls
}

// expectedRepos returns the names of what the group is expected to have.
func expectedRepos(t *testing.T, k *commandtest.Kit) (list []string) {
	t.Helper()
	expected, err := k.Env.Store.ExpectedOf(t.Context(), orgID(k), groupID(k))
	require.NoError(t, err)
	for _, name := range expected.Repos {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

// afterPut calls do once, when the simulated GitHub has answered a PUT of a whole list.
func afterPut(k *commandtest.Kit, do func()) {
	done := false
	k.Hub.OnExchange = func(e ghsim.Exchange) {
		if !done && e.Request.Method == http.MethodPut && regexp.MustCompile(wholeList).MatchString(e.Request.URL.Path) {
			done = true
			do()
		}
	}
}

func reposAnswer(t *testing.T, k *commandtest.Kit, line string) commands.ReposChanged {
	t.Helper()
	r, err := k.Run("ada", line)
	require.NoError(t, err)
	return r.Response.(commands.ReposChanged)
}

const (
	addFive    = "repos-add team=platform repos=r0,r1,r2,r3,r4"
	removeFive = "repos-remove team=platform repos=r0,r1,r2,r3,r4"
)

func TestManyReposAreOneWrite(t *testing.T) {
	t.Parallel()
	k := manyKit(t, 8)
	assert.Equal(t, rs(0, 5), reposAnswer(t, k, addFive).Added)
	assert.Len(t, sent(k, "", ""), 1, "one write")
	assert.ElementsMatch(t, append(rs(0, 5), "foreign"), k.Repos("platform"), "what somebody else attached stays")
	assert.Equal(t, rs(0, 5), expectedRepos(t, k), "and is not expected, so that the fleet's checks say so")

	k.Hub.ResetCalls()
	answer := reposAnswer(t, k, "repos-add team=platform repos=r0,r1,r2,r3,r4,r5,r6")
	assert.Equal(t, rs(5, 7), answer.Added)
	assert.Equal(t, rs(0, 5), answer.Unchanged)
	assert.Len(t, sent(k, "", wholeList), 1)
	assert.Len(t, sent(k, "", ""), 1)

	k.Hub.ResetCalls()
	assert.Equal(t, []string{"r7"}, reposAnswer(t, k, "repos-add team=platform repos=r0,r1,r2,r3,r7").Added)
	assert.Len(t, sent(k, "", oneRepo), 1, "a single change replaces no list")
	assert.Empty(t, sent(k, "", wholeList))

	k.Hub.ResetCalls()
	assert.Empty(t, reposAnswer(t, k, addFive).Added)
	assert.Empty(t, sent(k, "", ""), "what is attached already costs nothing")

	k.Hub.ResetCalls()
	answer = reposAnswer(t, k, "repos-remove team=platform repos=r0,r1,r2,r3,r4,docs")
	assert.Equal(t, rs(0, 5), answer.Removed)
	assert.Equal(t, []string{"docs"}, answer.Unchanged)
	assert.Len(t, sent(k, "", wholeList), 1)
	assert.Len(t, sent(k, "", ""), 1)
	assert.ElementsMatch(t, append(rs(5, 8), "foreign"), k.Repos("platform"))
	assert.Equal(t, rs(5, 8), expectedRepos(t, k))

	k.Hub.ResetCalls()
	k.Must("ada", "repos-add team=platform repos=r0,r1,r2,r3")
	assert.Len(t, sent(k, "", oneRepo), 4, "fewer than five")
}

// A group of several pages is one write too.
func TestManyReposOfALargeGroup(t *testing.T) {
	t.Parallel()
	k := manyKit(t, 230)
	byHand(k, rs(0, 220)...)
	assert.Equal(t, rs(220, 230), reposAnswer(t, k, "repos-add team=platform repos="+strings.Join(rs(215, 230), ",")).Added)
	assert.ElementsMatch(t, append(rs(0, 230), "foreign"), k.Repos("platform"))
	assert.Equal(t, rs(50, 150), reposAnswer(t, k, "repos-remove team=platform repos="+strings.Join(rs(50, 150), ",")).Removed)
	assert.ElementsMatch(t, append(append(rs(0, 50), rs(150, 230)...), "foreign"), k.Repos("platform"))
	assert.Len(t, sent(k, "", ""), 2)
}

// A list that GitHub confirms with 304 while the command has the group is as good as one that
// it sends.
func TestManyReposOfAConfirmedList(t *testing.T) {
	t.Parallel()
	k := manyKit(t, 8)
	k.Must("ada", addFive, "repos-remove team=platform repos=docs") // so the list is cached
	k.Hub.ResetCalls()
	k.Must("ada", "repos-add team=platform repos=r3,r4,r5,r6,r7")
	lists := sent(k, http.MethodGet, wholeList)
	require.Len(t, lists, 1)
	assert.False(t, lists[0].Charged, "a 304")
	assert.ElementsMatch(t, append(rs(0, 8), "foreign"), k.Repos("platform"))
}

// If GitHub's count is not the number of repositories that came, the list is not replaced.
func TestManyReposOfAListThatMayNotBeWhole(t *testing.T) {
	t.Parallel()
	k := manyKit(t, 8)
	byHand(k, "docs")
	var foreign int64
	k.Hub.Update(func(s *ghsim.State) { foreign = s.Org("acme").Repo("foreign").ID })
	for _, count := range []string{"", `"total_count":0,`} { // as from a gateway that drops something
		body := fmt.Sprintf(`{%s"repositories":[{"id":%d,"name":"foreign","full_name":"acme/foreign"}]}`, count, foreign)
		k.Hub.Inject(ghsim.Fault{Method: http.MethodGet, Path: wholeList, Status: 200, Body: body, Header: http.Header{"Content-Type": {"application/json"}}})
		k.Hub.ResetCalls()
		assert.Equal(t, rs(0, 5), reposAnswer(t, k, addFive).Added)
		assert.Empty(t, sent(k, "", wholeList))
		assert.ElementsMatch(t, append(rs(0, 5), "foreign", "docs"), k.Repos("platform"), "docs is not lost")
		k.Must("ada", removeFive)
	}
}

// Each attempt reads the list again: what an owner changes in between stays.
func TestManyReposReadTheListAgain(t *testing.T) {
	t.Parallel()
	k := manyKit(t, 8)
	k.Hub.Inject(ghsim.Fault{Method: http.MethodPut, Path: wholeList, Status: 502})
	afterPut(k, func() { byHand(k, "docs", "r0") })
	assert.Equal(t, rs(0, 5), reposAnswer(t, k, addFive).Added)
	assert.Len(t, sent(k, "", wholeList), 2)
	assert.Len(t, sent(k, http.MethodGet, wholeList), 2)
	assert.ElementsMatch(t, append(rs(0, 5), "foreign", "docs"), k.Repos("platform"))

	k.Hub.Inject(ghsim.Fault{Method: http.MethodPut, Path: wholeList, Status: 503})
	afterPut(k, func() {
		k.Hub.Update(func(s *ghsim.State) {
			org := s.Org("acme")
			org.Group("platform").Repos = slices.DeleteFunc(org.Group("platform").Repos, func(id int64) bool { return id == org.Repo("docs").ID })
		})
	})
	k.Must("ada", removeFive)
	assert.ElementsMatch(t, []string{"foreign"}, k.Repos("platform"), "docs, which an owner detached, is not attached again")
}

// GitHub replaces the list, but its answer is lost. The list says so.
func TestManyReposWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	k := manyKit(t, 8)
	for _, line := range []string{addFive, removeFive} {
		k.Hub.Inject(ghsim.Fault{Method: http.MethodPut, Path: wholeList, DropAfter: true})
		k.Hub.ResetCalls()
		answer := reposAnswer(t, k, line)
		assert.Equal(t, rs(0, 5), append(answer.Added, answer.Removed...))
		assert.Len(t, sent(k, "", ""), 1, "it is not sent again")
	}
	assert.Equal(t, []string{"foreign"}, k.Repos("platform"))
	assert.Empty(t, expectedRepos(t, k))
}

func TestManyReposRefused(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		fault   ghsim.Fault
		prepare func(*ghsim.State)
		want    dispatch.Reason // of the command; "": GitHub takes them one by one
	}{
		{name: "for one repository of the list", fault: ghsim.Fault{Status: 422}},
		{name: "by a rate limit", fault: ghsim.SecondaryLimit(403, time.Minute), want: dispatch.ReasonGitHubRateLimited},
		{name: "as forbidden", fault: ghsim.Fault{Status: 403}, want: dispatch.ReasonGitHubError},
		{name: "always", fault: ghsim.Fault{Status: 502, Times: -1}, want: dispatch.ReasonGitHubError},
		{name: "the group is gone", fault: ghsim.Fault{Status: 404}, want: dispatch.ReasonGroupNotFound, prepare: func(s *ghsim.State) {
			org := s.Org("acme")
			org.Groups = slices.DeleteFunc(org.Groups, func(g *ghsim.Group) bool { return g.Name == "platform" })
		}},
		{name: "the group is for all", want: dispatch.ReasonGroupNotSelected, prepare: func(s *ghsim.State) { s.Org("acme").Group("platform").Visibility = "all" }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			k := manyKit(t, 8)
			if test.fault.Status != 0 {
				test.fault.Method, test.fault.Path = http.MethodPut, wholeList
				k.Hub.Inject(test.fault)
			}
			if test.prepare != nil { // between the list and the write
				k.Hub.OnExchange = func(e ghsim.Exchange) {
					if e.Request.Method == http.MethodGet && regexp.MustCompile(wholeList).MatchString(e.Request.URL.Path) {
						k.Hub.Update(test.prepare)
					}
				}
			}
			_, err := k.Run("ada", addFive+" for=1h")
			assert.Equal(t, test.want, dispatch.ReasonOf(err))
			if test.want == "" {
				assert.Len(t, sent(k, "", oneRepo), 5)
				assert.ElementsMatch(t, append(rs(0, 5), "foreign"), k.Repos("platform"))
				return
			}
			assert.Len(t, dispatch.AsError(err).Items, 5, "each item says why")
			assert.Empty(t, sent(k, "", oneRepo))
			assert.Empty(t, expectedRepos(t, k))
			ends, err := k.Env.Store.AccessOf(t.Context(), orgID(k), groupID(k))
			require.NoError(t, err)
			if test.name == "always" { // the list may have been replaced yet
				assert.Len(t, ends, 5)
			} else {
				assert.Empty(t, ends, "what was certainly not attached has no end")
			}
		})
	}
}

// The server is killed after GitHub's change. The attempt after that changes nothing again, and
// says what the command changed.
func TestManyReposRepeated(t *testing.T) {
	t.Parallel()
	for _, line := range []string{addFive, removeFive} {
		k := manyKit(t, 8)
		if line == removeFive {
			k.Must("ada", addFive)
		}
		words := strings.Fields(line)
		var args dispatch.Args
		for _, word := range words[1:] {
			name, value, _ := strings.Cut(word, "=")
			args.Add(name, value)
		}
		request := dispatch.Request{ID: "first", Channel: dispatch.Comment, Command: words[0], Org: "acme", Caller: k.Caller("ada"), Args: args}
		k.Hub.Inject(ghsim.Fault{Method: http.MethodPut, Path: wholeList, DropAfter: true})
		k.Hub.Inject(ghsim.Fault{Method: http.MethodGet, Path: wholeList, Status: 502, Skip: 1, Times: 3})
		_, err := k.Dispatch(t.Context(), request)
		require.Error(t, err)

		k.Hub.ClearFaults()
		k.Hub.ResetCalls()
		byHand(k, "docs")
		request.Repeated = true
		result, err := k.Dispatch(t.Context(), request)
		require.NoError(t, err)
		answer := result.Response.(commands.ReposChanged)
		assert.Equal(t, rs(0, 5), append(answer.Added, answer.Removed...))
		assert.Empty(t, answer.Unchanged)
		assert.Empty(t, sent(k, "", ""))
		assert.Contains(t, k.Repos("platform"), "docs")
		if line == addFive {
			assert.Equal(t, rs(0, 5), expectedRepos(t, k))
		} else {
			assert.Empty(t, expectedRepos(t, k))
		}
	}
}

// Access that ends, and repositories that a request attached, stay as they are.
func TestManyReposKeepEndsAndGrants(t *testing.T) {
	t.Parallel()
	k := manyKit(t, 12)
	k.Must("ada", "repos-add team=platform for=2h repos=r8,r9", addFive)
	ends, err := k.Env.Store.AccessOf(t.Context(), orgID(k), groupID(k))
	require.NoError(t, err)
	assert.Len(t, ends, 2)
	k.Must("ada", "repos-add team=platform for=1h repos="+strings.Join(rs(5, 8), ",")+",r10,r11")
	k.Hub.ResetCalls()
	k.Must("ada", removeFive)
	assert.ElementsMatch(t, append(rs(5, 12), "foreign"), k.Repos("platform"))
	ends, err = k.Env.Store.AccessOf(t.Context(), orgID(k), groupID(k))
	require.NoError(t, err)
	assert.Len(t, ends, 7)
	k.Must("ada", "repos-remove team=platform repos="+strings.Join(rs(4, 12), ","))
	ends, err = k.Env.Store.AccessOf(t.Context(), orgID(k), groupID(k))
	require.NoError(t, err)
	assert.Empty(t, ends)
}

func orgID(k *commandtest.Kit) (id int64) {
	k.Hub.Update(func(s *ghsim.State) { id = s.Org("acme").ID })
	return id
}

func groupID(k *commandtest.Kit) (id int64) {
	records, _ := k.Env.Store.RecordsBySlug(context.Background(), orgID(k), "platform")
	for _, r := range records {
		id = r.GroupID
	}
	return id
}

// A repeated repos-set finds the list as it was to be. That is expected, and no finding.
func TestReposSetRepeated(t *testing.T) {
	t.Parallel()
	k := manyKit(t, 4)
	k.Must("ada", "repos-add team=platform repos=r0,r1")
	var args dispatch.Args
	args.Add("team", "platform")
	args.Add("repos", "r1,r2")
	request := dispatch.Request{ID: "first", Channel: dispatch.Comment, Command: "repos-set", Org: "acme", Caller: k.Caller("ada"), Args: args}
	k.Hub.Inject(ghsim.Fault{Method: http.MethodPut, Path: wholeList, DropAfter: true})
	k.Hub.Inject(ghsim.Fault{Method: http.MethodPut, Path: wholeList, Status: 502, Times: 2})
	_, err := k.Dispatch(t.Context(), request)
	require.Error(t, err)
	assert.Equal(t, []string{"r1", "r2"}, k.Repos("platform"))
	request.Repeated = true
	_, err = k.Dispatch(t.Context(), request)
	require.NoError(t, err)
	assert.Equal(t, []string{"r1", "r2"}, expectedRepos(t, k))
}
