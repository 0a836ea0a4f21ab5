package server_test

import (
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store/storetest"
)

// squads adds teams t0, t1, … that ada maintains, each with a repository of its own.
func squads(n int) ghsim.Scenario {
	sc := acme()
	org := &sc.Organizations[0]
	for i := range n {
		repo := fmt.Sprintf("r%d", i)
		org.Repositories = append(org.Repositories, ghsim.RepoSpec{Name: repo})
		org.Teams = append(org.Teams, ghsim.TeamSpec{
			Name: fmt.Sprintf("t%d", i), Maintainers: []string{"ada"}, Repositories: map[string]string{repo: "admin", "web": "admin"},
		})
	}
	return sc
}

func TestCrashThreeTimes(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		t.Parallel()
		const ttl = 8 * time.Second
		random, seed := seeded(t)
		w := newCrashWorld(t, database, squads(10), "CHATOPS_TOKEN_REPLY_TTL="+ttl.String())
		w.seed = seed
		p := w.run()
		for i := range 5 {
			w.ok("ghp_ada", "POST /api/v1/group-create"+query("team", fmt.Sprintf("t%d", i)))
		}
		var texts []string
		for i := range 5 {
			texts = append(texts,
				fmt.Sprintf("/runner-group repos-add r%d --team t%d", i, i),
				fmt.Sprintf("/runner-group group-list --team t%d", i),
				fmt.Sprintf("/runner-group token-register --team t%d", i),
				fmt.Sprintf("/runner-group repos-set r%d,web --team t%d --yes", i, i),
				fmt.Sprintf("/runner-group group-create --team t%d", i+5),
				fmt.Sprintf("/runner-group group-list --team t%d\n/runner-group token-register --team t%d", i, i),
			)
		}
		random.Shuffle(len(texts), func(i, j int) { texts[i], texts[j] = texts[j], texts[i] })

		var all []said
		say := func(n int) {
			for range n {
				all = append(all, w.write("ada", 1+random.IntN(2), texts[len(all)]))
			}
		}
		for range 3 {
			killed := w.killAfter(p, 5+random.IntN(50), time.Duration(random.IntN(10_000))*time.Microsecond)
			say(8)
			w.gone(killed)
			say(2) // while nobody listens
			p = w.run()
		}
		// At its start the server asks for missed deliveries. If a kill interrupts one of those
		// again, the server asks minutes later, so the test redelivers it.
		assert.Eventually(t, func() bool { return p.log.contains("asked for a missed delivery") }, eventually, tick)
		w.redeliver()
		w.settled(2*time.Minute, all...)
		for i := range 5 {
			repos := w.repos(fmt.Sprintf("t%d", i))
			if slices.Contains(w.superseded, fmt.Sprintf("/runner-group repos-set r%d,web --team t%d --yes", i, i)) {
				repos = append(slices.DeleteFunc(repos, func(r string) bool { return r == "web" }), "web")
			}
			assert.ElementsMatch(t, []string{fmt.Sprintf("r%d", i), "web"}, repos)
			w.ok("ghp_ada", "GET /api/v1/group-list"+query("team", fmt.Sprintf("t%d", i+5)))
		}
		w.secretsGone(ttl + 30*time.Second)
		assert.Equal(t, 0, p.terminate(t))
	})
}

func TestCrashBetweenEffectAndReply(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, database string) {
		t.Parallel()
		w := newCrashWorld(t, database, acme())
		p := w.run()

		// the group is created, but nobody has an answer
		killed := w.killWhen(p, isPost("/actions/runner-groups", "platform"))
		create := w.write("ada", 1, "/runner-group group-create")
		w.gone(killed)
		p = w.run()
		w.settled(time.Minute, create)
		w.ok("ghp_ada", "GET /api/v1/group-list?team=platform")

		// the reply is posted, but its answer is lost
		killed = w.killWhen(p, isPost("/issues/1/comments", "arm:reply"))
		add := w.write("ada", 1, "/runner-group repos-add api,web")
		w.gone(killed)
		p = w.run()
		w.settled(time.Minute, create, add)
		assert.ElementsMatch(t, []string{"api", "web"}, w.repos("platform"))

		// the last reaction is posted, but its answer is lost
		killed = w.killWhen(p, isPost("/reactions", "rocket"))
		list := w.write("ada", 1, "/runner-group group-list")
		w.gone(killed)
		p = w.run()
		w.settled(time.Minute, create, add, list)

		// over REST the caller asks again, or asks for something else
		killed = w.killWhen(p, isPost("/actions/runner-groups", "web"))
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+"/api/v1/group-create?team=web", nil)
		require.NoError(t, err)
		req.Header.Set("Authorization", "ghp_ada")
		_, err = w.client.Do(req)
		require.Error(t, err)
		w.gone(killed)
		w.run()
		w.ok("ghp_ada", "GET /api/v1/group-list?team=web")
	})
}

// TestCrashAtEveryCall kills the server at the first call that a comment leads to,
// then, with another comment, at the second, and so on, until there is none left.
func TestCrashAtEveryCall(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: -short")
	}
	t.Parallel()
	const most = 40
	w := newCrashWorld(t, storetest.SQLite(t), squads(most))
	p := w.run()
	for k := range most {
		var n atomic.Int64
		killed := w.killWhen(p, func(ghsim.Exchange) bool { return n.Add(1) == int64(k+1) })
		team := fmt.Sprintf("t%d", k)
		s := w.write("ada", 1, fmt.Sprintf("/runner-group group-create --team %[1]s\n/runner-group repos-add web --team %[1]s\n/runner-group token-register --team %[1]s", team))
		require.Eventually(t, func() bool { return p.gone() || w.reaction(1, s.id) != "" }, eventually, tick)
		if !p.gone() {
			t.Logf("%d calls", k)
			w.settled(time.Minute, s)
			return
		}
		w.gone(killed)
		p = w.run()
		w.settled(time.Minute, s)
		assert.Equal(t, []string{"web"}, w.repos(team), "killed at call %d", k+1)
	}
	t.Fatal("a comment leads to more calls than expected")
}

func TestCrashWithSecret(t *testing.T) {
	t.Parallel()
	const ttl = 6 * time.Second
	for _, at := range []struct {
		name    string
		matches func(ghsim.Exchange) bool
		shown   int
	}{
		{"planned", isPost("/actions/runners/registration-token", ""), 0},
		{"posted", isPost("/issues/1/comments", "arm:secret"), 1},
	} {
		t.Run(at.name, func(t *testing.T) {
			t.Parallel()
			w := newCrashWorld(t, storetest.SQLite(t), acme(), "CHATOPS_TOKEN_REPLY_TTL="+ttl.String())
			p := w.run()
			w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
			killed := w.killWhen(p, at.matches)
			token := w.write("ada", 1, "/runner-group token-register")
			w.gone(killed)
			assert.Len(t, w.secretComments(), at.shown)
			w.run()
			w.settled(time.Minute, token)
			w.secretsGone(ttl + 30*time.Second)
		})
	}
	t.Run("down at its time", func(t *testing.T) {
		t.Parallel()
		w := newCrashWorld(t, storetest.SQLite(t), acme(), "CHATOPS_TOKEN_REPLY_TTL=2s")
		p := w.run()
		w.ok("ghp_ada", "POST /api/v1/group-create?team=platform")
		killed := w.killWhen(p, isPost("/reactions", "rocket"))
		token := w.write("ada", 1, "/runner-group token-register")
		w.gone(killed)
		require.Len(t, w.secretComments(), 1)
		due := time.Now().Add(2 * time.Second)
		require.Eventually(t, func() bool { return time.Now().After(due) }, eventually, tick)
		w.run()
		w.secretsGone(10 * time.Second)
		w.settled(time.Minute, token)
	})
}
