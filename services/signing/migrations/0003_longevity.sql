-- How long the proof of each signature lasts: levels, debts, archive time stamps, and what was repaired.

-- Algorithms and the day from which they prove nothing more (null: none is set). Data: an authority's decision is one
-- UPDATE. SHA-1 and short RSA keys are below TT 15/2025 and ETSI TS 119 312.
CREATE TABLE algorithm (
    name text PRIMARY KEY,
    ends_at timestamptz
);
INSERT INTO algorithm (name, ends_at) VALUES
    ('md5', '2004-08-01'), ('sha1', '2014-01-01'), ('rsa1024', '2011-01-01'),
    ('sha256', NULL), ('sha384', NULL), ('sha512', NULL),
    ('rsa2048', NULL), ('rsa3072', NULL), ('rsa4096', NULL), ('p256', NULL), ('p384', NULL), ('p521', NULL);

-- The time-stamping certificates that documents rest on: a handful for a whole province.
CREATE TABLE stamp_authority (
    sha256 text PRIMARY KEY,
    der bytea NOT NULL,
    chain bytea[] NOT NULL,
    not_after timestamptz NOT NULL,
    anchor text, -- SHA-256 of the root's DER
    algorithms text[] NOT NULL,
    revoked boolean NOT NULL DEFAULT false,
    checked_at timestamptz,
    held_until timestamptz -- renewal gave no later end: not tried before
);

-- What signatures rest on: roots (SHA-256 of the DER) and algorithms. Few rows, so that "which documents rest on a root
-- that was withdrawn" is one look at an index.
CREATE TABLE ground (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    anchors text[] NOT NULL,
    algorithms text[] NOT NULL,
    UNIQUE (anchors, algorithms)
);

CREATE TABLE longevity (
    document_id uuid PRIMARY KEY REFERENCES document,
    agency_id uuid NOT NULL,
    unchecked_allowed boolean NOT NULL DEFAULT true,
    level text,
    owes text[] NOT NULL DEFAULT '{}',
    owing_since timestamptz,
    told_at timestamptz,
    problem text,
    ground integer REFERENCES ground,
    stamped_by text REFERENCES stamp_authority,
    stamped_at timestamptz,
    CHECK ((owes = '{}') = (owing_since IS NULL))
);
-- By times, keys and numbers: row-level security lets no other comparison reach an index.
CREATE INDEX longevity_owing ON longevity (owing_since);
CREATE INDEX longevity_agency_owing ON longevity (agency_id, owing_since);
CREATE INDEX longevity_stamp ON longevity (stamped_by, stamped_at);
CREATE INDEX longevity_ground ON longevity (ground);

CREATE TABLE signature (
    document_id uuid NOT NULL REFERENCES document,
    field text NOT NULL,
    agency_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('person', 'seal')),
    name text NOT NULL,
    person_id uuid,
    certificate_id uuid,
    anchor text,
    algorithms text[] NOT NULL,
    signed_at timestamptz NOT NULL,
    level text NOT NULL,
    unchecked boolean NOT NULL,
    PRIMARY KEY (document_id, field)
);

-- What was found "begun but not finished" and what was done about it.
CREATE TABLE repair (
    id uuid PRIMARY KEY,
    document_id uuid NOT NULL,
    agency_id uuid NOT NULL,
    found text NOT NULL,
    done text NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX repair_at ON repair (at);

-- Documents that were sealed before this was kept: what they rest on is read from their bytes by and by (upkeep.py).
ALTER TABLE document NO FORCE ROW LEVEL SECURITY;
INSERT INTO longevity (document_id, agency_id, level) SELECT id, agency_id, level FROM document
    WHERE state = 'sealed' AND level IS NOT NULL;
ALTER TABLE document FORCE ROW LEVEL SECURITY;

-- A document that was taken back owes nothing to anybody.
CREATE FUNCTION forget_longevity() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM signature WHERE document_id = NEW.id;
    DELETE FROM longevity WHERE document_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER forget_longevity AFTER UPDATE OF state ON document FOR EACH ROW
    WHEN (NEW.state IN ('preparing', 'refused', 'cancelled') AND OLD.state <> NEW.state)
    EXECUTE FUNCTION forget_longevity();

-- Where the watchdog looks, agency by agency.
CREATE INDEX document_unfinished ON document (agency_id) WHERE state IN ('preparing', 'completing', 'sealing');
CREATE INDEX preparation_unfinished ON preparation (agency_id) WHERE state = 'completing';

-- What the signer is told beside "completed".
ALTER TABLE preparation ADD COLUMN notice jsonb;

ALTER TABLE signature ENABLE ROW LEVEL SECURITY;
ALTER TABLE signature FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON signature USING (
    agency_id = nullif(current_setting('vanthu.agency', true), '')::uuid
    OR person_id = nullif(current_setting('vanthu.person', true), '')::uuid
);

-- Ids, levels and dates only, nothing of what a document says: whoever keeps all proof alive (the worker's rounds, the
-- operator's figures) reads these across agencies, and no other table.
ALTER TABLE longevity ENABLE ROW LEVEL SECURITY;
ALTER TABLE longevity FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON longevity USING (agency_id = nullif(current_setting('vanthu.agency', true), '')::uuid);
CREATE POLICY watch ON longevity FOR SELECT USING (current_setting('vanthu.watch', true) = 'on');

ALTER TABLE repair ENABLE ROW LEVEL SECURITY;
ALTER TABLE repair FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON repair USING (agency_id = nullif(current_setting('vanthu.agency', true), '')::uuid);
CREATE POLICY watch ON repair FOR SELECT USING (current_setting('vanthu.watch', true) = 'on');
