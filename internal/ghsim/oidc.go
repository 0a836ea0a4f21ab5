package ghsim

import (
	"cmp"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v4"
)

// issuerPath is where an Enterprise Server's issuer of Actions' tokens is:
// https://docs.github.com/en/enterprise-server@latest/actions/reference/security/oidc
const issuerPath = "/_services/token"

// tokenLife is how long a token of Actions is valid.
const tokenLife = 5 * time.Minute

// An ActionsJob is a job of GitHub Actions that requests an OpenID Connect token.
type ActionsJob struct {
	Repository        string // OWNER/NAME
	Audience          string
	Ref               string // default: refs/heads/main
	Environment       string // default: none
	Event             string // default: push
	Workflow          string // path; default: .github/workflows/ci.yml
	Actor             string // default: octocat
	RunnerEnvironment string // default: github-hosted
	RunID             int64  // default: 1

	// Claims replace those that follow from the other fields. A nil value leaves one out.
	Claims map[string]any
}

// An issuerKey signs tokens.
type issuerKey struct {
	id  string
	key *rsa.PrivateKey
}

// An issuer makes the OpenID Connect tokens of GitHub Actions. The server's lock guards it.
type issuer struct {
	keys   []issuerKey // the last one signs; all are published
	hidden bool        // the last one is not published
}

// newIssuerKey adds a key. Making one takes a moment. The caller holds the lock.
func (s *Server) newIssuerKey() error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return fmt.Errorf("make the issuer's key: %w", err)
	}
	s.issuer.keys = append(s.issuer.keys, issuerKey{id: rand.Text(), key: key})
	return nil
}

// RotateActionsKey makes the key that signs tokens from now on. The keys before stay
// published if keep is set.
func (s *Server) RotateActionsKey(keep bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !keep {
		s.issuer.keys = nil
	}
	return s.newIssuerKey()
}

// HideActionsKey says whether the key that signs tokens is left out of the published ones.
func (s *Server) HideActionsKey(hide bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.issuer.hidden = hide
}

// ActionsIssuer is the address of the issuer of Actions' tokens: by its documents there,
// tokens can be verified. Faults whose path matches them strike these too.
func (s *Server) ActionsIssuer() string { return strings.TrimSuffix(s.URL, "/") + issuerPath }

// ActionsToken makes the OpenID Connect token that GitHub gives to a job.
func (s *Server) ActionsToken(job ActionsJob) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.actionsToken(job, s.ActionsIssuer())
}

// actionsToken makes a token. The caller holds the lock.
func (s *Server) actionsToken(job ActionsJob, issuer string) (string, error) {
	owner, name, _ := strings.Cut(job.Repository, "/")
	org := s.state.Org(owner)
	if org == nil || org.Repo(name) == nil {
		return "", fmt.Errorf("there is no repository %s", job.Repository)
	}
	if len(s.issuer.keys) == 0 {
		if err := s.newIssuerKey(); err != nil {
			return "", err
		}
	}
	claims := s.actionsClaims(job, org.Repo(name))
	claims["iss"] = issuer
	for name, value := range job.Claims {
		if value == nil {
			delete(claims, name)
		} else {
			claims[name] = value
		}
	}
	signer := s.issuer.keys[len(s.issuer.keys)-1]
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
	token.Header["kid"] = signer.id
	signed, err := token.SignedString(signer.key)
	if err != nil {
		return "", fmt.Errorf("sign the token: %w", err)
	}
	return s.secret(signed), nil
}

// actionsClaims are those of GitHub's example:
// https://docs.github.com/en/actions/concepts/security/openid-connect#understanding-the-oidc-token
func (s *Server) actionsClaims(job ActionsJob, repo *Repo) jwt.MapClaims {
	ref := cmp.Or(job.Ref, "refs/heads/main")
	full := repo.Org.Login + "/" + repo.Name
	workflow := full + "/" + cmp.Or(job.Workflow, ".github/workflows/ci.yml") + "@" + ref
	now := s.now()
	claims := jwt.MapClaims{
		"jti": rand.Text(), "aud": job.Audience, "sub": "repo:" + full + ":ref:" + ref,
		"iat": now.Unix(), "nbf": now.Add(-5 * time.Minute).Unix(), "exp": now.Add(tokenLife).Unix(),
		"repository": full, "repository_id": strconv.FormatInt(repo.ID, 10),
		"repository_owner": repo.Org.Login, "repository_owner_id": strconv.FormatInt(repo.Org.ID, 10),
		"repository_visibility": repo.Visibility, "actor": cmp.Or(job.Actor, "octocat"), "actor_id": "12",
		"ref": ref, "ref_type": "branch", "ref_protected": "true", "sha": strings.Repeat("0", 40),
		"workflow": "CI", "workflow_ref": workflow, "workflow_sha": strings.Repeat("0", 40),
		"job_workflow_ref": workflow, "job_workflow_sha": strings.Repeat("0", 40),
		"event_name": cmp.Or(job.Event, "push"), "runner_environment": cmp.Or(job.RunnerEnvironment, "github-hosted"),
		"run_id": strconv.FormatInt(cmp.Or(job.RunID, 1), 10), "run_number": "1", "run_attempt": "1", "head_ref": "", "base_ref": "",
	}
	if strings.HasPrefix(ref, "refs/tags/") {
		claims["ref_type"] = "tag"
	}
	if job.Environment != "" {
		claims["environment"] = job.Environment
		claims["sub"] = "repo:" + full + ":environment:" + job.Environment
	}
	return claims
}

// serveIssuer serves the documents of the issuer of Actions' tokens, and reports whether the
// path is one of them. To GET /_services/token/request it answers with a token, as to what
// ACTIONS_ID_TOKEN_REQUEST_URL names in a job: the parameters are audience, repository, ref,
// environment, event, workflow and runner. Unlike GitHub's, it wants no authorization.
func (s *Server) serveIssuer(w http.ResponseWriter, r *http.Request) bool {
	path, ok := strings.CutPrefix(r.URL.EscapedPath(), issuerPath)
	if !ok || r.Method != http.MethodGet {
		return false
	}
	record := Call{Method: r.Method, Path: r.URL.EscapedPath(), Route: r.URL.EscapedPath(), Query: r.URL.RawQuery, Auth: "none", Start: time.Now()}
	s.mu.Lock()
	fault, base := s.strike(r.Method, record.Path), s.baseURL(r)+issuerPath
	s.mu.Unlock()
	var a answer
	defer func() {
		record.Status, record.End = a.status, time.Now()
		s.record(record)
	}()
	if fault != nil {
		select {
		case <-time.After(fault.Delay):
		case <-r.Context().Done():
		}
	}
	switch {
	case fault != nil && (fault.Drop || fault.DropAfter):
		panic(http.ErrAbortHandler)
	case fault != nil && fault.Status != 0:
		a = fault.answer()
	default:
		a = s.issuerDocument(path, base, r.URL.Query())
	}
	a.encode()
	if a.raw != nil {
		a.set("Content-Type", "application/json; charset=utf-8")
	}
	maps.Copy(w.Header(), a.header)
	w.WriteHeader(a.status)
	_, _ = w.Write(a.raw)
	return true
}

func (s *Server) issuerDocument(path, base string, query url.Values) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch path {
	case "/.well-known/openid-configuration":
		return ok(obj{
			"issuer": base, "jwks_uri": base + "/.well-known/jwks", "subject_types_supported": []string{"public", "pairwise"},
			"response_types_supported": []string{"id_token"}, "id_token_signing_alg_values_supported": []string{"RS256"}, "scopes_supported": []string{"openid"},
		})
	case "/.well-known/jwks":
		if len(s.issuer.keys) == 0 { // GitHub always has one
			if err := s.newIssuerKey(); err != nil {
				return failure(http.StatusInternalServerError, err.Error(), docs)
			}
		}
		return ok(obj{"keys": s.issuer.published()})
	case "/request":
		token, err := s.actionsToken(ActionsJob{
			Repository: query.Get("repository"), Audience: query.Get("audience"), Ref: query.Get("ref"), Environment: query.Get("environment"),
			Event: query.Get("event"), Workflow: query.Get("workflow"), RunnerEnvironment: query.Get("runner"),
		}, base)
		if err != nil {
			return failure(http.StatusBadRequest, err.Error(), docs)
		}
		return ok(obj{"count": 1, "value": token})
	}
	return notFound("")
}

// published are the public keys, as a JSON Web Key Set has them.
func (i *issuer) published() []obj {
	keys := []obj{}
	for n, signer := range i.keys {
		if i.hidden && n == len(i.keys)-1 {
			continue
		}
		keys = append(keys, obj{
			"kty": "RSA", "alg": "RS256", "use": "sig", "kid": signer.id,
			"n": base64.RawURLEncoding.EncodeToString(signer.key.N.Bytes()),
			"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(signer.key.E)).Bytes()),
		})
	}
	return keys
}
