package fleet

// A Kind is what is wrong with a group.
type Kind = string

// The kinds of findings.
const (
	GroupDeleted        Kind = "group_deleted"
	NoRunnerOnline      Kind = "no_runner_online"
	VisibilityChanged   Kind = "visibility_changed"
	PublicAllowed       Kind = "public_allowed"
	RepoPublic          Kind = "repo_public"
	RunnerBlocked       Kind = "runner_blocked"
	RunnerUnexpected    Kind = "runner_unexpected"
	RunnerOffline       Kind = "runner_offline"
	RunnerOutdated      Kind = "runner_outdated"
	RepoAttachedOutside Kind = "repo_attached_outside"
	RepoPermissionLost  Kind = "repo_permission_lost"
	WorkflowsChanged    Kind = "workflows_changed"
	NoMaintainer        Kind = "no_maintainer"
	RepoDetachedOutside Kind = "repo_detached_outside"
	RepoArchived        Kind = "repo_archived"
	GroupRenamed        Kind = "group_renamed"
	AccessOverdue       Kind = "access_overdue"
)

// The severities of findings.
const (
	Critical = "critical"
	Warning  = "warning"
	Info     = "info"
)

// Severities returns the severities, the worst first.
func Severities() []string { return []string{Critical, Warning, Info} }

// about says what a kind of finding is judged by.
type about int

const (
	aboutNow      about = iota // the group and its runners as they are
	aboutExpected              // what the group is expected to be: group-accept accepts it
	aboutTeam                  // what is asked hourly
)

type kindInfo struct {
	severity string
	about    about
}

func infoOf(kind Kind) kindInfo { return kinds()[kind] }

// kinds are all kinds of findings. docs/runner-health.md explains each.
func kinds() map[Kind]kindInfo {
	return map[Kind]kindInfo{
		GroupDeleted:        {Critical, aboutNow},
		NoRunnerOnline:      {Critical, aboutNow},
		VisibilityChanged:   {Critical, aboutExpected},
		PublicAllowed:       {Critical, aboutExpected},
		RepoPublic:          {Critical, aboutNow},
		RunnerBlocked:       {Critical, aboutNow},
		RunnerUnexpected:    {Critical, aboutExpected},
		RunnerOffline:       {Warning, aboutNow},
		RunnerOutdated:      {Warning, aboutNow},
		RepoAttachedOutside: {Warning, aboutExpected},
		RepoPermissionLost:  {Warning, aboutTeam},
		WorkflowsChanged:    {Warning, aboutExpected},
		AccessOverdue:       {Warning, aboutNow},
		NoMaintainer:        {Warning, aboutTeam},
		RepoDetachedOutside: {Info, aboutExpected},
		RepoArchived:        {Info, aboutNow},
		GroupRenamed:        {Info, aboutExpected},
	}
}

// IsAboutExpected reports whether findings of the kind are about what the group is expected
// to be, so that group-accept ends them.
func IsAboutExpected(kind Kind) bool { return infoOf(kind).about == aboutExpected }
