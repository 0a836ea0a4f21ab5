package ghsim

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

func runnerRoutes() []route {
	const base = "/orgs/{org}/actions/runners"
	const one = base + "/{runner_id}"
	const read, write = "organization_self_hosted_runners:read", "organization_self_hosted_runners:write"
	return []route{
		{http.MethodGet, base, read, (*call).listRunners},
		{http.MethodGet, base + "/downloads", read, (*call).listDownloads},
		{http.MethodPost, base + "/registration-token", write, (*call).registrationToken},
		{http.MethodPost, base + "/remove-token", write, (*call).removeToken},
		{http.MethodPost, base + "/generate-jitconfig", write, (*call).generateJIT},
		{http.MethodGet, one, read, onRunner(func(c *call, r *Runner) answer { return ok(c.runner(r)) })},
		{http.MethodDelete, one, write, onRunner((*call).deleteRunner)},
		{http.MethodGet, one + "/labels", read, onRunner((*call).listLabels)},
		{http.MethodPost, one + "/labels", write, onRunner((*call).addLabels)},
		{http.MethodPut, one + "/labels", write, onRunner((*call).setLabels)},
		{http.MethodDelete, one + "/labels", write, onRunner((*call).clearLabels)},
		{http.MethodDelete, one + "/labels/{name}", write, onRunner((*call).removeLabel)},
	}
}

func onRunner(handle func(*call, *Runner) answer) func(*call) answer {
	return func(c *call) answer {
		if r := c.findRunner(c.id("runner_id")); r != nil {
			return handle(c, r)
		}
		return notFound("/actions/self-hosted-runners")
	}
}

func (c *call) findRunner(id int64) *Runner {
	return find(c.org.Runners, func(r *Runner) bool { return r.ID == id })
}

func (c *call) listRunners() answer {
	runners := c.org.Runners
	if name := c.r.URL.Query().Get("name"); name != "" {
		runners = filter(runners, func(r *Runner) bool { return r.Name == name })
	}
	return counted(c, "runners", runners, c.runner)
}

// RunnerVersion is the newest release of the runner until [Server.SetRelease].
const RunnerVersion = "2.323.0"

// SetRelease makes version the newest release of the runner.
func (s *Server) SetRelease(version string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.release = version
	s.touch()
}

// newest is the newest release of the runner. The caller holds the lock.
func (s *Server) newest() string { return pick(s.release, RunnerVersion) }

// SetRunner changes the runner of that name. It panics if there is none.
func (s *Server) SetRunner(org, name string, change func(*Runner)) {
	s.Update(func(st *State) { change(st.Org(org).Runner(name)) })
}

func (c *call) listDownloads() answer {
	version := c.s.newest()
	var all []any
	for _, machine := range []string{"linux-x64", "linux-arm64", "linux-arm", "osx-x64", "osx-arm64", "win-x64", "win-arm64"} {
		system, architecture, _ := strings.Cut(machine, "-")
		file := "actions-runner-" + machine + "-" + version + ".tar.gz"
		if system == "win" {
			file = strings.TrimSuffix(file, ".tar.gz") + ".zip"
		}
		all = append(all, obj{
			"os": system, "architecture": architecture, "filename": file,
			"download_url":    "https://github.com/actions/runner/releases/download/v" + version + "/" + file,
			"sha256_checksum": fmt.Sprintf("%x", sha256.Sum256([]byte(file))),
		})
	}
	return ok(all)
}

func (c *call) registrationToken() answer {
	a, token := c.newRunnerToken("AREG")
	if c.s.registrations == nil {
		c.s.registrations = map[string]registration{}
	}
	now := c.s.now()
	maps.DeleteFunc(c.s.registrations, func(_ string, r registration) bool { return now.After(r.expires) })
	c.s.registrations[token] = registration{c.org, now.Add(runnerTokenLife)}
	return a
}

func (c *call) removeToken() answer {
	a, _ := c.newRunnerToken("AREM")
	return a
}

// runnerTokenLife is GitHub's: https://docs.github.com/rest/actions/self-hosted-runners
const runnerTokenLife = time.Hour

func (c *call) newRunnerToken(prefix string) (a answer, token string) {
	token = c.s.secret(randomToken(prefix, 29))
	return created(obj{"token": token, "expires_at": stamp(c.s.now().Add(runnerTokenLife))}), token
}

// generateJIT makes a runner and the configuration that it starts with, once.
// https://docs.github.com/rest/actions/self-hosted-runners#create-configuration-for-a-just-in-time-runner-for-an-organization
func (c *call) generateJIT() answer {
	var in struct {
		Name       string   `json:"name"`
		Group      int64    `json:"runner_group_id"`
		Labels     []string `json:"labels"`
		WorkFolder string   `json:"work_folder"`
	}
	if a := c.read(&in); a != nil {
		return *a
	}
	switch {
	case strings.TrimSpace(in.Name) == "" || len(in.Name) > 64:
		return unprocessable("Name must be between 1 and 64 characters.")
	case in.Group == 0:
		return unprocessable("runner_group_id wasn't supplied.")
	case len(in.Labels) == 0 || len(in.Labels) > 100 || slices.Contains(in.Labels, ""):
		return unprocessable("There must be between 1 and 100 labels.")
	case !slices.ContainsFunc(c.org.Groups, func(g *Group) bool { return g.ID == in.Group }):
		return notFound("/actions/self-hosted-runners#create-configuration-for-a-just-in-time-runner-for-an-organization")
	case c.org.Runner(in.Name) != nil:
		return conflict("Already exists - A runner with the name " + in.Name + " already exists.")
	}
	c.org.lastRunner++
	r := &Runner{ID: c.org.lastRunner, GroupID: in.Group, Name: in.Name, OS: "unknown", Status: "offline", Ephemeral: true, Labels: in.Labels}
	c.org.Runners = append(c.org.Runners, r)
	config, err := json.Marshal(obj{".runner": obj{"agentName": r.Name, "poolId": r.GroupID, "workFolder": pick(in.WorkFolder, "_work")}, ".credentials": randomToken("", 60)})
	if err != nil {
		panic(err) // our own map always encodes
	}
	encoded := c.s.secret(base64.StdEncoding.EncodeToString(config))
	if c.s.jit == nil {
		c.s.jit = map[string]*Runner{}
	}
	maps.DeleteFunc(c.s.jit, func(_ string, old *Runner) bool { return !slices.Contains(c.org.Runners, old) })
	c.s.jit[encoded] = r
	return created(obj{"runner": c.runner(r), "encoded_jit_config": encoded})
}

func (c *call) deleteRunner(r *Runner) answer {
	if r.Busy {
		return unprocessable(`Runner "` + r.Name + `" is still running a job"`)
	}
	c.org.Runners = filter(c.org.Runners, func(other *Runner) bool { return other != r })
	return noContent()
}

func (c *call) listLabels(r *Runner) answer {
	return ok(obj{"total_count": len(r.Labels), "labels": c.labelsOf(r)})
}

func (c *call) readLabels() ([]string, *answer) {
	var in struct {
		Labels *[]string `json:"labels"`
	}
	if a := c.read(&in); a != nil {
		return nil, a
	}
	if in.Labels == nil || len(*in.Labels) > 100 {
		a := unprocessable("labels must be a list of at most 100 names.")
		return nil, &a
	}
	return *in.Labels, nil
}

func (c *call) addLabels(r *Runner) answer {
	labels, a := c.readLabels()
	if a != nil {
		return *a
	}
	if len(labels) == 0 {
		return unprocessable("labels must have at least one name.")
	}
	r.label(labels)
	return c.listLabels(r)
}

// label adds the labels that the runner does not have, whatever their case.
func (r *Runner) label(labels []string) {
	for _, l := range labels {
		if !r.has(l) {
			r.Labels = append(r.Labels, l)
		}
	}
}

func (r *Runner) has(label string) bool {
	return slices.ContainsFunc(r.Labels, func(l string) bool { return strings.EqualFold(l, label) })
}

func (c *call) setLabels(r *Runner) answer {
	labels, a := c.readLabels()
	if a != nil {
		return *a
	}
	c.clearLabels(r)
	r.label(labels)
	return c.listLabels(r)
}

func (c *call) clearLabels(r *Runner) answer {
	r.Labels = filter(r.Labels, func(l string) bool { return isFixed(r, l) })
	return c.listLabels(r)
}

func (c *call) removeLabel(r *Runner) answer {
	name := c.params["name"]
	switch {
	case !r.has(name):
		return notFound("/actions/self-hosted-runners")
	case isFixed(r, name):
		return unprocessable("The label " + name + " is read-only.")
	}
	r.Labels = filter(r.Labels, func(l string) bool { return !strings.EqualFold(l, name) })
	return c.listLabels(r)
}
