package github_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/actions-runner-manager/actions-runner-manager/internal/ghsim"
	"github.com/actions-runner-manager/actions-runner-manager/internal/github"
	"github.com/actions-runner-manager/actions-runner-manager/internal/secret"
)

// None of the simulator's secrets may appear in what this package returns, prints or logs
// at trace level.
func TestNoSecretIsShown(t *testing.T) {
	s := newSim(t)
	var log buffer
	logger := zerolog.New(&log).Level(zerolog.TraceLevel)
	app := newApp(t, s.url, func(o *github.Options) { o.Logger = logger })
	org := app.Org("acme", 0, "runner-admin")
	ctx := t.Context()
	_, _, _, group := s.ids()

	var shown []any
	show := func(v any, err error) { shown = append(shown, v, err) }
	show(app.User(ctx, "ghp_ada"))
	show(app.User(ctx, "ghp_adaX"))
	show(app.HookConfig(ctx))
	show(org.Installation(ctx))
	show(org.Groups(ctx))
	show(org.RegistrationToken(ctx))
	show(org.RemovalToken(ctx))
	show(org.JITConfig(ctx, github.JITRequest{Name: "j", GroupID: group, Labels: []string{"l"}}))
	show(org.AdminRepository(ctx))
	for _, fault := range []ghsim.Fault{
		{Status: 401, Times: 2}, {Status: 403}, {Status: 500}, {Drop: true}, {Status: 429}, {Status: 201, Body: "{"}, {Status: 200, Body: "nonsense"},
	} {
		fault.Path = "registration-token"
		s.Inject(fault)
		show(org.RegistrationToken(ctx))
	}
	show(app, nil)
	show(org, nil)

	for _, v := range shown {
		for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&log, format+"\n", v)
		}
		if encoded, err := json.Marshal(v); err == nil {
			log.Write(encoded)
		}
		logger.Info().Interface("value", v).Msg("")
		if err, is := v.(error); is {
			logger.Error().Err(err).Msg("")
		}
	}
	text := log.String()
	assert.Contains(t, text, `"path":"/orgs/acme/actions/runners/registration-token"`)
	assert.Contains(t, text, secret.Mask)
	secrets := s.Secrets()
	require.NotEmpty(t, secrets)
	for _, value := range secrets {
		if value != "" {
			assert.False(t, strings.Contains(text, value), value)
			assert.False(t, strings.Contains(text, fmt.Sprintf("%x", value)), value)
		}
	}
}

func TestContextLoggerIsUsed(t *testing.T) {
	s := newSim(t)
	var own, fallback buffer
	app := newApp(t, s.url, func(o *github.Options) { o.Logger = zerolog.New(&fallback) })
	ctx := zerolog.New(&own).With().Str("request_id", "r1").Logger().WithContext(t.Context())
	require.NoError(t, app.Ping(ctx))
	assert.Contains(t, own.String(), `"request_id":"r1"`)
	assert.Empty(t, fallback.String())
	require.NoError(t, app.Ping(t.Context()))
	assert.Contains(t, fallback.String(), "GitHub request")
}
