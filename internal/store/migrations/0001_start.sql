-- Times are microseconds since 1970 UTC. "AUTOINCREMENT" and "BLOB" are
-- respelled for PostgreSQL; all else both databases understand.

-- Which team owns which runner group. Ids count; slug and name are what they
-- were called when last seen.
CREATE TABLE ownership (
    org_id     BIGINT NOT NULL,
    team_id    BIGINT NOT NULL,
    team_slug  TEXT   NOT NULL,
    group_id   BIGINT NOT NULL,
    group_name TEXT   NOT NULL,
    visibility TEXT   NOT NULL DEFAULT '',
    origin     TEXT   NOT NULL,
    made_by    TEXT   NOT NULL,
    made_at    BIGINT NOT NULL,
    PRIMARY KEY (org_id, team_id),
    UNIQUE (org_id, group_id)
);
CREATE INDEX ownership_slug ON ownership (org_id, team_slug);

-- What a command is about to do at GitHub, written before it asks.
CREATE TABLE intent (
    org_id     BIGINT NOT NULL,
    team_id    BIGINT NOT NULL,
    kind       TEXT   NOT NULL,
    team_slug  TEXT   NOT NULL,
    name       TEXT   NOT NULL,
    request_id TEXT   NOT NULL,
    made_by    TEXT   NOT NULL,
    made_at    BIGINT NOT NULL,
    PRIMARY KEY (org_id, team_id, kind)
);

-- Theoretical arrival times (GCRA), one row per limited key.
CREATE TABLE rate_limit (
    key TEXT   PRIMARY KEY,
    tat BIGINT NOT NULL
);

CREATE TABLE lease (
    key     TEXT   PRIMARY KEY,
    holder  TEXT   NOT NULL,
    ends_at BIGINT NOT NULL
);

-- Append-only, but for rows that count: those have a minute.
CREATE TABLE audit (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    at         BIGINT NOT NULL,
    org_id     BIGINT NOT NULL,
    org        TEXT   NOT NULL,
    team_id    BIGINT NOT NULL,
    team       TEXT   NOT NULL,
    caller_id  BIGINT NOT NULL,
    caller     TEXT   NOT NULL,
    door       TEXT   NOT NULL,
    command    TEXT   NOT NULL,
    args       TEXT   NOT NULL,
    outcome    TEXT   NOT NULL,
    reason     TEXT   NOT NULL,
    request_id TEXT   NOT NULL,
    count      BIGINT NOT NULL,
    minute     BIGINT
);
CREATE INDEX audit_org ON audit (org_id, at);
CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_request ON audit (request_id);
CREATE UNIQUE INDEX audit_minute ON audit (org_id, caller_id, caller, reason, minute) WHERE minute IS NOT NULL;

-- Webhook deliveries that were accepted: the one place where "once" is decided,
-- by the delivery's GUID and by the comment.
CREATE TABLE delivery (
    guid            TEXT   PRIMARY KEY,
    installation_id BIGINT NOT NULL,
    comment_id      BIGINT,
    payload         BLOB,
    received_at     BIGINT NOT NULL,
    attempts        BIGINT NOT NULL DEFAULT 0, -- that failed or were interrupted
    claims          BIGINT NOT NULL DEFAULT 0, -- not given back
    claimed_at      BIGINT,
    giving_up       TEXT, -- why, once the retries are spent
    done_at         BIGINT,
    result          TEXT   NOT NULL DEFAULT '',
    UNIQUE (installation_id, comment_id)
);
CREATE INDEX delivery_open ON delivery (received_at) WHERE done_at IS NULL;
CREATE INDEX delivery_done ON delivery (done_at) WHERE done_at IS NOT NULL;

-- What the steps of an unfinished delivery have come to.
CREATE TABLE delivery_step (
    guid    TEXT   NOT NULL,
    step    TEXT   NOT NULL,
    outcome TEXT   NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (guid, step)
);

-- Comments that must go, written before they are posted.
CREATE TABLE ephemeral (
    marker          TEXT   PRIMARY KEY,
    installation_id BIGINT NOT NULL,
    org             TEXT   NOT NULL,
    repo            TEXT   NOT NULL,
    issue           BIGINT NOT NULL,
    comment_id      BIGINT NOT NULL,
    planned_at      BIGINT NOT NULL,
    delete_at       BIGINT NOT NULL,
    next_at         BIGINT NOT NULL,
    tries           BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX ephemeral_next ON ephemeral (next_at);

-- Deliveries that GitHub was asked to send again.
CREATE TABLE redelivery (
    guid      TEXT   PRIMARY KEY,
    tries     BIGINT NOT NULL,
    failed_at BIGINT NOT NULL, -- the newest failure that was answered so
    next_at   BIGINT NOT NULL
);

-- Single values, such as how far back the sweep for missed deliveries has looked.
CREATE TABLE mark (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
);
