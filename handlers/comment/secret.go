package comment

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"filippo.io/age"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
	"github.com/actions-runner-manager/actions-runner-manager/handlers"
)

// The ways a secret answers a comment: values of chatops.tokenReply.
const (
	replyComment   = "comment"
	replyEncrypted = "encrypted"
	replyOff       = "off"
)

// A secretReply hands the secret of one command over, in a comment of its own.
type secretReply struct {
	*Worker
	job    Job
	index  int
	call   slashCommand
	policy Policy

	prepared   bool
	recipients []age.Recipient // none: the comment shows the secret in plain
	identity   string          // the file of the caller's key that decrypts it
	posted     int64           // the comment that has the whole outcome; 0: none
}

// prepare makes sure, before a secret is made, that it can be handed over as the
// policy wants. It implements [dispatch.Request].PrepareSecret.
func (s *secretReply) prepare(ctx context.Context, spec dispatch.Spec) error {
	mode := s.policy.TokenReply
	switch {
	case mode == replyOff:
		return dispatch.Refuse(dispatch.ReasonPolicy,
			"Secrets are not handed out in comments here (`tokenReply: off`). Ask over REST: %s", s.curl(spec))
	case mode == replyEncrypted || s.call.encrypted || spec.EncryptedOnly:
		if err := s.findKeys(ctx, spec); err != nil {
			return err
		}
	case mode == replyComment:
		private, err := s.GitHub.Private(ctx, s.job.Comment().Org)
		if err != nil {
			return err
		}
		if !private {
			return dispatch.Refuse(dispatch.ReasonPolicy,
				"This repository is not private, so anyone who can read it would see the secret. "+
					"Add `--encrypted` to the command, make the repository private, or ask over REST: %s", s.curl(spec))
		}
	default:
		return dispatch.Refuse(dispatch.ReasonPolicy, "The server does not know how secrets are answered here (`tokenReply`). Ask over REST: %s", s.curl(spec))
	}
	s.prepared = true
	return nil
}

func (s *secretReply) findKeys(ctx context.Context, spec dispatch.Spec) error {
	comment := s.job.Comment()
	keys, err := s.GitHub.Keys(ctx, comment.Org, comment.Author.Login)
	if err != nil {
		return err
	}
	s.recipients, s.identity = recipientsOf(keys)
	if len(s.recipients) == 0 {
		return dispatch.Refuse(dispatch.ReasonPolicy,
			"This can only be sent encrypted, and your GitHub account has no SSH key for that "+
				"(`ssh-ed25519` or `ssh-rsa`). Make one with `ssh-keygen -t ed25519`, add it in your account's settings under "+
				"“SSH and GPG keys”, and write the command again; or ask over REST: %s", s.curl(spec))
	}
	return nil
}

// post hands the secret over and takes it out of the result. It returns the id of the
// comment that answers the command, if no reply is needed beside it.
func (s *secretReply) post(ctx context.Context, result *dispatch.Result) (answered int64, err error) {
	secret := result.Secret
	result.Secret, result.Response = nil, nil
	if !s.prepared {
		if err := s.prepare(ctx, s.call.spec); err != nil {
			return 0, err
		}
	}
	if secret.EncryptedOnly && len(s.recipients) == 0 {
		return 0, dispatch.Refuse(dispatch.ReasonPolicy, "This can only be sent encrypted. Add `--encrypted` to the command.")
	}
	now := s.Clock().UTC()
	marker := s.marker() + fmt.Sprintf(" %d -->", now.UnixMilli())
	if len(s.recipients) > 0 {
		return s.postEncrypted(ctx, result, secret, marker)
	}
	return 0, s.postPlain(ctx, result, secret, marker, now.Add(s.policy.TTL))
}

// postEncrypted posts the outcome with the secret. That comment is the answer, unless the
// command has others beside it, whose reply mentions it.
func (s *secretReply) postEncrypted(ctx context.Context, result *dispatch.Result, secret *dispatch.Secret, marker string) (answered int64, err error) {
	armored, err := encryptTo(s.recipients, secret.Text.Reveal()+"\n")
	if err != nil {
		return 0, fmt.Errorf("encrypt the %s: %w", secret.Kind, err)
	}
	comment := s.job.Comment()
	body := renderEncrypted(comment, s.done(s.job, s.call, *result), secret, armored, s.identity) + "\n" + marker
	only := len(comment.Lines) == 1 && len(comment.Appended) == 0
	if only {
		body += "\n" + replyMarker(s.job)
	}
	id, err := s.GitHub.Post(ctx, comment.Org, comment.Issue, body)
	if err != nil || only {
		return id, err
	}
	*result = dispatch.Result{Message: "The " + secret.Kind + " is encrypted in a separate comment, with the lines that decrypt it."}
	return 0, nil
}

// postPlain posts the secret for all to see who read the repository. Its deletion
// is planned before: a comment that is posted in the moment of a crash is found by
// its marker, and goes too.
func (s *secretReply) postPlain(ctx context.Context, result *dispatch.Result, secret *dispatch.Secret, marker string, deleteAt time.Time) error {
	comment := s.job.Comment()
	if err := s.Ephemerals.Plan(ctx, comment.Org, comment.Issue, marker, deleteAt); err != nil {
		return &dispatch.Error{
			Reason: dispatch.ReasonUnavailable, Cause: err,
			Message: "The server could not record that the secret has to be deleted again, so it was not shown. Try again in a minute.",
		}
	}
	body := renderPlain(comment, s.call, secret, deleteAt, s.policy.TTL) + "\n" + marker
	id, err := s.GitHub.Post(ctx, comment.Org, comment.Issue, body)
	if err != nil {
		return err
	}
	if err := s.Ephemerals.Posted(ctx, marker, id); err != nil {
		s.log(s.job).Warn().Err(err).Int64("comment_id", id).
			Msg("The id of a comment with a secret could not be recorded; it will be found by its marker and deleted")
	}
	result.Notes = append(result.Notes, fmt.Sprintf("The %s is in a separate comment, which will be deleted in %s.", secret.Kind, humanDuration(s.policy.TTL)))
	return nil
}

// resume looks for the secret that an attempt that was cut off may have handed
// over. If it did, nothing is made again.
func (s *secretReply) resume(ctx context.Context) (result outcome, found bool, err error) {
	comment := s.job.Comment()
	ids, err := s.GitHub.Find(ctx, comment.Org, comment.Issue, s.marker()+" ", comment.CreatedAt)
	if err != nil {
		result, err = s.failed(ctx, s.job, s.index, s.call, true, dispatch.AsError(err))
		return result, err == nil, err
	}
	if len(ids) == 0 {
		return outcome{}, false, nil
	}
	return s.done(s.job, s.call, dispatch.Result{Message: "The answer is in a separate comment."}), true, nil
}

// marker begins the hidden marker of the command's comments; that of an attempt
// goes on with its time.
func (s *secretReply) marker() string {
	return "<!-- arm:secret " + requestID(s.job, s.index)
}

// curl is the line that asks for the secret over REST, with the arguments of the comment.
func (s *secretReply) curl(spec dispatch.Spec) string {
	values := url.Values{}
	args := s.call.args
	for _, named := range args.Named {
		values.Set(named.Name, strings.Join(named.Values, ","))
	}
	for _, p := range spec.Params {
		if p.Positional && len(args.Positional) > 0 {
			values.Set(p.Name, strings.Join(args.Positional, ","))
		}
	}
	if spec.Team() && values.Get("team") == "" {
		values.Set("team", cmp.Or(spec.TeamIn(args), hintOf(s.job.Comment()).slug, "TEAM"))
	}
	if s.MultiOrg {
		values.Set("org", s.job.Comment().Org)
	}
	base := strings.TrimSuffix(s.PublicURL, "/")
	if base == "" {
		base = "https://HOST"
	}
	return codeSpan(fmt.Sprintf(`curl -X %s -H "Authorization: Bearer $GITHUB_TOKEN" "%s%s%s?%s"`, spec.Method, base, handlers.APIPrefix, spec.Name, values.Encode()))
}
