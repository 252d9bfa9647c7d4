-- The log: append-only, in the order of commits. No index on the instance: a chain is followed by `previous`.
CREATE TABLE log (
    position INTEGER PRIMARY KEY,
    instance TEXT NOT NULL,
    previous INTEGER,
    base INTEGER NOT NULL,
    kind TEXT NOT NULL,
    data TEXT NOT NULL
) STRICT;

-- One row per instance: a projection of the log. A table with rowids, because payloads make rows long: ids stay in a narrow index.
CREATE TABLE instances (
    id TEXT NOT NULL UNIQUE,
    last_position INTEGER NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    execution TEXT,
    version TEXT,
    tags TEXT,
    deployment INTEGER,
    parent TEXT,
    status TEXT NOT NULL,
    parked TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    input TEXT,
    output TEXT,
    custom_status TEXT,
    wake_at INTEGER,
    pending INTEGER NOT NULL,
    inbox INTEGER NOT NULL,
    state TEXT,
    locked_by TEXT,
    queue_size INTEGER NOT NULL
) STRICT;

-- Indexes cover live rows only: a finished instance costs none.
CREATE INDEX instances_wake
ON instances (wake_at)
WHERE wake_at IS NOT NULL
    AND parked IS NULL
    AND status NOT IN ('Completed', 'Failed', 'Canceled', 'Terminated');

CREATE INDEX instances_work
ON instances (last_position)
WHERE parked IS NULL
    AND (pending = 1 OR inbox > 0);

CREATE INDEX instances_pinned
ON instances (deployment)
WHERE deployment IS NOT NULL
    AND status NOT IN ('Completed', 'Failed', 'Canceled', 'Terminated');

-- Instances whose records before `position`, a base, are dropped or about to be. `row` is the row as it stood before that base, so that
-- the projection can still be built again from the log. `garbage` is the newest record of the chain that is yet to be dropped.
CREATE TABLE trimmed (
    instance TEXT NOT NULL UNIQUE,
    position INTEGER NOT NULL,
    row TEXT NOT NULL,
    garbage INTEGER
) STRICT;

CREATE INDEX trimmed_garbage
ON trimmed (garbage)
WHERE garbage IS NOT NULL;

-- Chains that give no row: messages for instances that were never started. Dropped at the next open, when no host remembers them.
CREATE TABLE orphans (
    instance TEXT NOT NULL PRIMARY KEY,
    last_position INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Requests that came with a key, so that the same request later gets the same answer. Written with the record of the message, dropped a
-- day later. No projection: nothing in the log leads here, so building the tables again leaves them alone.
CREATE TABLE keys (
    key TEXT NOT NULL PRIMARY KEY,
    digest BLOB NOT NULL,
    instance TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX keys_at
ON keys (at);

-- How the timers of apps stand. `fired` times are written with the record of the start. No projection either.
CREATE TABLE timers (
    app TEXT NOT NULL,
    name TEXT NOT NULL,
    plan TEXT NOT NULL,
    paused INTEGER,
    handled INTEGER NOT NULL,
    last_due INTEGER,
    last_instance TEXT,
    PRIMARY KEY (app, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE components (
    sha256 TEXT NOT NULL UNIQUE,
    bytes BLOB NOT NULL
) STRICT;

CREATE TABLE deployments (
    id INTEGER PRIMARY KEY,
    app TEXT NOT NULL,
    manifest TEXT NOT NULL,
    components TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- `projected_to`: every record up to this position is in the tables above. `current_deployment`: what new instances begin on.
CREATE TABLE meta (
    key TEXT NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
