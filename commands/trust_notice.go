package commands

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// NoticeTrusts tells teams of their trusts that end soon, in their issues: 14 days and one day
// before, each once. Without such issues it does nothing.
func NoticeTrusts(ctx context.Context, env *dispatch.Env) error {
	if env.Notify == nil {
		return nil
	}
	now := env.Now()
	for _, org := range env.Orgs {
		if !org.Policy.Workflows.Enabled || org.GitHub.AdminRepo() == "" {
			continue
		}
		orgID, err := org.ID(ctx)
		if err != nil {
			return err
		}
		trusts, err := env.Store.TrustsOfOrg(ctx, orgID)
		if err != nil {
			return err
		}
		for _, t := range trusts {
			if !endsSoon(t, now) {
				continue
			}
			if err := env.Store.NoticeTrust(ctx, t, now, trustNotice(org, t)); err != nil {
				return err
			}
		}
	}
	return nil
}

// endsSoon reports whether the trust has reached one of the times at which its team is told,
// and was not told since. A time before the trust was made is none.
func endsSoon(t store.Trust, now time.Time) bool {
	const day = 24 * time.Hour
	for _, before := range []time.Duration{14 * day, day} {
		at := t.Expires.Add(-before)
		if !now.Before(at) && now.Before(t.Expires) && t.MadeAt.Before(at) && t.NoticedAt.Before(at) {
			return true
		}
	}
	return false
}

// trustNotice says what ends, and the line that extends it: the same trust again.
func trustNotice(org *dispatch.Org, t store.Trust) string {
	_, repo, _ := strings.Cut(t.Repo, "/")
	line := []string{dispatch.Spec{Trigger: org.Trigger}.Slash(), "trust-add", repo, "--commands", strings.Join(t.Commands, ",")}
	for _, condition := range [][2]string{{"--ref", t.Ref}, {"--environment", t.Environment}, {"--workflow", t.Workflow}} {
		if condition[1] != "" {
			line = append(line, condition[0], shellWord(condition[1]))
		}
	}
	line = append(line, "--team", t.TeamSlug)
	text := strings.ReplaceAll(strings.Join(line, " "), "`", "?") // a branch may have one, of which no code can be made
	return fmt.Sprintf("Trust %d ends soon: %s This extends it: `%s`", t.ID, trustSentence(t), text)
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./-]+$`)

// shellWord quotes text so that a comment's command reads it as one word.
func shellWord(text string) string {
	if plainWord.MatchString(text) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
