package commands

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
)

// releasesPage has all releases of the runner.
const releasesPage = "https://github.com/actions/runner/releases"

const (
	runnerFolder = "actions-runner"
	windows      = "win"
)

// permanentRunner returns the lines that set up a runner that stays: download, registration
// and service, as GitHub's own page for a new runner has them. missing says why the lines
// for the download, or its check, are not complete; empty if they are.
// https://docs.github.com/actions/how-tos/manage-runners/self-hosted-runners/configure-the-application
func permanentRunner(c *dispatch.Call, a RegisterArgs, token github.Token, downloads []github.Download) (lines []string, missing string) {
	system := cmp.Or(a.OS, "linux")
	arch := a.Arch
	if arch == "" {
		arch = "x64"
		if system == "osx" {
			arch = "arm64"
		}
	}
	i := slices.IndexFunc(downloads, func(d github.Download) bool { return d.OS == system && d.Arch == arch })
	switch {
	case i < 0:
		missing = fmt.Sprintf("GitHub lists no release of the runner for `%s` on `%s` at the moment. Download one from %s first.", system, arch, releasesPage)
	case downloads[i].SHA256 == "":
		missing = "GitHub did not send the checksum of the release. Compare it with " + releasesPage + "."
	}
	quote := shellQuote
	if system == windows {
		quote = powerShellQuote
	}
	config := "--unattended --url " + quote(orgURL(c)) + " --runnergroup " + quote(c.Group.GroupName) + " --token " + quote(token.Token.Reveal())
	if a.Name != "" {
		config += " --name " + quote(a.Name)
	}
	if len(a.Labels) > 0 {
		config += " --labels " + quote(strings.Join(a.Labels, ","))
	}
	if system == windows {
		lines = append(windowsDownload(downloads, i), `.\config.cmd `+config+" --runasservice")
	} else {
		lines = append(unixDownload(downloads, i), "./config.sh "+config)
		sudo := "sudo " // systemd's units are root's; launchd's agents are the user's
		if system == "osx" {
			sudo = ""
		}
		lines = append(lines, sudo+"./svc.sh install", sudo+"./svc.sh start")
	}
	return append(lines, "# In a workflow: runs-on: "+runsOn(a.Labels)), missing
}

// unixDownload returns the lines that download and unpack the release of index i. Nothing
// is unpacked if the checksum differs.
func unixDownload(downloads []github.Download, i int) []string {
	if i < 0 {
		return nil
	}
	d := downloads[i]
	file := shellQuote(d.File)
	lines := []string{
		"mkdir -p " + runnerFolder + " && cd " + runnerFolder,
		"curl -fsSL -o " + file + " " + shellQuote(d.URL),
	}
	unpack := "tar xzf " + file
	if d.SHA256 != "" {
		check := "sha256sum -c -"
		if d.OS == "osx" {
			check = "shasum -a 256 -c -"
		}
		unpack = "echo " + shellQuote(d.SHA256+"  "+d.File) + " | " + check + " && " + unpack
	}
	return append(lines, unpack)
}

// windowsDownload does the same in PowerShell.
func windowsDownload(downloads []github.Download, i int) []string {
	if i < 0 {
		return nil
	}
	d := downloads[i]
	file := powerShellQuote(d.File)
	lines := []string{
		// not in a home folder, which the service's account could not read
		`New-Item -ItemType Directory -Force C:\` + runnerFolder + `; Set-Location C:\` + runnerFolder,
		"Invoke-WebRequest -UseBasicParsing -Uri " + powerShellQuote(d.URL) + " -OutFile " + file,
	}
	unpack := "Expand-Archive -Force -Path " + file + " -DestinationPath ."
	if d.SHA256 != "" {
		unpack = "if ((Get-FileHash -Algorithm SHA256 " + file + ").Hash -eq " + powerShellQuote(d.SHA256) + ") { " + unpack + " } else { throw 'The checksum differs.' }"
	}
	return append(lines, unpack)
}

// plainLabel is a label that YAML takes without quotes: it begins with a letter and is none
// of the words that mean something else.
var plainLabel = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._-]*$`)

// runsOn returns the value of runs-on for a job that needs a runner with these labels.
func runsOn(labels []string) string {
	words := []string{"self-hosted"}
	for _, label := range labels {
		if strings.EqualFold(label, words[0]) {
			continue
		}
		if !plainLabel.MatchString(label) || slices.Contains([]string{"true", "false", "null", "yes", "no", "on", "off", "y", "n"}, strings.ToLower(label)) {
			quoted, _ := json.Marshal(label) //nolint:errchkjson // strings always marshal
			label = string(quoted)
		}
		words = append(words, label)
	}
	return "[" + strings.Join(words, ", ") + "]"
}

// powerShellQuote writes text as one literal argument of PowerShell.
func powerShellQuote(text string) string {
	// PowerShell takes typographic single quotes for quotes too
	return "'" + strings.NewReplacer("'", "''", "‘", "‘‘", "’", "’’", "‚", "‚‚", "‛", "‛‛").Replace(text) + "'"
}
