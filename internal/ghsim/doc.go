// Package ghsim simulates the part of GitHub that Actions Runner Manager
// talks to: organizations, teams, repositories, issues, runner groups,
// runners, a GitHub App with its installations, and webhooks.
//
// A [Server] is an http.Handler with state. It is honest: it verifies App
// JWTs, enforces the permissions that an installation token was narrowed to,
// counts the rate limit, and refuses what GitHub refuses, with GitHub's error
// bodies. Routes it does not know are answered with 404 and remembered, so
// that a test can fail on them. Everything is also served below /api/v3, as
// an Enterprise Server does.
//
// State comes from a [Scenario], written as a Go literal or loaded from YAML,
// and can be changed while the server runs, with [Server.Apply] and
// [Server.Update].
package ghsim
