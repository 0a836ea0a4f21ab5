package comment

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/commands/dispatch"
)

func commentsOf(hub *memoryGitHub, run func(context.Context, dispatch.Request) (dispatch.Result, error)) *Worker {
	return NewWorker(WorkerOptions{
		Dispatcher: slashCommands{run: run}, GitHub: hub, Ephemerals: hub, Logger: zerolog.Nop(),
		Policy: func(string) Policy { return Policy{TokenReply: replyComment, TTL: time.Minute} },
	})
}

func freshJob(text string) *memoryJob {
	job := jobOf(text)
	job.comment.CreatedAt = time.Now()
	return job
}

// The reaction that a comment was seen neither fails nor holds up the command.
func TestEyesAreOnlyASign(t *testing.T) {
	hub := &memoryGitHub{blocked: make(chan struct{})}
	job := freshJob("/runner-group group-list --team platform")
	ctx, cancel := context.WithCancel(t.Context())
	comments := commentsOf(hub, func(context.Context, dispatch.Request) (dispatch.Result, error) {
		cancel() // ends the waiting for the reaction too
		return dispatch.Result{Message: "Done."}, nil
	})
	var again *Again
	require.ErrorAs(t, comments.Handle(ctx, job), &again)
	assert.Contains(t, job.recorded, "command/0")
	assert.Empty(t, hub.reactions)
}

func TestEyesAreRecordedForTheNextAttempt(t *testing.T) {
	hub := &memoryGitHub{}
	job := freshJob("/runner-group group-list --team platform")
	comments := commentsOf(hub, func(context.Context, dispatch.Request) (dispatch.Result, error) {
		return dispatch.Result{}, dispatch.Refuse(dispatch.ReasonGitHubError, "GitHub failed.")
	})
	for range 2 {
		require.Error(t, comments.Handle(t.Context(), job))
	}
	assert.Equal(t, []string{"eyes"}, hub.reactions)
}

// A step that is cut off by a shutdown has not failed: not even the last attempt.
func TestShutdownIsNoOutcome(t *testing.T) {
	hub := &memoryGitHub{}
	job := freshJob("/runner-group group-create --team platform")
	job.last = true
	ctx, cancel := context.WithCancel(t.Context())
	comments := commentsOf(hub, func(context.Context, dispatch.Request) (dispatch.Result, error) {
		cancel()
		return dispatch.Result{}, dispatch.Refuse(dispatch.ReasonGitHubTimeout, "GitHub did not answer in time.")
	})
	require.Error(t, comments.Handle(ctx, job))
	assert.NotContains(t, job.recorded, "command/0")
}

// Without a record nothing is begun: what was done could not be distinguished from what was not.
func TestNothingIsBegunUnrecorded(t *testing.T) {
	hub := &memoryGitHub{}
	job := freshJob("/runner-group group-create --team platform")
	job.broken = errors.New("disk full")
	comments := commentsOf(hub, func(context.Context, dispatch.Request) (dispatch.Result, error) {
		require.Fail(t, "the command was run")
		return dispatch.Result{}, nil
	})
	require.ErrorIs(t, comments.Handle(t.Context(), job), job.broken)
	assert.Empty(t, hub.posts)
}

func TestGiveUpAnswers(t *testing.T) {
	tests := []struct {
		name  string
		cause error
		want  string
	}{
		{"GitHub's failure", dispatch.Refuse(dispatch.ReasonGitHubError, "GitHub failed."), "gives up"},
		{"our own", errors.New("disk full"), "request id"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			hub := &memoryGitHub{}
			job := freshJob("/runner-group group-list\n/runner-group nonsense\n/runner-group group-create")
			require.NoError(t, job.Record(t.Context(), "command/0", outcome{Name: "group-list", OK: true, Markdown: "Listed."}))
			comments := commentsOf(hub, nil)
			require.NoError(t, comments.GiveUp(t.Context(), job, tt.cause))
			require.Len(t, hub.posts, 1)
			assert.Contains(t, hub.posts[0], "Listed.")
			assert.Contains(t, hub.posts[0], "no command `nonsense`")
			assert.Contains(t, hub.posts[0], tt.want)
			assert.NotContains(t, hub.posts[0], "disk full")
			assert.Equal(t, []string{"confused"}, hub.reactions)

			require.NoError(t, comments.Handle(t.Context(), job), "all is done")
			require.NoError(t, comments.GiveUp(t.Context(), job, tt.cause))
			assert.Len(t, hub.posts, 1)
		})
	}
}

// If nothing can be recorded any more, the person is answered all the same.
func TestGiveUpWithoutADatabase(t *testing.T) {
	hub := &memoryGitHub{}
	job := freshJob("/runner-group group-list")
	job.broken = errors.New("disk full")
	require.ErrorIs(t, commentsOf(hub, nil).GiveUp(t.Context(), job, job.broken), job.broken)
	assert.Len(t, hub.posts, 1)
	assert.Equal(t, []string{"confused"}, hub.reactions)
}
