package ghsim_test

import (
	"fmt"
	"log"
	"net/http/httptest"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
)

func Example() {
	github, err := ghsim.New(ghsim.Scenario{
		Organizations: []ghsim.OrgSpec{{
			Login:        "acme",
			Owners:       []string{"olga"},
			Repositories: []ghsim.RepoSpec{{Name: "runner-admin", Issues: []ghsim.IssueSpec{{Title: "Requests"}}}},
			Teams:        []ghsim.TeamSpec{{Name: "Platform", Maintainers: []string{"ada"}}},
		}},
		Apps: []ghsim.AppSpec{{Name: "Runner Manager", WebhookSecret: "hush", Installations: []ghsim.InstallationSpec{{Org: "acme"}}}},
	})
	if err != nil {
		log.Fatal(err)
	}
	server := httptest.NewServer(github)
	defer server.Close()
	defer github.Close()

	if _, err := github.Comment("acme", "runner-admin", 1, "ada", "/runner-group help"); err != nil {
		log.Print(err)
	}
	for _, c := range github.Comments("acme", "runner-admin", 1) {
		fmt.Printf("%s: %s\n", c.Author.Login, c.Body)
	}
	fmt.Println(github.Deliveries()[0].Event)
	// Output:
	// ada: /runner-group help
	// issue_comment
}
