package doctor_test

import (
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim/contract"
)

// webhookSecret signs the simulated GitHub's deliveries.
const webhookSecret = "it's a secret to everybody"

// appKey is the App's private key. It is generated once for all tests.
var appKey = sync.OnceValue(func() string {
	key, err := ghsim.NewKey()
	if err != nil {
		panic(err)
	}
	return key
})

// acme is an organization in which doctor finds nothing wrong.
func acme() ghsim.Scenario {
	return ghsim.Scenario{
		Users: []ghsim.UserSpec{{Login: "ada"}, {Login: "olga"}},
		Organizations: []ghsim.OrgSpec{{
			Login: "acme", Owners: []string{"olga"}, Members: []string{"ada"},
			Repositories: []ghsim.RepoSpec{{Name: "api"}, {Name: "runner-admin", Issues: []ghsim.IssueSpec{{Title: "Runners"}}}},
			Teams:        []ghsim.TeamSpec{{Name: "platform", Maintainers: []string{"ada"}}},
			RunnerGroups: []ghsim.GroupSpec{{Name: "legacy"}},
		}},
		Apps: []ghsim.AppSpec{{
			ID: 4242, Name: "arm", PrivateKey: appKey(), WebhookSecret: webhookSecret,
			Installations: []ghsim.InstallationSpec{{ID: 77, Org: "acme"}},
		}},
	}
}

var loadContract = sync.OnceValues(func() (*contract.Contract, error) {
	return contract.New(os.Getenv("GITHUB_CONTRACT_DIR"))
})

// checkContract compares every exchange with the simulator with GitHub's own API
// description, if GITHUB_CONTRACT_DIR has it.
func checkContract(t testing.TB, hub *ghsim.Server) {
	if os.Getenv("GITHUB_CONTRACT_DIR") == "" {
		return // ghsim's own tests report that it is missing
	}
	known, err := loadContract()
	require.NoError(t, err)
	hub.OnExchange = func(e ghsim.Exchange) {
		if e.Injected {
			return
		}
		if err := known.Check(e.Request, e.RequestBody, e.Status, e.Header, e.ResponseBody); err != nil {
			t.Errorf("%s %s: %v", e.Request.Method, e.Request.URL.Path, err)
		}
	}
}
