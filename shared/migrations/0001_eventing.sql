-- What every service needs to state facts once and to take in others' facts once.

-- The last sequence of each topic and key. Its row is the lock that makes commit order visible order per key.
CREATE TABLE outbox_sequence (
    topic text NOT NULL,
    key text NOT NULL,
    last bigint NOT NULL,
    PRIMARY KEY (topic, key)
) WITH (fillfactor = 70);

CREATE TABLE outbox (
    pos bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text NOT NULL,
    key text NOT NULL,
    seq bigint NOT NULL,
    event_id uuid NOT NULL,
    type text NOT NULL,
    payload bytea NOT NULL CHECK (octet_length(payload) <= 900000),
    traceparent text,
    shard smallint GENERATED ALWAYS AS (abs(hashtext(key) % 8)) STORED,
    created_at timestamptz NOT NULL DEFAULT now(),
    attempts integer NOT NULL DEFAULT 0,
    stopped_because text,
    UNIQUE (topic, key, seq)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX outbox_shard ON outbox (shard, pos);

-- Events taken in. `last_seq` outlives `inbox`, so that even a replay older than the inbox changes nothing.
CREATE TABLE inbox (
    event_id uuid NOT NULL,
    source text NOT NULL,
    topic text NOT NULL,
    key text NOT NULL,
    seq bigint NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (event_id, source, topic)
);
CREATE INDEX inbox_received ON inbox USING brin (received_at);

CREATE TABLE followed (
    topic text NOT NULL,
    key text NOT NULL,
    last_seq bigint NOT NULL,
    PRIMARY KEY (topic, key)
) WITH (fillfactor = 70);

-- Events that wait for an operator, and behind them the later ones of the same key.
CREATE TABLE parked (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    key text NOT NULL,
    seq bigint NOT NULL,
    event_id uuid,
    value bytea,
    traceparent text,
    code text NOT NULL,
    reason text NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    parked_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (topic, partition, "offset")
);
CREATE INDEX parked_key ON parked (topic, key);

-- Slow work, written in the transaction that ordered it.
CREATE TABLE job (
    id uuid PRIMARY KEY,
    kind text NOT NULL,
    subject text NOT NULL,
    payload jsonb NOT NULL,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'failed')),
    run_at timestamptz NOT NULL DEFAULT now(),
    attempts integer NOT NULL DEFAULT 0,
    lease uuid,
    lease_until timestamptz,
    last_error text,
    traceparent text,
    created_at timestamptz NOT NULL DEFAULT now()
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
CREATE INDEX job_due ON job (run_at) WHERE state = 'waiting';
CREATE INDEX job_subject ON job (kind, subject);

-- Answers already given to an Idempotency-Key.
CREATE TABLE idempotency (
    principal text NOT NULL,
    key text NOT NULL,
    fingerprint text NOT NULL,
    answer jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (principal, key)
);

-- Copies of what portal and registry state that every service decides on.
CREATE TABLE token_key (
    kid text PRIMARY KEY,
    x text NOT NULL,
    status text NOT NULL,
    not_after timestamptz NOT NULL
);
