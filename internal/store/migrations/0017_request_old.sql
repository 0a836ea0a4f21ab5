-- What was cut off, and what is old, is found without a look at every request.
CREATE INDEX request_stuck ON request (held_at) WHERE state = 'deciding';
CREATE INDEX request_old ON request (decided_at) WHERE state NOT IN ('pending', 'deciding') AND tell_at = 0;
