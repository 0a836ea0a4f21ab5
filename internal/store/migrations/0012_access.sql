-- What is known of repositories of recorded groups beside that they are attached: until when,
-- and by which request. A row ends when the repository is detached, and with the ownership.
CREATE TABLE access (
    org_id     BIGINT NOT NULL,
    group_id   BIGINT NOT NULL,
    repo_id    BIGINT NOT NULL,
    team_id    BIGINT NOT NULL, -- that owns the group
    repo       TEXT   NOT NULL, -- its name when it was granted
    until      BIGINT NOT NULL, -- 0: it has no end
    request    BIGINT NOT NULL, -- number of the request by which it was granted; 0: the team's own
    granted_by TEXT   NOT NULL,
    granted_at BIGINT NOT NULL,
    admin_repo TEXT   NOT NULL, -- where it was granted: the comment that holds the command, if one does
    issue      BIGINT NOT NULL,
    comment    BIGINT NOT NULL,
    reminded   BIGINT NOT NULL, -- 1: the team was told that the end is near, or need not be
    next_at    BIGINT NOT NULL, -- when to detach it, or to try again
    tries      BIGINT NOT NULL,
    PRIMARY KEY (org_id, group_id, repo_id)
);
CREATE INDEX access_next ON access (next_at) WHERE until <> 0;
