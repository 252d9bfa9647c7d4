-- Keys that let callers in. Only what tells a key from others is kept, never the key. No projection: nothing in the log leads here.
CREATE TABLE access_keys (
    scope TEXT NOT NULL,
    name TEXT NOT NULL,
    digest BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (scope, name)
) STRICT, WITHOUT ROWID;
