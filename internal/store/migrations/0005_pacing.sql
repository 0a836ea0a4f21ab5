-- What each installation has used of GitHub's secondary rate limits, as JSON. All replicas
-- share it, and a restart does not forget it.
CREATE TABLE pacing (
    installation_id BIGINT PRIMARY KEY,
    state           TEXT   NOT NULL
);
