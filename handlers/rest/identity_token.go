package rest

import (
	"regexp"
	"strings"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/oidc"
)

// The prefixes that distinguish GitHub's tokens:
// https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github#githubs-token-formats
const (
	prefixClassic      = "ghp_"
	prefixFineGrained  = "github_pat_"
	prefixOAuth        = "gho_"
	prefixAppUser      = "ghu_"
	prefixInstallation = "ghs_"
	prefixRefresh      = "ghr_"
)

// maxToken is the length in bytes up to which GitHub is asked about a token;
// personal ones have about 100.
const maxToken = 1024

// whichToken ends every refusal of a token.
const whichToken = "Use a fine-grained personal access token, which needs no permission at all " +
	"(https://github.com/settings/personal-access-tokens/new), a classic one, or GitHub CLI's (`gh auth token`)."

// oldInstallationShape is what installation tokens were before they had a prefix.
var oldInstallationShape = regexp.MustCompile(`^v1\.[0-9a-f]{40}$`)

// tokenOf returns the token of the Authorization header's values: TOKEN, token
// TOKEN or Bearer TOKEN. It refuses what could not prove a person, unasked.
func tokenOf(authorization []string) (string, error) {
	if len(authorization) > 1 {
		return "", badToken("The request has more than one Authorization header.")
	}
	words := strings.Fields(strings.Join(authorization, ""))
	if len(words) == 1 && isScheme(words[0]) {
		return "", dispatch.Refuse(dispatch.ReasonMissingToken,
			"The Authorization header came empty: there is no token behind `%s`, so the variable that holds it is probably not set. %s", words[0], whichToken)
	}
	if len(words) > 1 && isScheme(words[0]) {
		words = words[1:]
	} else if len(words) > 1 {
		return "", badToken("Send the token as `Authorization: TOKEN`, `token TOKEN` or `Bearer TOKEN`.")
	}
	switch len(words) {
	case 0:
		if len(authorization) > 0 {
			return "", dispatch.Refuse(dispatch.ReasonMissingToken,
				"The Authorization header came empty, so the variable that holds the token is probably not set. %s", whichToken)
		}
		return "", dispatch.Refuse(dispatch.ReasonMissingToken,
			"Say who you are by `Authorization: Bearer TOKEN`. %s", whichToken)
	case 1:
		return words[0], refuseToken(words[0])
	}
	return "", badToken("The token has a blank in it.")
}

func isScheme(word string) bool {
	return strings.EqualFold(word, "token") || strings.EqualFold(word, "bearer")
}

// refuseToken says why GitHub need not be asked about token; nil if it must be.
func refuseToken(token string) error {
	has := func(prefix string) bool { return strings.HasPrefix(token, prefix) }
	switch {
	case oidc.IsToken(token):
		return nil // GitHub is not asked
	case len(token) > maxToken:
		return badToken("The token is longer than any that GitHub gives out.")
	case strings.HasPrefix(token, "$"), strings.HasPrefix(token, "%"):
		return badToken("The token came as the name of a variable, which nobody replaced by its value.")
	case strings.ContainsFunc(token, func(r rune) bool { return r < '!' || r > '~' }):
		return badToken("The token has characters in it that no token of GitHub's has.")
	case has(prefixInstallation), oldInstallationShape.MatchString(token):
		return badToken("This is the token of an App's installation, as the GITHUB_TOKEN of Actions is: it belongs to no person. " +
			"In a workflow, request an OpenID Connect token instead (`permissions: id-token: write`), for which a team has made a trust with `trust-add`.")
	case has(prefixAppUser):
		return badToken("This is a token that another GitHub App got for a person: it does not prove that the person asks.")
	case has(prefixRefresh):
		return badToken("This is a refresh token.")
	}
	return nil
}

// isPersonal reports whether a person made token for their own use.
func isPersonal(token string) bool {
	return strings.HasPrefix(token, prefixClassic) || strings.HasPrefix(token, prefixFineGrained)
}

func badToken(why string) *dispatch.Error {
	return dispatch.Refuse(dispatch.ReasonBadToken, "%s %s", why, whichToken)
}
