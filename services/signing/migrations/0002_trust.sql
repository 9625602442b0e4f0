-- Copies of the registry's trust anchors and of the revocation data that it fetched ahead. Public, of no agency.

CREATE TABLE trust_anchor (
    fingerprint text PRIMARY KEY,
    der bytea NOT NULL,
    purposes text[] NOT NULL,
    trusted_from timestamptz NOT NULL,
    trusted_until timestamptz,
    withdrawn boolean NOT NULL
);

CREATE TABLE revocation_data (
    id text PRIMARY KEY,
    kind text NOT NULL,
    url text NOT NULL,
    certificate_id uuid,
    issuer_sha256 text NOT NULL,
    serial text,
    content jsonb NOT NULL,
    this_update timestamptz NOT NULL,
    next_update timestamptz NOT NULL
);
CREATE INDEX revocation_data_certificate ON revocation_data (certificate_id);

-- When revocation data that had been kept were used, the oldest one's thisUpdate.
ALTER TABLE preparation ADD COLUMN cached_revocation_as_of timestamptz;
