-- What the broker was asked to keep for Home Assistant, and is to forget again when it is
-- not wanted any more, also by a later start with another configuration.
CREATE TABLE announced (
    topic TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;
