-- The issue by which a team learns what is wrong with its group.
CREATE TABLE alert (
    org_id       BIGINT NOT NULL,
    team_id      BIGINT NOT NULL,
    issue        BIGINT NOT NULL, -- its number; 0: there is none
    is_open      BIGINT NOT NULL, -- as far as this server knows
    mentioned_at BIGINT NOT NULL, -- the last comment that mentions the team; 0: there is none
    clear_since  BIGINT NOT NULL, -- since when nothing is wrong; 0: something is
    state        TEXT   NOT NULL, -- JSON
    PRIMARY KEY (org_id, team_id)
);

-- What teams are to be told in that issue beside findings.
CREATE TABLE alert_notice (
    id      TEXT   PRIMARY KEY,
    org_id  BIGINT NOT NULL,
    team_id BIGINT NOT NULL,
    at      BIGINT NOT NULL,
    text    TEXT   NOT NULL -- Markdown
);
CREATE INDEX alert_notice_team ON alert_notice (org_id, team_id);
CREATE INDEX alert_notice_at ON alert_notice (at);

-- Runners that the server removed, or was about to, because they were offline for too long.
CREATE TABLE removal (
    org_id        BIGINT NOT NULL,
    group_id      BIGINT NOT NULL,
    runner_id     BIGINT NOT NULL,
    name          TEXT   NOT NULL,
    offline_since BIGINT NOT NULL,
    at            BIGINT NOT NULL,
    PRIMARY KEY (org_id, runner_id)
);
CREATE INDEX removal_group ON removal (org_id, group_id, at);
