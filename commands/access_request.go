package commands

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/store"
)

// AccessRequestArgs are the arguments of access-request.
type AccessRequestArgs struct {
	Team   dispatch.Team `arg:"team,required" doc:"the team whose runner group is to be used" example:"platform"`
	Repos  []string      `arg:"repos,required,positional" doc:"repositories on which you have admin permission (20 at most)" example:"api"`
	For    time.Duration `arg:"for" doc:"how long (90m, 24h, 7d), from the approval; without it the access has no end" example:"7d"`
	Reason string        `arg:"reason" doc:"why, for those who decide" example:"training"`
}

const (
	maxRequestRepos = 20
	maxReason       = 500 // characters
)

func accessRequest() dispatch.Command {
	return dispatch.Define(dispatch.Spec{
		Name: "access-request", Method: http.MethodPost,
		Summary:  "Ask for the use of another team's runner group",
		Task:     dispatch.TaskRepos,
		Refusals: []dispatch.Reason{dispatch.ReasonRepoNotPermitted, dispatch.ReasonPublicRepo, dispatch.ReasonGroupNotFound},
		Details:  "For every member with admin permission on the repositories. A maintainer of the team approves it with `request-approve` or denies it with `request-deny`. The same request again answers the one that waits.",
		Needs:    dispatch.Member, Effect: dispatch.Changes, Example: "api --for 7d --reason training",
		Sample: requestMade(sampleCall(), sampleRequest(), true),
	}, runAccessRequest, checkAccessRequest)
}

func checkAccessRequest(call *dispatch.Call, a AccessRequestArgs) error {
	switch {
	case len(a.Repos) > maxRequestRepos:
		return dispatch.Refuse(dispatch.ReasonInvalidArgument, "%s: %d repositories at most in one request.", call.ArgumentName("repos"), maxRequestRepos)
	case a.For != 0 && a.For < minAccess:
		return dispatch.Refuse(dispatch.ReasonInvalidArgument, "%s: access lasts a minute at least.", call.ArgumentName("for"))
	case utf8.RuneCountInString(a.Reason) > maxReason:
		return dispatch.Refuse(dispatch.ReasonInvalidArgument, "%s: %d characters at most.", call.ArgumentName("reason"), maxReason)
	}
	return checkRepos(call, ReposArgs{Team: a.Team, Repos: a.Repos})
}

func runAccessRequest(ctx context.Context, call *dispatch.Call, args AccessRequestArgs) (dispatch.Result, error) {
	repos, err := administeredRepos(ctx, call, args.Repos)
	if err != nil {
		return dispatch.Result{}, err
	}
	record, err := visibleGroup(ctx, call, string(args.Team))
	if err != nil {
		return dispatch.Result{}, err
	}
	now := call.Env.Now()
	r := store.Request{
		OrgID: call.OrgID, Kind: store.AccessRequest, TeamID: call.Team.ID, TeamSlug: call.Team.Slug, GroupID: record.GroupID, Command: call.Spec.Name,
		Arguments: []store.RequestArg{{Name: "team", Values: []string{call.Team.Slug}}, {Name: "repos", Values: repoNames(repos)}},
		Reason:    args.Reason, Length: args.For, RequesterID: call.Caller.ID, Requester: call.Caller.Login,
		RequestedAt: now, ExpiresAt: now.Add(call.Org.Policy.RequestTTL), Source: call.Source,
	}
	if args.For != 0 {
		r.Arguments = append(r.Arguments, store.RequestArg{Name: "for", Values: []string{dispatch.ShortDuration(args.For)}})
	}
	for _, repo := range repos {
		r.Targets = append(r.Targets, store.RequestTarget{Kind: repoTarget, Name: repo.Name, ID: repo.ID})
	}
	r.Digest = accessDigest(r)
	if call.Preview {
		return previewAccessRequest(ctx, call, r)
	}
	if err := call.Begin(ctx, store.Diff{After: []store.Part{requestPart(r, store.RequestPending)}}, nil); err != nil {
		return dispatch.Result{}, err
	}
	return addRequest(ctx, call, r)
}

func previewAccessRequest(ctx context.Context, call *dispatch.Call, r store.Request) (dispatch.Result, error) {
	switch found, same, err := call.Env.Store.CheckRequest(ctx, r); {
	case errors.Is(err, store.ErrTooMany):
		return dispatch.Result{}, tooManyRequests()
	case err != nil:
		return dispatch.Result{}, dispatch.StoreError(err)
	case same:
		result := requestMade(call, found, false)
		result.Needless = true
		return result, nil
	}
	return dispatch.Result{Message: fmt.Sprintf("This would ask the maintainers of team `%s`: %s.", r.TeamSlug, requestSentence(r))}, nil
}

// accessDigest is the same for requests for the same access.
func accessDigest(r store.Request) string {
	var ids []int64
	for _, t := range r.Targets {
		ids = append(ids, t.ID)
	}
	slices.Sort(ids)
	sum := sha256.Sum256(fmt.Append(nil, r.Kind, r.TeamID, r.GroupID, ids, r.Length))
	return hex.EncodeToString(sum[:16])
}

// addRequest records the request. Over REST nothing else notifies the team that decides on its
// group, so its alert issue does.
func addRequest(ctx context.Context, call *dispatch.Call, r store.Request) (dispatch.Result, error) {
	var notice func(store.Request) string
	if call.Channel != dispatch.Comment && r.Kind == store.AccessRequest && call.Env.Notify != nil {
		notice = func(r store.Request) string {
			return fmt.Sprintf("**%s asks for request %d:** %s. %s", dispatch.Quote(r.Requester), r.Number, requestSentence(r), howToDecide(call, r))
		}
	}
	r, isNew, err := call.Env.Store.AddRequest(ctx, r, notice)
	switch {
	case errors.Is(err, store.ErrTooMany):
		return dispatch.Result{}, tooManyRequests()
	case err != nil:
		return dispatch.Result{}, dispatch.StoreError(err)
	}
	call.Replan(func(d *store.Diff) { *d = store.Diff{After: []store.Part{requestPart(r, store.RequestPending)}} })
	if isNew {
		call.NoteChange(theRequest(r))
	}
	return requestMade(call, r, isNew || call.Repeated), nil
}

func tooManyRequests() error {
	return dispatch.Refuse(dispatch.ReasonInvalidArgument,
		"You have %d requests that nobody has decided yet, which is the most. Withdraw one with `request-withdraw` first; `requests-list` shows them.", store.MaxPendingRequests)
}

// howToDecide shows those who decide the request what to write.
func howToDecide(call *dispatch.Call, r store.Request) string {
	return fmt.Sprintf("Approve it with `%s request-approve %d`, or deny it with `%s request-deny %d --reason \"…\"`.", call.Spec.Slash(), r.Number, call.Spec.Slash(), r.Number)
}

func requestMade(call *dispatch.Call, r store.Request, isNew bool) dispatch.Result {
	who := "A maintainer of team `" + r.TeamSlug + "`"
	ownersDecide := r.Kind == store.CommandRequest || accessNeedsOwner(call)
	if ownersDecide {
		who = "An owner of " + call.Org.Name()
	}
	message := fmt.Sprintf("Request %d waits for a decision: %s.", r.Number, requestSentence(r))
	if !isNew {
		message = fmt.Sprintf("Request %d waits already, since %s: %s.", r.Number, minuteOf(r.RequestedAt), requestSentence(r))
	}
	result := dispatch.Result{
		Response: RequestMade{Request: r.Number, State: string(store.RequestPending)}, Message: message, Changed: isNew, Request: r.Number,
		Notes: []string{who + " decides it by " + minuteOf(r.ExpiresAt) + ". " + howToDecide(call, r)},
	}
	slug := r.TeamSlug
	if ownersDecide {
		slug = call.Org.Policy.OwnersTeam
	}
	if isNew && slug != "" {
		result.Mention = call.Org.Name() + "/" + slug
	}
	return result
}

// unprovedRepos is of how many repositories GitHub is asked before one was refused: a caller
// without any right costs four calls, with the one for their membership.
const unprovedRepos = 3

// administeredRepos returns the repositories, and refuses those on which the caller has no
// admin permission, with one answer also for those that do not exist. After a refusal it does
// not look at the rest.
func administeredRepos(ctx context.Context, call *dispatch.Call, names []string) ([]github.Repository, error) {
	var all []github.Repository
	for some := range slices.Chunk(names, unprovedRepos) {
		found, err := someAdministeredRepos(ctx, call, some)
		if err != nil {
			return nil, err
		}
		for _, repo := range found {
			if !slices.ContainsFunc(all, func(r github.Repository) bool { return r.ID == repo.ID }) {
				all = append(all, repo)
			}
		}
	}
	return all, nil
}

func someAdministeredRepos(ctx context.Context, call *dispatch.Call, names []string) ([]github.Repository, error) {
	repos, errs := make([]github.Repository, len(names)), make([]error, len(names))
	var g errgroup.Group
	for i, text := range names {
		g.Go(func() error {
			repos[i], errs[i] = administeredRepo(ctx, call, text)
			return nil
		})
	}
	_ = g.Wait()
	var items []dispatch.Item
	for i, text := range names {
		item := dispatch.Item{Item: text}
		switch reason := dispatch.ReasonOf(errs[i]); reason {
		case "":
		case dispatch.ReasonRepoNotPermitted, dispatch.ReasonPublicRepo:
			item.Error, item.Reason = dispatch.AsError(errs[i]).Message, reason
		default:
			return nil, errs[i]
		}
		items = append(items, item)
	}
	return repos, dispatch.RefuseItems(items)
}

func administeredRepo(ctx context.Context, call *dispatch.Call, text string) (github.Repository, error) {
	name, err := repoNamed(call, text)
	if err != nil {
		return github.Repository{}, err
	}
	if err := call.ProveRepo(ctx, name, github.PermissionAdmin); err != nil {
		return github.Repository{}, err
	}
	repo, err := call.Org.GitHub.Repository(ctx, name)
	if err != nil {
		return repo, dispatch.GitHubError(err, "look up the repository")
	}
	return repo, checkPublic(call, repo, text)
}

// visibleGroup returns the record of the group of the team with that slug, and sets the call's
// team. A team that does not exist, is secret or owns no group has one answer, and costs the
// same calls.
func visibleGroup(ctx context.Context, call *dispatch.Call, slug string) (store.Record, error) {
	none := dispatch.Refuse(dispatch.ReasonGroupNotFound, "No team `%s` that you can see in %s owns a runner group here.", slug, call.Org.Name())
	team, err := call.Org.GitHub.Team(ctx, slug)
	switch kind := github.KindOf(err); {
	case kind == github.NotFound || kind == github.Invalid:
		return store.Record{}, none
	case err != nil:
		return store.Record{}, dispatch.GitHubError(err, "look up the team")
	}
	record, err := call.Env.Store.RecordOf(ctx, call.OrgID, team.ID)
	if errors.Is(err, store.ErrNotFound) || err == nil && (team.Privacy == "secret" || call.CheckTeamPolicy(team) != nil) {
		return store.Record{}, none
	}
	if err != nil {
		return store.Record{}, dispatch.StoreError(err)
	}
	call.Team = team
	return record, nil
}
