package commands

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

// suggested returns the line that is suggested for what was typed behind the trigger, and the
// declaration of its command.
func suggested(d *dispatch.Dispatcher, typed string) (line string, spec dispatch.Spec) {
	words := strings.Fields(typed)
	line = d.Unknown(words[0], words[1:]...).Instead
	name, _, _ := strings.Cut(line, " ")
	spec, _ = d.Lookup(name)
	return line, spec
}

func TestSuggestions(t *testing.T) {
	t.Parallel()
	d := dispatch.NewDispatcher(&dispatch.Env{}, All())
	for _, test := range []struct{ typed, want string }{
		// misspelt
		{"repo-add x", "repos-add x"},
		{"repos-ad x", "repos-add x"},
		{"Repos_Add api,web --skip-refused", "repos-add api,web --skip-refused"},
		{"reposadd x", "repos-add x"},
		{"repo-set api", "repos-set api"},
		{"repos-remvoe x", "repos-remove x"},
		{"group-crate", "group-create"},
		{"grp-create --team web", "group-create --team web"},
		{"gruop-list", "group-list"},
		{"whoam", "whoami"},
		{"statsu", "status"},
		{"hlep", "help"},
		{"groupslst", "group-list"},
		// words that ask to see something
		{"repos-list", "group-list"},
		{"repos-lst", "group-list"},
		{"repo-list", "group-list"},
		{"repos-show api", "group-list"},
		{"repos-get", "group-list"},
		{"repos-ls --team web", "group-list --team web"},
		{"list", "group-list"},
		{"list platform", "group-list platform"},
		{"show", "group-list"},
		{"group-info platform", "group-list platform"},
		{"view group", "group-list"},
		{"groups", "groups-list"},
		{"group-ls", "group-list"},
		{"list groups", "groups-list"},
		{"list repos in my group", "group-list"},
		{"repos", "group-list"},
		{"repo api", "group-list"},
		{"runner-status", "runners-list"},
		{"runners", "runners-list"},
		{"list runners", "runners-list"},
		{"repo runners api", "repo-runners api"},
		{"workflows-list", "group-list"},
		{"audit", "audit-list"},
		{"audit-log", "audit-list"},
		{"log", "audit-list"},
		{"history --since 7d", "audit-list --since 7d"},
		{"token-list", "help token-register"},
		{"get token", "help token-register"},
		// words that mean a change
		{"add repo x", "repos-add x"},
		{"repo add x", "repos-add x"},
		{"addrepo x", "repos-add x"},
		{"add x", "repos-add x"},
		{"add log", "repos-add log"},
		{"attach api,web", "repos-add api,web"},
		{"add repo", "help repos-add"},
		{"detach x", "repos-remove x"},
		{"delete repo x", "repos-remove x"},
		{"delete", "group-delete"},
		{"delete x", "repos-remove x"},
		{"rm repo x", "repos-remove x"},
		{"remove runner r", "runners-remove r"},
		{"runner-delete r", "runners-remove r"},
		{"create group", "group-create"},
		{"create", "group-create"},
		{"create runner group --team web", "group-create --team web"},
		{"group new", "group-create"},
		{"delete group", "group-delete"},
		{"group-remove", "group-delete"},
		{"move runner r --to web", "runners-transfer r --to web"},
		{"move runners r1,r2 to web", "runners-transfer r1,r2 --to web"},
		{"label runner r --add gpu", "runners-label r --add gpu"},
		{"tag r --add gpu", "runners-label r --add gpu"},
		{"label platform-1 gpu", "runners-label platform-1 --add gpu"},
		{"move r web", "runners-transfer r --to web"},
		{"repo runners api gpu", "repo-runners api --labels gpu"},
		{"add runner build-7", "token-register --name build-7"},
		{"who changed", "audit-list"},
		{"who changed api", "audit-list"},
		{"changes --since 7d", "audit-list --since 7d"},
		{"who", "whoami"},
		{"token", "token-register"},
		{"create token", "token-register"},
		{"register --name r", "token-register --name r"},
		{"add runner", "token-register"},
		{"jit r", "token-jit r"},
		{"jit", "help token-jit"},
		{"token jit r", "token-jit r"},
		{"remove token", "token-remove"},
		{"me", "whoami"},
		{"version", "status"},
		// nothing is like it
		{"rename", ""},
		{"group-rename new", ""},
		{"restart", ""},
		{"xyzzy", ""},
		{"member-add mona", ""},
		{"repos-dump", "group-list"},
		{strings.Repeat("repos-add", 99), ""},
		{"-", ""},
	} {
		line, _ := suggested(d, test.typed)
		assert.Equal(t, test.want, line, test.typed)
	}
}

func TestUnknownSays(t *testing.T) {
	t.Parallel()
	d := dispatch.NewDispatcher(&dispatch.Env{}, All())
	for _, test := range []struct{ typed, want string }{
		{"repos-list", "Unknown command `repos-list`. Did you mean `group-list`? `help` lists all commands."},
		{"add repo x", "Unknown command `add repo`. Did you mean `repos-add`? `help` lists all commands."},
		{"get token", "Unknown command `get token`. Did you mean `help token-register`? `help` lists all commands."},
		{"rename x", "Unknown command `rename`. No command renames a runner group. An owner of the organization can rename it on GitHub. `help` lists all commands."},
		{"runner-rename a b", "Unknown command `runner-rename`. A runner keeps its name. Remove it with `runners-remove`, and register it again under the other name with `token-register`. `help` lists all commands."},
		{"xyzzy", "Unknown command `xyzzy`. `help` lists all commands."},
	} {
		words := strings.Fields(test.typed)
		assert.Equal(t, test.want, d.Unknown(words[0], words[1:]...).Message)
	}
}

// Every path of a REST call gets the same sentence, and so does help.
func TestUnknownOfHelp(t *testing.T) {
	t.Parallel()
	d := dispatch.NewDispatcher(&dispatch.Env{}, All(), (&dispatch.Env{}).Decode)
	for _, test := range []struct{ word, want string }{{"repos-list", "help group-list"}, {"list", "help group-list"}, {"token-list", "help token-register"}, {"xyzzy", ""}} {
		_, err := d.Dispatch(t.Context(), dispatch.Request{Channel: dispatch.Comment, Command: "help", Args: arguments("command", test.word)})
		assert.Equal(t, test.want, dispatch.AsError(err).Instead, test.word)
		assert.Equal(t, d.Unknown(test.word).Message, dispatch.AsError(err).Message)
	}
}

// effectsOfWords is the most that a word means, whatever else is typed with it.
var effectsOfWords = map[string]dispatch.Effect{
	"list": dispatch.Reads, "ls": dispatch.Reads, "show": dispatch.Reads, "get": dispatch.Reads, "view": dispatch.Reads, "info": dispatch.Reads,
	"describe": dispatch.Reads, "status": dispatch.Reads, "check": dispatch.Reads, "details": dispatch.Reads, "count": dispatch.Reads, "foo": dispatch.Reads,
	"rename": dispatch.Reads, "edit": dispatch.Reads, "export": dispatch.Reads, "latest": dispatch.Reads, "reset": dispatch.Reads, "what": dispatch.Reads,
	"add": dispatch.Changes, "attach": dispatch.Changes, "create": dispatch.Changes, "new": dispatch.Changes,
	"set": dispatch.Destroys, "replace": dispatch.Destroys, "remove": dispatch.Destroys, "delete": dispatch.Destroys, "rm": dispatch.Destroys,
	"detach": dispatch.Destroys, "move": dispatch.Destroys, "transfer": dispatch.Destroys, "revoke": dispatch.Destroys,
	"register": dispatch.Reveals, "jit": dispatch.Reveals,
}

// A suggestion is never more dangerous than what was typed.
func TestSuggestionsAreNeverMoreDangerous(t *testing.T) {
	t.Parallel()
	all := All()
	d := dispatch.NewDispatcher(&dispatch.Env{}, all)
	check := func(typed string, most dispatch.Effect) {
		words := strings.Fields(typed)
		if len(words) == 0 {
			return
		}
		if _, exists := d.Lookup(strings.ToLower(words[0])); exists {
			return
		}
		line, spec := suggested(d, typed)
		require.LessOrEqual(t, spec.Effect, most, "%q suggests %q", typed, line)
	}
	nouns := []string{"web", "thing"}
	for _, c := range all {
		noun, _, two := strings.Cut(c.Name, "-")
		if two && !slices.Contains(nouns, noun) {
			nouns = append(nouns, noun, strings.TrimSuffix(noun, "s"))
		}
		for _, name := range append([]string{c.Name}, c.Aliases...) {
			for _, typo := range typos(name) {
				check(typo, c.Effect)
				check(typo+" web --team x", c.Effect)
			}
		}
	}
	for word, most := range effectsOfWords {
		for _, noun := range nouns {
			means := most
			if secret := noun == "token" || noun == "runner" || noun == "runners"; secret && most == dispatch.Changes {
				means = dispatch.Reveals // "add runner", "create token"
			}
			if noun == "token" && most == dispatch.Destroys {
				means = dispatch.Reveals // "remove token"
			}
			for _, form := range []string{"%[1]s-%[2]s", "%[2]s-%[1]s", "%[1]s %[2]s", "%[2]s %[1]s", "%[1]s%[2]s", "%[2]s%[1]s", "%[2]s", "%[2]s x", "%[1]s_%[2]s x", "%[2]s/%[1]s"} {
				check(fmt.Sprintf(form, noun, word), means)
			}
		}
		for _, typo := range typos(word) {
			if _, other := effectsOfWords[typo]; !other {
				check(typo, most)
			}
		}
	}
	for _, typo := range typos("repos-list") {
		check(typo, dispatch.Reads)
	}
}

// typos are the ways to mistype a word by one letter.
func typos(word string) (list []string) {
	letters := "adegilmnorstvx-_ "
	for i := range len(word) + 1 {
		for _, c := range letters {
			list = append(list, word[:i]+string(c)+word[i:])
			if i < len(word) {
				list = append(list, word[:i]+string(c)+word[i+1:])
			}
		}
		if i < len(word) {
			list = append(list, word[:i]+word[i+1:])
		}
		if i+1 < len(word) {
			list = append(list, word[:i]+word[i+1:i+2]+word[i:i+1]+word[i+2:])
		}
	}
	return list
}

// A command that is added later takes part, and is preferred to what stands in for it.
func TestSuggestionsOfNewCommands(t *testing.T) {
	t.Parallel()
	all := All()
	for name, effect := range map[string]dispatch.Effect{
		"trust-add": dispatch.Changes, "trust-list": dispatch.Reads, "trust-remove": dispatch.Destroys, "repos-list": dispatch.Reads,
		"requests-list": dispatch.Reads, "request-approve": dispatch.Changes, "request-deny": dispatch.Changes,
	} {
		if !slices.ContainsFunc(all, func(c dispatch.Command) bool { return c.Name == name }) {
			c := groupList()
			c.Name, c.Effect, c.Method = name, effect, http.MethodPost
			all = append(all, c)
		}
	}
	d := dispatch.NewDispatcher(&dispatch.Env{}, all)
	for typed, want := range map[string]string{
		"repos": "repos-list", "repos-show": "repos-list", "list repos": "repos-list",
		"trusts": "trust-list", "trust-new": "trust-add", "trust-delete": "trust-remove",
		"requests": "requests-list", "request-list": "requests-list", "approve": "request-approve", "requests-reject": "request-deny",
	} {
		line, _ := suggested(d, typed)
		assert.Equal(t, want, strings.TrimPrefix(line, "help "), typed)
	}
}
