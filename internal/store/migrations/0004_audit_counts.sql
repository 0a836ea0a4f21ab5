-- Refusals are counted for each team and command, so that one does not hide another.
DROP INDEX audit_minute;
CREATE UNIQUE INDEX audit_minute ON audit (org_id, caller_id, caller, team, command, reason, minute) WHERE minute IS NOT NULL;
