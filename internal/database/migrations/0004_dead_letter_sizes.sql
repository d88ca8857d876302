-- How many dead letters each sink has and how many bytes they take, so that a bound is
-- checked without reading them. Triggers keep it right, whatever changes dead_letters.
CREATE TABLE dead_letter_sizes (
    sink    TEXT PRIMARY KEY,
    letters INTEGER NOT NULL,
    bytes   INTEGER NOT NULL              -- of payload, topic and reason
) STRICT, WITHOUT ROWID;

INSERT INTO dead_letter_sizes
    SELECT sink, count(*), sum(length(payload) + octet_length(topic) + octet_length(reason)) FROM dead_letters GROUP BY sink;

CREATE TRIGGER dead_letters_added AFTER INSERT ON dead_letters BEGIN
    INSERT INTO dead_letter_sizes
        VALUES (new.sink, 1, length(new.payload) + octet_length(new.topic) + octet_length(new.reason))
        ON CONFLICT DO UPDATE SET letters = letters + 1, bytes = bytes + excluded.bytes;
END;

CREATE TRIGGER dead_letters_removed AFTER DELETE ON dead_letters BEGIN
    UPDATE dead_letter_sizes SET letters = letters - 1,
        bytes = bytes - length(old.payload) - octet_length(old.topic) - octet_length(old.reason)
        WHERE sink = old.sink;
END;

CREATE TRIGGER dead_letters_refused AFTER UPDATE OF reason ON dead_letters BEGIN
    UPDATE dead_letter_sizes SET bytes = bytes - octet_length(old.reason) + octet_length(new.reason)
        WHERE sink = new.sink;
END;

-- The oldest of a sink are found without reading those of others.
CREATE INDEX dead_letters_of_sink ON dead_letters (sink);
