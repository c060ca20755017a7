-- Safe to run on every start.
SET client_min_messages = warning;

-- One row per voter. cast_at is the time of the vote in nanoseconds: a vote that arrives late or twice never
-- replaces a newer one.
CREATE TABLE IF NOT EXISTS votes (
    voter text PRIMARY KEY,
    choice char(1) NOT NULL CHECK (choice IN ('a', 'b')),
    cast_at bigint NOT NULL
);
