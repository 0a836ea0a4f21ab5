package dispatch

// The words that people use instead of the names of commands. What the names themselves
// consist of is known without this table, so a new command needs nothing here.

// meaning says that some words mean what the second part of a command's name says.
type meaning struct {
	words string // separated by blanks
	verbs string // the parts of names that they mean, the likeliest first
}

// reading is what words mean that ask to see something.
const reading = "list"

// meanings are the words for what is done.
var meanings = []meaning{ //nolint:gochecknoglobals // a table that is never written
	{"list ls show get view info display describe detail details print status", reading},
	{"add attach append include", "add create register"},
	{"create new make", "create register add"},
	{"register enroll", "register"},
	{"remove rm detach drop", "remove delete"},
	{"delete del destroy erase", "delete remove"},
	{"unregister deregister revoke", "remove"},
	{"set replace overwrite", "set"},
	{"transfer move mv migrate", "transfer"},
	{"label tag labels", "label"},
	{"adopt assign claim", "adopt"},
	{"approve", "approve"},
	{"deny reject decline", "deny"},
	{"withdraw cancel", "withdraw"},
	{"jit ephemeral", "jit"},
}

// subjects are other words for what commands are about: the first part of their names, in
// the singular.
var subjects = map[string]string{ //nolint:gochecknoglobals // a table that is never written
	"repo":     "repository repositories project projects",
	"runner":   "machine machines agent agents",
	"group":    "grp",
	"audit":    "log logs history activity events changed changes",
	"trust":    "oidc",
	"workflow": "workflows",
}

// readers are the commands that show what a subject's own commands do not show. Of one that
// is no read its help is shown.
var readers = map[string]string{ //nolint:gochecknoglobals // a table that is never written
	"repo":     "group-list",
	"workflow": "group-list",
	"token":    "token-register",
}

// phrases are other words for a whole command: a word of its own, or a subject and what is
// done with it.
var phrases = map[string]string{ //nolint:gochecknoglobals // a table that is never written
	"token":           "token-register",
	"runner add":      "token-register",
	"runner register": "token-register",
	"me":              "whoami",
	"who":             "whoami",
	"version":         "status",
	"health":          "status",
	"commands":        "help",
	"usage":           "help",
}

// substitutes are the words for what no command does, and what to do instead; with the
// subject that this is about, or without one for all others.
var substitutes = []struct{ words, subject, instead string }{ //nolint:gochecknoglobals // a table that is never written
	{"rename", "runner", "A runner keeps its name. Remove it with `runners-remove`, and register it again under the other name with `token-register`."},
	{"rename", "repo", "Repositories are renamed on GitHub, and stay in the group."},
	{"rename", "", "No command renames a runner group. An owner of the organization can rename it on GitHub."},
	{"start stop restart", "", "Runners are started and stopped on their machines: `sudo ./svc.sh start`."},
	{"undo revert", "", "The answer to a command shows the line that undoes it, if there is one, and so does `audit-list --changes`."},
}
