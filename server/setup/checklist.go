package setup

import (
	"github.com/actions-runner-manager/actions-runner-manager/server/doctor"
)

// A state is how far a step is.
type state string

const (
	stateDone    state = "done"
	stateWaiting state = "waiting" // for somebody to do it
	stateProblem state = "problem"
	stateUnused  state = "not needed"
)

// A step is a row of the checklist.
type step struct {
	name, title  string
	state        state
	detail       string
	remedy       string // what to do, if there is a problem
	page, help   string // where to do it, and where it is explained
	button, line string // what leads on; a line to copy
}

// checklist returns the steps of the session.
func (s *session) checklist(r result, githubURL string) []step {
	p := &s.progress
	p.mu.Lock()
	defer p.mu.Unlock()
	created := step{name: "created", title: "App created", state: stateDone, detail: s.app.Slug + " belongs to " + s.org + ". Its key is in " + s.path + "."}
	switch {
	case r.failure != "":
		created.state, created.detail, created.remedy = stateProblem, "The server cannot use the App yet: "+r.failure, "Fix this, then restart the server."
	case r.file != "":
		created.detail = s.app.Slug + " belongs to " + s.org + ". Its key is not saved yet: see above."
	case r.unwritten != "":
		created.detail = s.app.Slug + " belongs to " + s.org + ". You have saved its key."
	}
	return []step{created, s.installed(), s.permissions(), s.webhook(), s.adminRepository(), s.firstCommand(githubURL)}
}

// problem makes a step of the check's failure.
func (st step) problem(c doctor.Check) step {
	st.state, st.detail, st.remedy, st.page, st.help = stateProblem, c.Detail, c.Remedy, c.URL, c.Help()
	return st
}

func (s *session) installed() step {
	st := step{name: "installed", title: "App installed", state: stateWaiting, page: s.app.HTMLURL + installPath, button: "Install it in " + s.org}
	c, made := s.progress.found["installation"]
	switch {
	case s.progress.passed("installation"):
		return step{name: st.name, title: st.title, state: stateDone, detail: "The App is installed in " + s.org + "."}
	case made && !c.Missing && !c.Skipped:
		return st.problem(c)
	}
	st.detail = "Choose All repositories, so that teams can attach any of their repositories."
	return st
}

func (s *session) permissions() step {
	p := &s.progress
	st := step{name: "permissions", title: "Permissions granted", state: stateWaiting, detail: "Checked when the App is installed."}
	granted, all := p.passed("installation-permissions"), p.passed("repositories")
	switch {
	case granted && all:
		st.state, st.detail = stateDone, "The App has what it needs, on all repositories."
	case !p.passed("installation"):
	case !granted:
		st = st.problem(p.found["installation-permissions"])
	default:
		st = st.problem(p.found["repositories"])
	}
	return st
}

func (s *session) webhook() step {
	p := &s.progress
	st := step{name: "webhook", title: "Webhook reached this server", state: stateWaiting, detail: "GitHub sends the first one when the App is installed."}
	if p.delivered {
		st.state, st.detail = stateDone, "A signed delivery from GitHub arrived."
		return st
	}
	if p.passed("installation") {
		st.detail = "None yet. GitHub sends one for the installation and for each new comment."
	}
	for _, name := range []string{"webhook", "deliveries"} {
		if c, made := p.found[name]; made && !c.OK && !c.Skipped {
			return st.problem(c)
		}
	}
	return st
}

func (s *session) adminRepository() step {
	p := &s.progress
	st := step{name: "admin-repository", title: "Admin repository is private", state: stateWaiting, detail: "Checked when the App is installed."}
	c, made := p.found["admin-repo"]
	switch {
	case s.adminRepo == "":
		st.title, st.state = "Admin repository", stateUnused
		st.detail = "chatops.adminRepo is not set, so commands work over REST only. " +
			"For commands in comments, set it (ARM_CHATOPS_ADMIN_REPO) to a private repository of " + s.org + " that has issues, and restart the server."
	case p.passed("admin-repo"):
		st.state, st.detail = stateDone, c.Detail
	case made && !c.Skipped:
		return st.problem(c)
	}
	return st
}

func (s *session) firstCommand(githubURL string) step {
	p := &s.progress
	st := step{name: "command", title: "First command", state: stateWaiting}
	switch {
	case p.command:
		st.state, st.detail = stateDone, "It succeeded. Teams can start: the start page shows the first steps."
	case s.adminRepo == "":
		st.detail = "Over REST, with a personal token of a member. The API reference shows how."
		st.page, st.button = "/docs", "API reference"
	case !p.passed("installation"):
		st.detail = "GitHub delivers no comments until the App is installed. A command that was written before is answered late, or not at all: then write it again."
	default:
		st.detail = "Write it as a comment on an issue of " + s.org + "/" + s.adminRepo + ". If one from before the installation has no answer, write it again."
		st.line = "/" + s.trigger + " help"
		st.page, st.button = githubURL+"/"+s.org+"/"+s.adminRepo+"/issues", "Open the issues"
	}
	return st
}

// count returns how many steps are done, and how many there are.
func count(steps []step) (done, all int) {
	for _, st := range steps {
		switch st.state {
		case stateDone:
			done, all = done+1, all+1
		case stateWaiting, stateProblem:
			all++
		case stateUnused:
		}
	}
	return done, all
}
