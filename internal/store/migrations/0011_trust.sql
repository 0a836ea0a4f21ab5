-- Which workflows may use which commands for which team, without a person's token.
CREATE TABLE trust (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    org_id      BIGINT NOT NULL,
    team_id     BIGINT NOT NULL,
    group_id    BIGINT NOT NULL, -- that the team owns; with another one the trust is over
    repo_id     BIGINT NOT NULL,
    repo        TEXT   NOT NULL, -- OWNER/NAME, for people
    ref         TEXT   NOT NULL, -- '': any
    environment TEXT   NOT NULL, -- '': any
    workflow    TEXT   NOT NULL, -- path; '': any of the repository
    commands    TEXT   NOT NULL, -- sorted, separated by commas
    expires_at  BIGINT NOT NULL,
    made_by     TEXT   NOT NULL,
    made_at     BIGINT NOT NULL,
    used_at     BIGINT NOT NULL, -- 0: never
    UNIQUE (org_id, team_id, group_id, repo_id, ref, environment, workflow, commands),
    CHECK (ref <> '' OR environment <> '')
);
CREATE INDEX trust_repo ON trust (org_id, repo_id);
CREATE INDEX trust_expires ON trust (expires_at);

-- Tokens of workflows by which a secret was handed out, until they expire: each counts once.
CREATE TABLE used_token (
    id     TEXT   PRIMARY KEY, -- a hash of the token's own id
    until  BIGINT NOT NULL
);
CREATE INDEX used_token_until ON used_token (until);

-- What is kept of a workflow beside its name, which is the caller's.
ALTER TABLE audit ADD COLUMN actor TEXT NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN ref TEXT NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN workflow_ref TEXT NOT NULL DEFAULT '';
