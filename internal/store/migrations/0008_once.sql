-- What is done once, by whoever comes first.
CREATE TABLE once (
    name   TEXT   PRIMARY KEY,
    holder TEXT   NOT NULL,
    at     BIGINT NOT NULL
);
CREATE INDEX once_at ON once (at);
