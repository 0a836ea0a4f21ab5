-- Requests that somebody else decides: access to another team's runner group, and commands
-- that need an owner.
CREATE TABLE request_number (
    org_id BIGINT PRIMARY KEY,
    last   BIGINT NOT NULL -- the highest number that was given
);

CREATE TABLE request (
    org_id       BIGINT NOT NULL,
    number       BIGINT NOT NULL, -- of the organization's requests, from 1
    kind         TEXT   NOT NULL, -- access, command
    state        TEXT   NOT NULL, -- internal/store/request_state.go has them all
    team_id      BIGINT NOT NULL, -- the team whose group it is about
    team_slug    TEXT   NOT NULL, -- for people
    group_id     BIGINT NOT NULL, -- that the team owned; 0: none
    command      TEXT   NOT NULL,
    arguments    TEXT   NOT NULL, -- JSON, as they were given
    targets      TEXT   NOT NULL, -- JSON: what the names in them meant, by ids
    reason       TEXT   NOT NULL,
    digest       TEXT   NOT NULL, -- the same for the same request
    length       BIGINT NOT NULL, -- how long the access lasts, in microseconds; 0: without end
    requester_id BIGINT NOT NULL,
    requester    TEXT   NOT NULL,
    requested_at BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL, -- if it is not decided by then
    repo         TEXT   NOT NULL, -- of the comment that made it
    issue        BIGINT NOT NULL, -- 0: it was made over REST
    comment      BIGINT NOT NULL,
    until        BIGINT NOT NULL, -- when the access that was approved ends; 0: never
    decided_by   TEXT   NOT NULL,
    decided_at   BIGINT NOT NULL,
    note         TEXT   NOT NULL, -- why it was denied or failed
    holder       TEXT   NOT NULL, -- the call that is deciding it
    held_at      BIGINT NOT NULL,
    tell_at      BIGINT NOT NULL, -- when the outcome is to be told on the issue; 0: nothing is
    tells        BIGINT NOT NULL, -- how often that was tried
    PRIMARY KEY (org_id, number)
);
CREATE INDEX request_of_team ON request (org_id, team_id, number);
CREATE INDEX request_of_requester ON request (org_id, requester_id, state);
CREATE INDEX request_undecided ON request (expires_at) WHERE state IN ('pending', 'deciding');
CREATE INDEX request_untold ON request (tell_at) WHERE tell_at <> 0;
