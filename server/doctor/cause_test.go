package doctor_test

import (
	"net/http"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/server/doctor"
)

// The check quotes GitHub's own sentence. Its remedy follows from that sentence, and
// contradicts it nowhere.
func TestDoctorNamesGitHubsCause(t *testing.T) {
	const (
		allowList  = "Although you appear to have the correct authorization credentials, the 'acme' organization has an IP allow list enabled, and your IP address is not permitted to access this resource."
		permission = "Resource not accessible by integration"
		suspended  = "This installation has been suspended"
		unknown    = "Something that nobody foresaw."
	)
	tests := []struct {
		check, path, sentence string
		status                int
		remedy                string
		never                 []string // guesses that contradict the sentence
	}{
		{"app", "^/app$", allowList, 403, "IP allow list", []string{"private key", "appID"}},
		{"app", "^/app$", "A JSON web token could not be decoded", 401, "private key", nil},
		{"app", "^/app$", "Integration not found", 401, "Set appID", []string{"private key"}},
		{"app", "^/app$", "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued", 401, "Synchronize the clock", []string{"private key"}},
		{"app", "^/app$", "Bad credentials", 401, "private key", nil},
		{"installation", "/installation$", allowList, 403, "IP allow list", []string{"Correct org"}},
		{"installation", "/installation$", unknown, 403, "Correct org", nil},
		{"runner-groups", "/runner-groups", allowList, 403, "IP allow list", []string{"plan", "Team"}},
		{"runner-groups", "/runner-groups", permission, 403, "installation-permissions", []string{"plan", "Team"}},
		{"runner-groups", "/runner-groups", suspended, 403, "Unsuspend", []string{"plan", "Team"}},
		{"runner-groups", "/runner-groups", unknown, 403, "Enterprise Cloud", nil},
		{"runner-groups", "/runner-groups", unknown, 500, "GitHub had a problem", []string{"plan", "Team"}},
		{"admin-repo", "/repos/acme/runner-admin$", allowList, 403, "IP allow list", []string{"Create a private", "does not exist"}},
		{"admin-repo", "/repos/acme/runner-admin$", "Not Found", 404, "Create a private", nil},
		{"admin-repo", "/repos/acme/runner-admin$", unknown, 422, "check the repository", []string{"Create a private", "does not exist"}},
		{"webhook", "/app/hook/config", unknown, 403, "check Webhook", nil},
		{"deliveries", "/app/hook/deliveries", unknown, 403, "Advanced", nil},
	}
	for _, tt := range tests {
		t.Run(tt.check+" "+tt.sentence, func(t *testing.T) {
			c := newClinic(t)
			c.hub.Inject(ghsim.Fault{Path: tt.path, Status: tt.status, Times: -1, Header: http.Header{}, Body: `{"message":` + strconv.Quote(tt.sentence) + `}`})
			d := c.examine()
			at := slices.IndexFunc(d.Checks, func(c doctor.Check) bool { return c.Name == tt.check })
			require.GreaterOrEqual(t, at, 0, d.Text())
			found := d.Checks[at]
			assert.False(t, found.OK, d.Text())
			assert.Contains(t, found.Detail, "GitHub says `"+tt.sentence+"` ("+strconv.Itoa(tt.status)+")")
			assert.Contains(t, found.Remedy, tt.remedy)
			for _, guess := range tt.never {
				assert.NotContains(t, found.Detail+found.Remedy, guess)
			}
		})
	}
}
