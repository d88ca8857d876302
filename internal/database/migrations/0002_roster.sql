-- The roster: which repositories there are and how each fares. Without it, a
-- repository that a listing has found would be forgotten between two starts, and one
-- that is gone could not be told from one that never was.
CREATE TABLE roster (
    namespace TEXT NOT NULL,
    name      TEXT NOT NULL,
    listed    INTEGER NOT NULL,           -- found by a listing, not named in the configuration
    slot      INTEGER NOT NULL,           -- of the last report
    seen      INTEGER,                    -- the newest slot for which it answered; null for never
    absent    INTEGER NOT NULL,           -- slots in a row in which it was not found
    since     INTEGER,                    -- the first and
    counted   INTEGER,                    -- the last of these slots; null when there is none
    cause     TEXT NOT NULL,              -- why there was no snapshot; empty when there was one
    message   TEXT NOT NULL,
    PRIMARY KEY (namespace, name)         -- in the order in which they are visited
) STRICT, WITHOUT ROWID;

-- How far the listing of each namespace has come, so that it goes on after a restart.
CREATE TABLE listings (
    namespace TEXT PRIMARY KEY,
    slot      INTEGER NOT NULL,
    next_page INTEGER NOT NULL,           -- 0 when it is done
    row_count INTEGER NOT NULL,
    total     INTEGER NOT NULL,           -- by Docker Hub's own count
    truncated INTEGER NOT NULL,
    message   TEXT NOT NULL
) STRICT, WITHOUT ROWID;
