-- The commands that changed something, or may be repeated by the server, in the order of
-- their starts: what each saw when it was first started, and what it changed.
CREATE TABLE attempt (
    seq           INTEGER PRIMARY KEY AUTOINCREMENT,
    request_id    TEXT   NOT NULL UNIQUE,
    org_id        BIGINT NOT NULL,
    team_id       BIGINT NOT NULL,
    other_team_id BIGINT NOT NULL, -- 0: none
    command       TEXT   NOT NULL,
    caller        TEXT   NOT NULL,
    started_at    BIGINT NOT NULL,
    saw           TEXT   NOT NULL, -- JSON
    changed       TEXT   NOT NULL DEFAULT '', -- what was changed, a line for each thing
    changed_at    BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX attempt_team ON attempt (org_id, team_id, seq);
CREATE INDEX attempt_other ON attempt (org_id, other_team_id, seq) WHERE other_team_id <> 0;
CREATE INDEX attempt_started ON attempt (started_at);

-- The highest id of a runner group that was known before GitHub was asked for a new one;
-- NULL: none, so nothing is claimed.
ALTER TABLE intent ADD COLUMN highest_group BIGINT;

-- Which workflows this server limited the group to last, as JSON: NULL if nobody knows.
-- And whether an owner lets the team change a limit that the team did not set.
ALTER TABLE ownership ADD COLUMN workflows TEXT;
ALTER TABLE ownership ADD COLUMN workflows_team BIGINT NOT NULL DEFAULT 0;
