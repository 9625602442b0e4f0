-- Order of signing, agencies that issue a document together, signed annexes, what a copy is made of.

ALTER TABLE document ADD COLUMN terms jsonb NOT NULL DEFAULT '{}';

-- Which agencies beside the one that leads issue a document: they see just that document.
CREATE TABLE co_issuer (
    document_id uuid NOT NULL REFERENCES document,
    agency_id uuid NOT NULL,
    lead_agency_id uuid NOT NULL,
    PRIMARY KEY (document_id, agency_id)
);
CREATE INDEX co_issuer_agency ON co_issuer (agency_id, document_id DESC);

ALTER TABLE co_issuer ENABLE ROW LEVEL SECURITY;
ALTER TABLE co_issuer FORCE ROW LEVEL SECURITY;
CREATE POLICY lead ON co_issuer USING (
    lead_agency_id = nullif(current_setting('vanthu.agency', true), '')::uuid
);
CREATE POLICY own ON co_issuer FOR SELECT USING (
    agency_id = nullif(current_setting('vanthu.agency', true), '')::uuid
);

-- A co-issuer reads the document and its history once it is a draft no more; what it does to it, it does as a step of
-- the leading agency's document, after the code has looked at its right to.
CREATE POLICY co_issuer ON document FOR SELECT USING (
    state NOT IN ('in_review', 'returned', 'refused')
    AND EXISTS (SELECT FROM co_issuer c WHERE c.document_id = document.id
                AND c.agency_id = nullif(current_setting('vanthu.agency', true), '')::uuid)
);
CREATE POLICY co_issuer ON history FOR SELECT USING (
    EXISTS (SELECT FROM co_issuer c JOIN document d ON d.id = c.document_id WHERE c.document_id = history.subject_id
            AND c.agency_id = nullif(current_setting('vanthu.agency', true), '')::uuid)
);
