-- When the request of the entry was first recorded: what is listed is in this order, and
-- each request has one place in it.
ALTER TABLE audit ADD COLUMN started_at BIGINT NOT NULL DEFAULT 0;
UPDATE audit SET started_at = at;
UPDATE audit SET started_at = (SELECT min(o.at) FROM audit o
        WHERE o.request_id = audit.request_id AND o.command = audit.command AND o.minute IS NULL)
    WHERE minute IS NULL AND request_id <> '' AND outcome <> 'asked';

-- Whether the request changed something or revealed a secret. Of older rows only the
-- command is known.
ALTER TABLE audit ADD COLUMN changed BIGINT NOT NULL DEFAULT 0;
UPDATE audit SET changed = 1 WHERE outcome = 'done' AND command IN ('group-create', 'group-delete', 'group-adopt',
    'group-release', 'repos-add', 'repos-remove', 'repos-set', 'runners-transfer', 'runners-remove', 'workflows-set',
    'token-register', 'token-remove', 'token-jit');

-- The comment that it came from; empty and 0 if it was none, or if nobody knows.
ALTER TABLE audit ADD COLUMN repo TEXT NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN issue BIGINT NOT NULL DEFAULT 0;
ALTER TABLE audit ADD COLUMN comment_id BIGINT NOT NULL DEFAULT 0;

-- An index for each filter, in the order of the list.
DROP INDEX audit_org;
CREATE INDEX audit_org ON audit (org_id, started_at);
CREATE INDEX audit_team ON audit (org_id, team_id, started_at) WHERE team_id <> 0;
CREATE INDEX audit_slug ON audit (org_id, team, started_at) WHERE team_id = 0;
CREATE INDEX audit_caller ON audit (org_id, lower(caller), started_at);
CREATE INDEX audit_command ON audit (org_id, command, started_at);
CREATE INDEX audit_changed ON audit (org_id, started_at) WHERE changed = 1;
