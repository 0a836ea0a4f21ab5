-- What polls have seen of the recorded runner groups, and what is wrong with them.

-- A group as its last complete poll saw it.
CREATE TABLE group_poll (
    org_id            BIGINT NOT NULL,
    group_id          BIGINT NOT NULL,
    at                BIGINT NOT NULL, -- of that poll
    looked_at         BIGINT NOT NULL, -- the last time the team's rights were read too, which is hourly
    none_online_since BIGINT NOT NULL, -- 0: a runner is online, or there is none
    idle              BIGINT NOT NULL,
    busy              BIGINT NOT NULL,
    offline           BIGINT NOT NULL,
    outdated          BIGINT NOT NULL,
    state             TEXT   NOT NULL, -- JSON
    PRIMARY KEY (org_id, group_id)
);

-- The runners of these groups. Their times are of polls: while a runner is online or busy,
-- the last time it was so is the time of its group's last poll.
CREATE TABLE runner (
    org_id        BIGINT NOT NULL,
    runner_id     BIGINT NOT NULL,
    group_id      BIGINT NOT NULL,
    name          TEXT   NOT NULL,
    os            TEXT   NOT NULL,
    version       TEXT   NOT NULL,
    ephemeral     BIGINT NOT NULL,
    online        BIGINT NOT NULL,
    busy          BIGINT NOT NULL,
    first_seen    BIGINT NOT NULL,
    joined_at     BIGINT NOT NULL, -- when it was first seen in this group
    absent_at     BIGINT NOT NULL, -- the last poll of this group before that; 0: none
    last_online   BIGINT NOT NULL, -- before it was offline; 0: never
    last_busy     BIGINT NOT NULL, -- before it was not busy; 0: never
    offline_since BIGINT NOT NULL, -- 0: online
    watched_since BIGINT NOT NULL, -- offline since then in every poll, none missed; 0: online
    gone_at       BIGINT NOT NULL, -- the first poll that did not show it in this group; 0: it is there
    PRIMARY KEY (org_id, runner_id)
);
CREATE INDEX runner_group ON runner (org_id, group_id);
CREATE INDEX runner_gone ON runner (gone_at) WHERE gone_at <> 0;

-- How many runners each poll saw, and what the hours came to.
CREATE TABLE sample (
    org_id   BIGINT NOT NULL,
    group_id BIGINT NOT NULL,
    at       BIGINT NOT NULL,
    idle     BIGINT NOT NULL,
    busy     BIGINT NOT NULL,
    offline  BIGINT NOT NULL,
    PRIMARY KEY (org_id, group_id, at)
);
CREATE INDEX sample_at ON sample (at);
CREATE TABLE sample_hour (
    org_id       BIGINT NOT NULL,
    group_id     BIGINT NOT NULL,
    hour         BIGINT NOT NULL, -- its begin
    idle         DOUBLE PRECISION NOT NULL, -- means
    busy         DOUBLE PRECISION NOT NULL,
    offline      DOUBLE PRECISION NOT NULL,
    most_idle    BIGINT NOT NULL, -- maxima
    most_busy    BIGINT NOT NULL,
    most_offline BIGINT NOT NULL,
    PRIMARY KEY (org_id, group_id, hour)
);
CREATE INDEX sample_hour_at ON sample_hour (hour);

-- What is wrong with a group, and lately was.
CREATE TABLE finding (
    org_id      BIGINT NOT NULL,
    group_id    BIGINT NOT NULL,
    kind        TEXT   NOT NULL,
    subject_id  BIGINT NOT NULL, -- of the repository or runner; 0: the group or team
    subject     TEXT   NOT NULL,
    severity    TEXT   NOT NULL,
    since       BIGINT NOT NULL,
    message     TEXT   NOT NULL,
    remedy      TEXT   NOT NULL,
    polls       BIGINT NOT NULL, -- that saw it in a row: 1, or 2 for all that are more
    resolved_at BIGINT NOT NULL, -- 0: it is open
    PRIMARY KEY (org_id, group_id, kind, subject_id)
);
CREATE INDEX finding_resolved ON finding (resolved_at) WHERE resolved_at <> 0;

-- What a group is expected to be: what commands here made of it.
CREATE TABLE expected_group (
    org_id     BIGINT NOT NULL,
    group_id   BIGINT NOT NULL,
    seq        BIGINT NOT NULL, -- grows with each change
    at         BIGINT NOT NULL, -- when all of it was last recorded at once
    name       TEXT   NOT NULL,
    visibility TEXT   NOT NULL,
    public     BIGINT NOT NULL,
    workflows  TEXT, -- JSON; NULL: not limited
    PRIMARY KEY (org_id, group_id)
);
CREATE TABLE expected_repo (
    org_id   BIGINT NOT NULL,
    group_id BIGINT NOT NULL,
    repo_id  BIGINT NOT NULL,
    name     TEXT   NOT NULL, -- when it was recorded
    PRIMARY KEY (org_id, group_id, repo_id)
);
CREATE TABLE expected_runner (
    org_id    BIGINT NOT NULL,
    group_id  BIGINT NOT NULL,
    runner_id BIGINT NOT NULL,
    PRIMARY KEY (org_id, group_id, runner_id)
);

-- Changes of groups that are under way, or of which nobody knows whether they were made.
CREATE TABLE group_change (
    request_id TEXT   NOT NULL,
    org_id     BIGINT NOT NULL,
    group_id   BIGINT NOT NULL,
    things     TEXT   NOT NULL, -- what may change, a line for each thing
    at         BIGINT NOT NULL, -- when it began, or ended without an answer
    PRIMARY KEY (request_id, group_id)
);
CREATE INDEX group_change_group ON group_change (org_id, group_id);

-- When each release of the runner was first seen as the newest.
CREATE TABLE runner_release (
    version    TEXT   PRIMARY KEY,
    first_seen BIGINT NOT NULL
);
