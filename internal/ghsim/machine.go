package ghsim

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A registration is what a registration token allows.
type registration struct {
	org     *Org
	expires time.Time
}

// configOption is an option of config.sh, with a value that may be in single quotes.
var configOption = regexp.MustCompile(`--(\w+) (?:'([^']*)'|(\S+))`)

// Paste does what the lines would do on a machine: those with ./config.sh register a runner and
// start it, and those with ./run.sh --jitconfig start a runner for one job. It returns the name of
// the runner, which is online then. What the lines download is not.
func (s *Server) Paste(lines string) (name string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for line := range strings.Lines(lines) {
		line = strings.TrimSpace(line)
		options := map[string]string{}
		for _, m := range configOption.FindAllStringSubmatch(line, -1) {
			options[m[1]] = m[2] + m[3]
		}
		switch {
		case strings.HasPrefix(line, "#"):
		case options["jitconfig"] != "":
			return s.startOnce(options["jitconfig"])
		case strings.HasPrefix(line, "./config.sh --"), strings.HasPrefix(line, `.\config.cmd --`):
			return s.register(options, strings.HasPrefix(line, `.\`))
		}
	}
	return "", errors.New("no line here registers or starts a runner")
}

// startOnce connects a runner for one job.
func (s *Server) startOnce(config string) (string, error) {
	r := s.jit[config]
	if r == nil || r.Status == "online" || !slices.ContainsFunc(s.state.Orgs, func(o *Org) bool { return slices.Contains(o.Runners, r) }) {
		return "", errors.New("the configuration is unknown, or it was used")
	}
	r.OS, r.Status, r.Version = "linux", "online", s.newest()
	s.touch()
	return r.Name, nil
}

// register makes a permanent runner.
func (s *Server) register(options map[string]string, windows bool) (string, error) {
	found, ok := s.registrations[options["token"]]
	if !ok || s.now().After(found.expires) {
		return "", errors.New("GitHub answers 404 to the token: it is wrong, or it has expired")
	}
	spec := RunnerSpec{Name: pick(options["name"], fmt.Sprintf("machine-%d", found.org.lastRunner+1)), OS: "linux", Labels: []string{"self-hosted", "Linux", "X64"}}
	if windows {
		spec.OS, spec.Labels[1] = "windows", "Windows"
	}
	for label := range strings.SplitSeq(options["labels"], ",") {
		if label != "" {
			spec.Labels = append(spec.Labels, label)
		}
	}
	group := found.org.Group(options["runnergroup"])
	switch {
	case group == nil:
		return "", fmt.Errorf("could not find any self-hosted runner group named %q", options["runnergroup"])
	case found.org.Runner(spec.Name) != nil:
		return "", fmt.Errorf("a runner exists with the same name %s", spec.Name)
	}
	(&builder{s: s, st: &s.state}).runner(found.org, group, spec)
	s.touch()
	return spec.Name, nil
}
