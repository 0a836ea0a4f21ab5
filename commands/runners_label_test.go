package commands_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands"
	"github.com/actions-runner-manager/actions-runner-manager/commands/commandtest"
	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

func num(n int64) string { return strconv.FormatInt(n, 10) }

// labelsOf are the labels of a runner on the simulated GitHub.
func labelsOf(k *commandtest.Kit, runner string) (labels []string) {
	k.Hub.SetRunner("acme", runner, func(r *ghsim.Runner) { labels = r.Labels })
	return labels
}

// writesTo counts the writes to labels since the last call.
func writesTo(k *commandtest.Kit) (writes []string) {
	for _, c := range k.Hub.Calls() {
		if c.Method != http.MethodGet && strings.Contains(c.Path, "/labels") {
			writes = append(writes, c.Method)
		}
	}
	k.Hub.ResetCalls()
	return writes
}

func labelKit(t *testing.T) *commandtest.Kit {
	k := commandtest.New(t)
	k.Must("ada", "group-create team=platform")
	for _, name := range []string{"b1", "b2"} {
		k.AddRunner("platform", name, "online", false)
		k.Hub.SetRunner("acme", name, func(r *ghsim.Runner) { r.Labels = []string{"self-hosted", "linux", "x64", "gpu"} })
	}
	return k
}

func TestRunnersLabel(t *testing.T) {
	t.Parallel()
	k := labelKit(t)
	read := []string{"self-hosted", "linux", "x64"}
	for _, test := range []struct {
		name, line string
		want       []string // custom labels of b1
		writes     []string
	}{
		{"add", "runners=b1 add=large,GPU", []string{"gpu", "large"}, []string{"POST"}},
		{"add again", "runners=b1 add=LARGE", []string{"gpu", "large"}, nil},
		{"remove what is not there", "runners=b1 remove=nope", []string{"gpu", "large"}, nil},
		{"remove", "runners=B1 remove=Gpu", []string{"large"}, []string{"PUT"}},
		{"both", "runners=b1 add=a,b remove=large", []string{"a", "b"}, []string{"PUT"}},
		{"set the same", "runners=b1 set=B,A", []string{"a", "b"}, nil},
		{"set more", "runners=b1 set=a,b,c", []string{"a", "b", "c"}, []string{"POST"}},
		{"set", "runners=b1,b2 set=b,d", []string{"b", "d"}, []string{"PUT", "PUT"}},
		{"set none", "runners=b1 set=", nil, []string{"PUT"}},
		{"set none again", "runners=b1 set=", nil, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			writesTo(k)
			result, err := k.Run("ada", "runners-label team=platform "+test.line)
			require.NoError(t, err)
			assert.Equal(t, append(append([]string{}, read...), test.want...), labelsOf(k, "b1"))
			assert.Equal(t, test.writes, writesTo(k))
			assert.Equal(t, test.writes != nil, result.Changed)
			answer := result.Response.(commands.LabelsAnswer)
			assert.Equal(t, "platform platform", answer.Team+" "+answer.Group)
			assert.Equal(t, "b1", answer.Runners[0].Name)
			assert.Equal(t, labelsOf(k, "b1"), answer.Runners[0].Labels)
		})
	}
	assert.Equal(t, []string{"self-hosted", "linux", "x64", "b", "d"}, labelsOf(k, "b2"))
}

// What may not be is refused by name before anything is changed.
func TestRunnersLabelRefused(t *testing.T) {
	t.Parallel()
	k := labelKit(t)
	k.Hub.SetRunner("acme", "b2", func(r *ghsim.Runner) { r.OS, r.Labels = "plan9", []string{"self-hosted", "plan9"} })
	many := func(n int) string {
		labels := make([]string, n)
		for i := range labels {
			labels[i] = fmt.Sprint("l", i)
		}
		return strings.Join(labels, ",")
	}
	writesTo(k)
	const line = "runners-label team=platform "
	k.Test(t, []commandtest.Case{
		{Name: "by a member", As: "bob", Line: line + "runners=b1 add=x", Reason: dispatch.ReasonNotMaintainer},
		{Name: "no labels", Line: line + "runners=b1", Reason: dispatch.ReasonMissingArgument},
		{Name: "no runner", Line: line + "add=x", Reason: dispatch.ReasonMissingArgument},
		{Name: "set and add", Line: line + "runners=b1 set=a add=b", Reason: dispatch.ReasonInvalidArgument},
		{Name: "set none and remove", Line: line + "runners=b1 set= remove=b", Reason: dispatch.ReasonInvalidArgument},
		{Name: "added and removed", Line: line + "runners=b1 add=a remove=A", Reason: dispatch.ReasonInvalidArgument},
		{Name: "no label", Line: line + "runners=b1 add=..", Reason: dispatch.ReasonInvalidArgument},
		{Name: "a label of every runner", Line: line + "runners=b1 remove=Self-Hosted", Reason: dispatch.ReasonInvalidArgument},
		{Name: "a label of a system", Line: line + "runners=b1 add=Windows", Reason: dispatch.ReasonInvalidArgument},
		{Name: "set with a label of an architecture", Line: line + "runners=b1 set=gpu,ARM64", Reason: dispatch.ReasonInvalidArgument},
		{Name: "read-only on one of two", Line: line + "runners=b1,b2 add=Plan9", Reason: dispatch.ReasonInvalidArgument, Items: []string{"b2"}},
		{Name: "unknown runners", Line: line + "runners=b1,nope,old-1 add=x", Reason: dispatch.ReasonRunnerNotFound, Items: []string{"nope", "old-1"}},
		{Name: "101 labels", Line: line + "runners=b1 add=" + many(101), Reason: dispatch.ReasonInvalidArgument},
		{Name: "101 with the one that is there", Line: line + "runners=b1 add=" + many(100), Reason: dispatch.ReasonInvalidArgument},
	})
	assert.Empty(t, writesTo(k))
	k.Must("ada", line+"runners=b1 set="+many(100))
	assert.Len(t, labelsOf(k, "b1"), 103)
}

// A just-in-time runner's labels are all custom on GitHub. Those of every runner stay.
func TestRunnersLabelOfJIT(t *testing.T) {
	t.Parallel()
	k := labelKit(t)
	k.Must("ada", "token-jit team=platform name=jit labels=gpu", "runners-label team=platform runners=jit set=large")
	assert.Equal(t, []string{"self-hosted", "large"}, labelsOf(k, "jit"))
}

// If GitHub fails for one runner, the rest is tried, and the answer says what each has.
func TestRunnersLabelPartly(t *testing.T) {
	t.Parallel()
	k := labelKit(t)
	k.Hub.Inject(ghsim.Fault{Method: http.MethodPost, Path: "/labels$", Status: 500, Times: 1})
	_, err := k.Run("ada", "runners-label team=platform runners=b1,b2 add=x")
	require.Equal(t, dispatch.ReasonGitHubError, dispatch.ReasonOf(err))
	failure := dispatch.AsError(err)
	done := 0
	for i, item := range failure.Items {
		labels := failure.Result.Response.(commands.LabelsAnswer).Runners[i].Labels
		assert.Equal(t, labelsOf(k, item.Item), labels)
		if item.Done {
			done++
		}
	}
	assert.Equal(t, 1, done)
}

// Where the policy wants a confirmation, the preview has the labels that the runners would have.
func TestRunnersLabelPreview(t *testing.T) {
	t.Parallel()
	k := labelKit(t)
	writesTo(k)
	var args dispatch.Args
	args.Add("team", "platform")
	args.Add("runners", "b1")
	args.Add("set", "x")
	result, err := k.Dispatch(t.Context(), dispatch.Request{ID: "preview", Channel: dispatch.Comment, Command: "runners-label", Org: "acme", Caller: k.Caller("ada"), Args: args, Preview: true})
	require.NoError(t, err)
	assert.Contains(t, result.Message, "`b1`: `self-hosted`, `linux`, `x64`, `x`")
	assert.Empty(t, writesTo(k))
}

// An old Enterprise Server says neither versions nor which labels are read-only.
func TestRunnersOfOldServer(t *testing.T) {
	t.Parallel()
	k := labelKit(t)
	k.Hub.OldRunners = true
	k.Must("ada", "runners-label team=platform runners=b1 set=x")
	assert.Equal(t, []string{"self-hosted", "linux", "x64", "x"}, labelsOf(k, "b1"))
	result, err := k.Run("ada", "runners-list team=platform")
	require.NoError(t, err)
	runner := result.Response.(commands.RunnersListing).Runners[0]
	assert.Equal(t, "ok", runner.State+runner.Version)
	assert.NotContains(t, result.Tables[0].Header, "Version")
}

// A change whose answer is lost is made again, which changes nothing more.
func TestRunnersLabelAnswerLost(t *testing.T) {
	t.Parallel()
	k := labelKit(t)
	for _, line := range []string{"add=x", "set=y"} {
		k.Hub.Inject(ghsim.Fault{Path: "/labels$", DropAfter: true, Times: 1})
		k.Must("ada", "runners-label team=platform runners=b1 "+line)
	}
	assert.Equal(t, []string{"self-hosted", "linux", "x64", "y"}, labelsOf(k, "b1"))
}

// A repeated attempt acts on the runners of the first one, and yields to a newer command on
// the same labels only.
func TestRunnersLabelRepeated(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, newer string
		want        dispatch.Reason
		labels      []string
	}{
		{"nothing newer", "", "", []string{"gpu", "x"}},
		{"another label", "runners-label team=platform runners=b1 add=y", "", []string{"gpu", "y", "x"}},
		{"the same label", "runners-label team=platform runners=b1 remove=X", dispatch.ReasonSuperseded, []string{"gpu"}},
		{"all labels", "runners-label team=platform runners=b1 set=z", dispatch.ReasonSuperseded, []string{"z"}},
		{"of another runner", "runners-label team=platform runners=b2 set=", "", []string{"gpu", "x"}},
		{"the runner moved away", "runners-transfer team=platform runners=b1 to=web", dispatch.ReasonSuperseded, []string{"gpu"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			k := labelKit(t)
			k.Must("ada", "group-create team=web")
			var args dispatch.Args
			args.Add("team", "platform")
			args.Add("runners", "b1")
			args.Add("add", "x")
			request := dispatch.Request{ID: "first", Channel: dispatch.Comment, Command: "runners-label", Org: "acme", Caller: k.Caller("ada"), Args: args}
			k.Hub.Inject(ghsim.Fault{Method: http.MethodPost, Path: "/labels$", Status: 403, Times: 1})
			_, err := k.Dispatch(t.Context(), request)
			require.Error(t, err)
			if test.newer != "" {
				k.Must("ada", test.newer)
			}
			if test.name == "the same label" {
				k.Must("ada", "runners-label team=platform runners=b1 add=x", test.newer)
			}
			request.Repeated = true
			_, err = k.Dispatch(t.Context(), request)
			assert.Equal(t, test.want, dispatch.ReasonOf(err))
			assert.Equal(t, append([]string{"self-hosted", "linux", "x64"}, test.labels...), labelsOf(k, "b1"))
		})
	}
}
