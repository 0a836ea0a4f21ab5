-- The audit calls the way by which a command arrived its channel, and the operator's subcommands "cli".
ALTER TABLE audit RENAME COLUMN door TO channel;
UPDATE audit SET channel = 'cli' WHERE channel = 'operator';
