package dispatch

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

// A sentence about many items appears once, with some of their names.
func TestRefusedHasEachSentenceOnce(t *testing.T) {
	missing := func(name string) Item {
		return Item{Item: name, Error: "The team may not attach " + Quote(name) + ", or there is none.", Reason: ReasonRepoNotPermitted}
	}
	public := func(name string) Item {
		return Item{Item: name, Error: Quote(name) + " is public.", Reason: ReasonPublicRepo}
	}
	var many []Item
	for i := range 200 {
		many = append(many, missing(fmt.Sprint("r", i)))
	}
	tests := []struct {
		name, want string
		items      []Item
	}{
		{"one", "`site` is public.", []Item{public("site")}},
		{"one of two", "Nothing was changed: 1 of 2 refused. `site` is public.", []Item{{Item: "api"}, public("site")}},
		{
			"alike", "Nothing was changed: 3 of 4 refused. The team may not attach `a`, or there is none. Likewise `b`. `site` is public.",
			[]Item{missing("a"), public("site"), {Item: "api"}, missing("b")},
		},
		{
			"many", "Nothing was changed: 200 of 200 refused. The team may not attach `r0`, or there is none. " +
				"Likewise `r1`, `r2`, `r3`, `r4`, `r5`, `r6`, `r7`, `r8`, `r9`, `r10` and 189 more.", many,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := AsError(RefuseItems(tt.items))
			assert.Equal(t, tt.want, err.Message)
			assert.Equal(t, tt.items, err.Items, "programs get them all")
		})
	}
}

func TestPartialTellsEachSentenceOnce(t *testing.T) {
	failed := func(name string) Item {
		return Item{Item: name, Error: "GitHub failed.", Reason: ReasonGitHubError, Failure: Refuse(ReasonGitHubError, "GitHub failed.")}
	}
	err := PartialFailure([]Item{{Item: "api", Done: true}, failed("web"), failed("docs")}, Result{})
	assert.Equal(t, "1 of 3 are done; the others failed. GitHub failed. That goes for `web`, `docs`.", err.Message)
	assert.Equal(t, ReasonGitHubError, err.Reason)
}
