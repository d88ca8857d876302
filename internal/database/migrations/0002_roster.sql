-- What is known of each repository that is tracked, beside its snapshots. Slots are
-- microseconds since 1970, and null where there was none.
CREATE TABLE roster (
    namespace TEXT NOT NULL,
    name      TEXT NOT NULL,
    listed    INTEGER NOT NULL,           -- found by the listing of its namespace
    seen      INTEGER,                    -- newest slot for which it answered
    absent    INTEGER NOT NULL,           -- slots in a row in which it was not found
    since     INTEGER,                    -- the first of them
    cause     TEXT NOT NULL,              -- why there was no snapshot; empty when there was one
    message   TEXT NOT NULL,
    slot      INTEGER NOT NULL,           -- of the last report
    PRIMARY KEY (namespace, name)
) STRICT, WITHOUT ROWID;

-- How far the listing of each namespace has come.
CREATE TABLE listings (
    namespace TEXT PRIMARY KEY,
    slot      INTEGER NOT NULL,
    next      INTEGER NOT NULL,           -- page to go on with; 0 when it is done
    rows      INTEGER NOT NULL,
    total     INTEGER NOT NULL,
    truncated INTEGER NOT NULL,
    message   TEXT NOT NULL
) STRICT, WITHOUT ROWID;
