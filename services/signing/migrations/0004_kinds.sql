-- Order of signing and annexes of a document; agencies that issue it together; what each seal key was used for.

ALTER TABLE document ADD COLUMN terms jsonb NOT NULL DEFAULT '{}';
-- Under which agency's authority a signer signs, when it is not the leading one's.
ALTER TABLE signer ADD COLUMN for_agency_id uuid;

ALTER TABLE validation ADD COLUMN annexes jsonb NOT NULL DEFAULT '[]';

-- `agency_id` is the agency that leads, whose document it is; `co_agency_id` the one that seals beside it.
CREATE TABLE co_issuer (
    document_id uuid NOT NULL REFERENCES document,
    ordinal integer NOT NULL,
    agency_id uuid NOT NULL,
    co_agency_id uuid NOT NULL,
    name text NOT NULL,
    asked jsonb, -- Actor: the clerk who ordered the seal
    sealed_at timestamptz,
    asked_at timestamptz,
    PRIMARY KEY (document_id, ordinal)
);

CREATE TABLE seal_use (
    document_id uuid NOT NULL REFERENCES document,
    agency_id uuid NOT NULL,
    seal_agency_id uuid NOT NULL,
    purpose text NOT NULL CHECK (purpose IN ('document', 'counter_seal', 'copy')),
    sha256 text NOT NULL,
    number_symbol text,
    asked jsonb NOT NULL,
    detail jsonb NOT NULL,
    uses integer NOT NULL DEFAULT 1,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    PRIMARY KEY (document_id, seal_agency_id, purpose, sha256)
);

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['co_issuer', 'seal_use'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    END LOOP;
END $$;
-- Whoever sees the document sees who issues it: the agency that leads, and the document's signers.
CREATE POLICY own ON co_issuer USING (
    agency_id = nullif(current_setting('vanthu.agency', true), '')::uuid
    OR EXISTS (SELECT FROM signer s WHERE s.document_id = co_issuer.document_id
               AND s.person_id = nullif(current_setting('vanthu.person', true), '')::uuid)
);
CREATE POLICY own ON seal_use USING (agency_id = nullif(current_setting('vanthu.agency', true), '')::uuid);
