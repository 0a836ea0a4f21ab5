-- Calls of several servers that wait for the same lease, so that they get it in order.
CREATE TABLE lease_waiter (
    seq     INTEGER PRIMARY KEY AUTOINCREMENT,
    key     TEXT   NOT NULL,
    holder  TEXT   NOT NULL,
    place   BIGINT NOT NULL, -- smaller first
    ends_at BIGINT NOT NULL,
    UNIQUE (key, holder)
);
