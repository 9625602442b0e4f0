-- Agencies, people with their posts, signing authority, certificates and the requests for them, pinned trust anchors.
-- The province's officer keeps all of it, so no row belongs to one agency; agencies read names only, through the API.

CREATE TABLE agency (
    id uuid PRIMARY KEY,
    identifier text NOT NULL CONSTRAINT agency_identifier UNIQUE CHECK (char_length(identifier) <= 35),
    old_identifier text CONSTRAINT agency_old_identifier UNIQUE CHECK (char_length(old_identifier) = 13),
    name text NOT NULL,
    folded text NOT NULL, -- lower case without diacritics, for searching
    parent_id uuid REFERENCES agency,
    level text NOT NULL CHECK (level IN ('province', 'district', 'commune', 'outside')),
    partner text CHECK ((partner IS NULL) = (level <> 'outside')),
    email text,
    seal_mm double precision NOT NULL CHECK (seal_mm BETWEEN 10 AND 80),
    valid_from date NOT NULL,
    valid_until date CHECK (valid_until >= valid_from),
    version integer NOT NULL
);

CREATE TABLE person (
    id uuid PRIMARY KEY,
    login text NOT NULL CONSTRAINT person_login UNIQUE,
    name text NOT NULL,
    folded text NOT NULL,
    email text NOT NULL,
    active boolean NOT NULL,
    version integer NOT NULL
);

CREATE TABLE post (
    id uuid PRIMARY KEY,
    person_id uuid NOT NULL REFERENCES person,
    ordinal integer NOT NULL,
    agency_id uuid NOT NULL REFERENCES agency,
    title text NOT NULL,
    unit text,
    roles text[] NOT NULL,
    valid_from date NOT NULL,
    valid_until date CHECK (valid_until >= valid_from)
);
CREATE INDEX post_person ON post (person_id, ordinal);
CREATE INDEX post_agency ON post (agency_id);

CREATE TABLE authority (
    id uuid PRIMARY KEY,
    agency_id uuid NOT NULL REFERENCES agency,
    person_id uuid NOT NULL REFERENCES person,
    post_id uuid NOT NULL REFERENCES post,
    capacity text NOT NULL CHECK (capacity IN ('', 'TM.', 'Q.', 'KT.', 'TL.', 'TUQ.')),
    block text[] NOT NULL,
    document_types text[] NOT NULL,
    valid_from date NOT NULL,
    valid_until date CHECK (valid_until >= valid_from),
    withdrawn boolean NOT NULL,
    version integer NOT NULL
);
CREATE INDEX authority_agency ON authority (agency_id);
CREATE INDEX authority_person ON authority (person_id);

CREATE TABLE certificate (
    id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('person', 'seal')),
    person_id uuid REFERENCES person CHECK ((person_id IS NOT NULL) = (kind = 'person')),
    agency_id uuid REFERENCES agency CHECK ((agency_id IS NOT NULL) = (kind = 'seal')),
    pem text NOT NULL,
    chain_pem text NOT NULL,
    fingerprint text NOT NULL CONSTRAINT certificate_fingerprint UNIQUE,
    spki_sha256 text NOT NULL,
    serial text NOT NULL,
    not_before timestamptz NOT NULL,
    not_after timestamptz NOT NULL,
    status text NOT NULL CHECK (status IN ('active', 'suspended', 'revoked', 'expired', 'renewed')),
    reason text,
    issued_by text,
    version integer NOT NULL,
    -- Whether the CA knows what was decided here; a revocation counts from the moment it is stated, not from this.
    ca_told_at timestamptz,
    ca_problem text
);
CREATE INDEX certificate_person ON certificate (person_id);
CREATE INDEX certificate_agency ON certificate (agency_id);
CREATE INDEX certificate_key ON certificate (spki_sha256);
CREATE INDEX certificate_ends ON certificate (not_after) WHERE status IN ('active', 'suspended');

CREATE TABLE certificate_request (
    id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('person', 'seal')),
    person_id uuid REFERENCES person,
    agency_id uuid REFERENCES agency,
    csr_pem text NOT NULL,
    spki_sha256 text NOT NULL,
    not_before timestamptz,
    not_after timestamptz,
    state text NOT NULL CHECK (state IN ('requested', 'issued', 'refused')),
    certificate_id uuid REFERENCES certificate CHECK ((certificate_id IS NOT NULL) = (state = 'issued')),
    problem_code text,
    problem_vi text,
    problem_en text,
    requested_by jsonb NOT NULL,
    CHECK (num_nonnulls(person_id, agency_id) = 1)
);
-- One live request for a key: a second click finds the first one.
CREATE UNIQUE INDEX certificate_request_key ON certificate_request (spki_sha256) WHERE state <> 'refused';

CREATE TABLE trust_anchor (
    fingerprint text PRIMARY KEY,
    subject text NOT NULL,
    pem text NOT NULL,
    pinned_at timestamptz NOT NULL DEFAULT now(),
    withdrawn_at timestamptz
);
