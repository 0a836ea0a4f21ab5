-- People who are signed in to the console.
CREATE TABLE session (
    token      TEXT   PRIMARY KEY, -- a hash of the cookie's value
    user_id    BIGINT NOT NULL,    -- GitHub's
    data       BLOB   NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX session_of_user ON session (user_id, created_at);
CREATE INDEX session_age ON session (created_at);
CREATE INDEX session_end ON session (expires_at);
