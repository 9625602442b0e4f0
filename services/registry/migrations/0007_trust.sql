-- Trust anchors with purpose and dates; what CAs last said about certificates (OCSP answers, CRLs) and how the
-- responders do. None of it belongs to an agency: anchors and CRLs are public, and an OCSP row has no name in it.

ALTER TABLE trust_anchor
    ADD COLUMN purposes text[] NOT NULL DEFAULT '{sign_documents,seal_documents,time_stamps}'
        CHECK (purposes <@ '{sign_documents,seal_documents,time_stamps}' AND cardinality(purposes) > 0),
    ADD COLUMN trusted_from timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN trusted_until timestamptz,
    ADD COLUMN withdrawn_reason text,
    ADD COLUMN version integer NOT NULL DEFAULT 1,
    -- What was pinned before anchors were stated is stated once by the worker.
    ADD COLUMN stated boolean NOT NULL DEFAULT false;
UPDATE trust_anchor SET trusted_from = pinned_at;

-- An address that certificates name, and how it answers.
CREATE TABLE revocation_source (
    kind text NOT NULL CHECK (kind IN ('ocsp', 'crl')),
    url text NOT NULL,
    last_success timestamptz,
    down_since timestamptz,
    failures integer NOT NULL DEFAULT 0,
    retry_at timestamptz NOT NULL DEFAULT now(),
    problem_code text,
    problem_vi text,
    problem_en text,
    PRIMARY KEY (kind, url)
);

-- One question to one source, and the newest answer.
CREATE TABLE revocation_data (
    id text PRIMARY KEY,
    kind text NOT NULL,
    url text NOT NULL,
    certificate_id uuid REFERENCES certificate, -- none: a CA's or a time-stamping authority's
    pem text, -- the certificate asked about; none for a CRL
    issuer_pem text NOT NULL,
    due_at timestamptz NOT NULL DEFAULT now(),
    ended boolean NOT NULL DEFAULT false,
    status text CHECK (status IN ('good', 'revoked', 'unknown')),
    this_update timestamptz,
    next_update timestamptz,
    fetched_at timestamptz,
    blob jsonb,
    problem_code text,
    problem_vi text,
    problem_en text,
    FOREIGN KEY (kind, url) REFERENCES revocation_source,
    CHECK ((kind = 'ocsp') = (pem IS NOT NULL))
);
CREATE INDEX revocation_data_due ON revocation_data (due_at) WHERE NOT ended;
CREATE INDEX revocation_data_certificate ON revocation_data (certificate_id);

-- Certificates whose sources are in the table above, so that each is read once.
CREATE TABLE revocation_watched (
    fingerprint text PRIMARY KEY,
    certificate_id uuid REFERENCES certificate
);

-- Blobs that nothing refers to any more, until they are swept.
CREATE TABLE revocation_blob_spent (
    sha256 text PRIMARY KEY,
    blob jsonb NOT NULL,
    spent_at timestamptz NOT NULL DEFAULT now()
);
