-- Times are microseconds since 1970-01-01T00:00:00Z throughout.

-- Small facts with one value each: the identity of this data directory.
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE repositories (
    id         INTEGER PRIMARY KEY,
    namespace  TEXT NOT NULL,
    name       TEXT NOT NULL,
    is_private INTEGER NOT NULL,          -- as its newest snapshot says
    UNIQUE (namespace, name)
) STRICT;

-- The topic that a snapshot arrived on decides the route to its index, and there
-- are few of them.
CREATE TABLE topics (
    id    INTEGER PRIMARY KEY,
    topic TEXT NOT NULL UNIQUE
) STRICT;

-- What rarely changes of a snapshot's JSON object is stored once per distinct value.
-- A member that snapshots can give back byte for byte stands in it as null.
CREATE TABLE bodies (
    id   INTEGER PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,            -- SHA-256 of body
    body BLOB NOT NULL
) STRICT;

-- History: append-only, and a log that sinks follow by position.
-- AUTOINCREMENT, so that no position is ever used again.
CREATE TABLE snapshots (
    position       INTEGER PRIMARY KEY AUTOINCREMENT,
    repository     INTEGER NOT NULL REFERENCES repositories (id),
    slot           INTEGER NOT NULL,
    timestamp      INTEGER NOT NULL,
    received       INTEGER NOT NULL,
    pull_count     INTEGER NOT NULL,
    star_count     INTEGER,
    storage_size   INTEGER,
    last_updated   INTEGER,
    last_modified  INTEGER,
    -- The JSON string as it was, where the time alone would not give it back: with an
    -- offset such as +01:00, with nanoseconds. These two differ in every snapshot, so
    -- in the body they would make each one distinct.
    slot_json      TEXT,
    timestamp_json TEXT,
    topic          INTEGER NOT NULL REFERENCES topics (id),
    body           INTEGER NOT NULL REFERENCES bodies (id)
) STRICT;

-- The identity of a snapshot: the first writer wins.
CREATE UNIQUE INDEX snapshots_identity ON snapshots (repository, slot);
-- The curves: one repository along the time of observation.
CREATE INDEX snapshots_curve ON snapshots (repository, timestamp, pull_count);

-- Snapshots that were taken but have not come back through the broker yet.
CREATE TABLE outbox (
    namespace TEXT NOT NULL,
    name      TEXT NOT NULL,
    slot      INTEGER NOT NULL,
    payload   BLOB NOT NULL,
    PRIMARY KEY (slot, namespace, name)   -- in the order in which they are sent
) STRICT;

-- The newest slot ever taken of each repository, because only that one may be
-- retained by the broker.
CREATE TABLE outbox_newest (
    namespace TEXT NOT NULL,
    name      TEXT NOT NULL,
    slot      INTEGER NOT NULL,
    PRIMARY KEY (namespace, name)
) STRICT, WITHOUT ROWID;

-- How far each sink has followed each log.
CREATE TABLE cursors (
    sink     TEXT NOT NULL,
    log      TEXT NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (sink, log)
) STRICT, WITHOUT ROWID;

-- The slot ledger: the newest slot that each job has dealt with.
CREATE TABLE slots (
    job  TEXT PRIMARY KEY,
    slot INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE dead_letters (
    sink      TEXT NOT NULL,
    log       TEXT NOT NULL,
    position  INTEGER NOT NULL,
    topic     TEXT NOT NULL,
    payload   BLOB NOT NULL,
    retained  INTEGER NOT NULL,
    received  INTEGER NOT NULL,
    reason    TEXT NOT NULL,
    at        INTEGER NOT NULL,
    forbidden INTEGER NOT NULL,
    PRIMARY KEY (sink, log, position)
) STRICT;

-- What is retried by itself is found without reading the others.
CREATE INDEX dead_letters_forbidden ON dead_letters (sink) WHERE forbidden = 1;
