-- What a daemon needs to go on with a session of one that is gone: the provider definition that it began with, as JSON, and
-- which of its ways to start. A guest tells its events again from the first, so nobody has to remember the last.
ALTER TABLE sessions ADD COLUMN definition TEXT;
ALTER TABLE sessions ADD COLUMN launch TEXT;
ALTER TABLE vms DROP COLUMN event_cursor;
