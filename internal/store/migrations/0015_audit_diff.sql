-- What a command changed, as JSON (internal/store/diff.go has its form), and the lines that
-- reverse it, if there are any; empty if it changed nothing.
ALTER TABLE audit ADD COLUMN diff TEXT NOT NULL DEFAULT '';
ALTER TABLE audit ADD COLUMN undo TEXT NOT NULL DEFAULT '';
