-- When the team was last told that its trust ends soon; 0: never.
ALTER TABLE trust ADD COLUMN noticed_at BIGINT NOT NULL DEFAULT 0;
