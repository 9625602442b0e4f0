-- Copies of what the registry states. They carry no agency's secrets, so there is no row-level security on them.

CREATE TABLE agency (
    id uuid PRIMARY KEY,
    identifier text NOT NULL,
    name text NOT NULL,
    parent_id uuid,
    seal_mm double precision NOT NULL
);

CREATE TABLE person (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    active boolean NOT NULL
);

CREATE TABLE post (
    id uuid PRIMARY KEY,
    person_id uuid NOT NULL REFERENCES person,
    agency_id uuid NOT NULL,
    roles text[] NOT NULL,
    valid_from date NOT NULL,
    valid_until date
);
CREATE INDEX post_person ON post (person_id);

CREATE TABLE authority (
    id uuid PRIMARY KEY,
    agency_id uuid NOT NULL,
    person_id uuid NOT NULL,
    post_id uuid NOT NULL,
    document_types text[] NOT NULL,
    valid_from date NOT NULL,
    valid_until date,
    withdrawn boolean NOT NULL
);

CREATE TABLE certificate (
    id uuid PRIMARY KEY,
    kind text NOT NULL,
    person_id uuid,
    agency_id uuid,
    der bytea NOT NULL,
    chain_pem text NOT NULL,
    spki_sha256 text NOT NULL,
    serial text NOT NULL,
    not_before timestamptz NOT NULL,
    not_after timestamptz NOT NULL,
    status text NOT NULL
);
CREATE INDEX certificate_person ON certificate (person_id);
CREATE INDEX certificate_agency ON certificate (agency_id);

-- Everything that the registry had to state on `topic` at `as_of` is in the tables above.
CREATE TABLE registry_copy (
    topic text PRIMARY KEY,
    as_of timestamptz NOT NULL
);

-- Our own.

CREATE TABLE document (
    id uuid PRIMARY KEY,
    agency_id uuid NOT NULL,
    state text NOT NULL CHECK (state IN ('preparing', 'awaiting_signature', 'completing', 'signed', 'sealing',
                                         'sealed', 'refused', 'cancelled')),
    version integer NOT NULL,
    descriptor jsonb NOT NULL,
    filename text NOT NULL,
    author_id uuid NOT NULL,
    ordered_at timestamptz NOT NULL,
    content jsonb NOT NULL,
    content_sha256 text NOT NULL GENERATED ALWAYS AS (content ->> 'sha256') STORED,
    page_count integer,
    numbered boolean NOT NULL DEFAULT false,
    completing uuid,
    numbering jsonb,
    level text,
    delayed text,
    waiting_since timestamptz NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX document_content ON document (content_sha256);

CREATE TABLE signer (
    document_id uuid NOT NULL REFERENCES document,
    ordinal integer NOT NULL,
    agency_id uuid NOT NULL,
    person_id uuid NOT NULL,
    post_id uuid NOT NULL,
    authority_id uuid NOT NULL,
    name text NOT NULL,
    post text NOT NULL,
    capacity text NOT NULL,
    block text[] NOT NULL,
    signed_at timestamptz,
    certificate_serial text,
    PRIMARY KEY (document_id, ordinal)
);
CREATE INDEX signer_waiting ON signer (person_id) WHERE signed_at IS NULL;

-- Every PDF revision that stood as a document's content, so that a digest leads to its bytes later.
CREATE TABLE revision (
    document_id uuid NOT NULL REFERENCES document,
    sha256 text NOT NULL,
    agency_id uuid NOT NULL,
    content jsonb NOT NULL,
    stage text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (document_id, sha256)
);
CREATE INDEX revision_sha256 ON revision (sha256);

-- The first half of a signature: what the token shall sign, until `expires_at`, over the base with this digest.
CREATE TABLE preparation (
    id uuid PRIMARY KEY,
    document_id uuid NOT NULL REFERENCES document,
    agency_id uuid NOT NULL,
    person_id uuid NOT NULL,
    ordinal integer NOT NULL,
    base_sha256 text NOT NULL,
    certificate_id uuid NOT NULL,
    state text NOT NULL CHECK (state IN ('prepared', 'completing', 'completed', 'failed')),
    prepared jsonb,
    signature bytea,
    problem jsonb,
    expires_at timestamptz NOT NULL
);
CREATE INDEX preparation_document ON preparation (document_id);
CREATE INDEX preparation_person ON preparation (person_id, expires_at) WHERE prepared IS NOT NULL;

-- Returns and voided numbers, kept because they may overtake the order that they end: it comes on another topic.
CREATE TABLE withdrawal (
    document_id uuid NOT NULL,
    agency_id uuid NOT NULL,
    number integer NOT NULL DEFAULT 0,
    at timestamptz NOT NULL,
    PRIMARY KEY (document_id, number)
);

CREATE TABLE validation (
    incoming_id uuid PRIMARY KEY,
    agency_id uuid NOT NULL,
    content jsonb NOT NULL,
    sha256 text NOT NULL GENERATED ALWAYS AS (content ->> 'sha256') STORED,
    ordered_at timestamptz NOT NULL,
    outcome jsonb,
    delayed text
);
CREATE INDEX validation_sha256 ON validation (sha256);

-- Shared by all agencies: reached only through a row above that the reader may see.
CREATE TABLE report (
    sha256 text NOT NULL,
    policy text NOT NULL,
    trust text NOT NULL,
    outcome jsonb NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (sha256, policy, trust)
);

-- An agency sees its own rows; a signer of another agency those of documents that wait for or carry their signature.
ALTER TABLE signer ENABLE ROW LEVEL SECURITY;
ALTER TABLE signer FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON signer USING (
    agency_id = nullif(current_setting('vanthu.agency', true), '')::uuid
    OR person_id = nullif(current_setting('vanthu.person', true), '')::uuid
);

ALTER TABLE document ENABLE ROW LEVEL SECURITY;
ALTER TABLE document FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON document USING (
    agency_id = nullif(current_setting('vanthu.agency', true), '')::uuid
    OR EXISTS (SELECT FROM signer s WHERE s.document_id = document.id
               AND s.person_id = nullif(current_setting('vanthu.person', true), '')::uuid)
);

ALTER TABLE revision ENABLE ROW LEVEL SECURITY;
ALTER TABLE revision FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON revision USING (
    agency_id = nullif(current_setting('vanthu.agency', true), '')::uuid
    OR EXISTS (SELECT FROM signer s WHERE s.document_id = revision.document_id
               AND s.person_id = nullif(current_setting('vanthu.person', true), '')::uuid)
);

ALTER TABLE preparation ENABLE ROW LEVEL SECURITY;
ALTER TABLE preparation FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON preparation USING (
    agency_id = nullif(current_setting('vanthu.agency', true), '')::uuid
    OR person_id = nullif(current_setting('vanthu.person', true), '')::uuid
);

ALTER TABLE withdrawal ENABLE ROW LEVEL SECURITY;
ALTER TABLE withdrawal FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON withdrawal USING (agency_id = nullif(current_setting('vanthu.agency', true), '')::uuid);

ALTER TABLE validation ENABLE ROW LEVEL SECURITY;
ALTER TABLE validation FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON validation USING (agency_id = nullif(current_setting('vanthu.agency', true), '')::uuid);
