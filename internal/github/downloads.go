package github

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A Download is the runner's newest release for one kind of machine.
type Download struct {
	OS     string `json:"os"`           // "linux", "osx" or "win"
	Arch   string `json:"architecture"` // "x64", "arm64" or "arm"
	URL    string `json:"download_url"`
	File   string `json:"filename"`        // its name ends in the version
	SHA256 string `json:"sha256_checksum"` // in hexadecimal; empty if GitHub sends none
}

var versionInName = regexp.MustCompile(`-(\d+(?:\.\d+)+)(?:\.tar\.gz|\.zip)$`)

// Version returns the release's version, such as "2.323.0". It is empty if the file's name
// does not have one.
func (d Download) Version() string {
	if found := versionInName.FindStringSubmatch(d.File); found != nil {
		return found[1]
	}
	return ""
}

// LatestVersion returns the newest version of the downloads; empty if none of them has one.
func LatestVersion(downloads []Download) (latest string) {
	for _, d := range downloads {
		if CompareVersions(d.Version(), latest) > 0 {
			latest = d.Version()
		}
	}
	return latest
}

// CompareVersions compares two versions of the runner number by number: it is negative if a
// is older than b. The empty version is older than every other.
func CompareVersions(a, b string) int { return slices.Compare(numbers(a), numbers(b)) }

// numbers returns the numbers of a version; what is no number counts as 0.
func numbers(version string) (all []int) {
	if version == "" {
		return nil
	}
	for part := range strings.SplitSeq(version, ".") {
		n, _ := strconv.Atoi(part)
		all = append(all, n)
	}
	return all
}

// downloadsKept is how long the newest release is used without asking for a newer one.
const downloadsKept = time.Hour

// downloads are the newest releases as GitHub listed them last.
type downloads struct {
	mu     sync.Mutex
	listed []Download
	err    error // that this GitHub has no such list
	at     time.Time
}

// RunnerDownloads returns the newest release of the runner for each kind of machine. GitHub
// is asked at most once an hour, unless there was no answer.
func (o *Org) RunnerDownloads(ctx context.Context) ([]Download, error) {
	o.downloads.mu.Lock()
	defer o.downloads.mu.Unlock()
	now := o.app.now()
	if !o.downloads.at.IsZero() && now.Sub(o.downloads.at) < downloadsKept {
		return o.downloads.listed, o.downloads.err
	}
	s, err := o.session(ctx)
	if err != nil {
		return nil, err
	}
	listed, _, err := send[[]Download](ctx, s.main, http.MethodGet, "orgs/"+o.loginSegment()+"/actions/runners/downloads", nil)
	err = o.app.failed("list the downloads of the runner", err)
	if err != nil && KindOf(err) != NotFound {
		return nil, err
	}
	o.downloads.listed, o.downloads.err, o.downloads.at = listed, err, now
	return listed, err
}
