package doctor

// The events and permissions below are the only list of what the App needs. The App
// manifest, the setup pages and the checks derive from it, and a test compares the
// README with it.

// A Permission is one that the App needs.
type Permission struct {
	Key    string // in GitHub's API
	Title  string // on GitHub's pages
	Access string // read or write
	Why    string

	ForComments bool // not needed if no organization has an admin repository
}

// Permissions returns the permissions that the App needs.
func Permissions() []Permission {
	return []Permission{
		{Key: "metadata", Title: "Metadata", Access: "read", Why: "find repositories by name"},
		{Key: "issues", Title: "Issues", Access: "write", Why: "reply to comments in the admin repository", ForComments: true},
		{Key: "members", Title: "Members", Access: "read", Why: "see who maintains which team"},
		{Key: "organization_self_hosted_runners", Title: "Self-hosted runners", Access: "write", Why: "manage the organization's runner groups and runners"},
	}
}

// An Event is one that the App subscribes to.
type Event struct {
	Key   string // in GitHub's API
	Title string // on GitHub's pages

	ForComments bool // not needed if no organization has an admin repository
}

// Events returns the events that the App needs.
func Events() []Event {
	return []Event{{Key: "issue_comment", Title: "Issue comment", ForComments: true}}
}
