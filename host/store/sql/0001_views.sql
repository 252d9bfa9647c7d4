-- The documented views; their columns are described in docs/sql-views.md. Times are milliseconds since 1970, UTC.

CREATE VIEW v_instances AS
SELECT
    id AS instance, name, status, parked, execution, version, tags, deployment,
    parent ->> '$.instance' AS parent,
    created_at, updated_at, input, output, custom_status, wake_at, pending, inbox, last_position
FROM instances
WHERE kind = 'orchestration';

CREATE VIEW v_entities AS
SELECT
    id AS instance, name,
    substr(id, length(name) + 3) AS key,
    state IS NOT NULL AS has_state,
    state, locked_by, queue_size, created_at, updated_at, wake_at, inbox, last_position
FROM instances
WHERE kind = 'entity';

CREATE VIEW v_timers AS
SELECT id AS instance, kind, name, wake_at
FROM instances
WHERE wake_at IS NOT NULL
    AND parked IS NULL
    AND status NOT IN ('Completed', 'Failed', 'Canceled', 'Terminated');

CREATE VIEW v_history AS
SELECT
    log.instance, log.position, log.kind,
    log.data ->> '$.number' AS number,
    log.data ->> '$.now' AS now,
    log.data
FROM log
WHERE log.kind IN ('turn', 'entity');

-- Messages are consumed in order, so the unconsumed ones are the newest `inbox` messages of the chain.
CREATE VIEW v_inbox AS
WITH RECURSIVE chain (instance, position, previous, kind, data, remaining) AS (
    SELECT instances.id, log.position, log.previous, log.kind, log.data, instances.inbox - (log.kind = 'message')
    FROM instances
    CROSS JOIN log ON log.position = instances.last_position
    WHERE instances.inbox > 0
    UNION ALL
    SELECT chain.instance, log.position, log.previous, log.kind, log.data, chain.remaining - (log.kind = 'message')
    FROM chain
    CROSS JOIN log ON log.position = chain.previous
    WHERE chain.remaining > 0
)
SELECT
    instance, position,
    data ->> '$.at' AS accepted_at,
    (SELECT key FROM json_each(data, '$.message')) AS type,
    data -> '$.message' AS message
FROM chain
WHERE kind = 'message';

CREATE VIEW v_deployments AS
SELECT
    id AS deployment, app, manifest, components, created_at,
    id = (SELECT value FROM meta WHERE key = 'current_deployment') AS current,
    (
        SELECT count(*)
        FROM instances
        WHERE instances.deployment = deployments.id
            AND status NOT IN ('Completed', 'Failed', 'Canceled', 'Terminated')
    ) AS live_instances
FROM deployments;
