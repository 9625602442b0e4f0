-- Where the fields of a document stand, in points of its pages as shown, for the round begun by the order at `round`.
-- `approved` are the bytes that docs approved: from them the fields are made anew when the clerk moves a place.
CREATE TABLE document_place (
    document_id uuid PRIMARY KEY REFERENCES document,
    agency_id uuid NOT NULL,
    round timestamptz NOT NULL,
    version integer NOT NULL,
    approved jsonb NOT NULL,
    waits boolean NOT NULL,
    pages jsonb NOT NULL,
    places jsonb NOT NULL,
    notices jsonb NOT NULL,
    set_by jsonb,
    set_at timestamptz
);
ALTER TABLE document_place ENABLE ROW LEVEL SECURITY;
ALTER TABLE document_place FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON document_place USING (
    agency_id = nullif(current_setting('vanthu.agency', true), '')::uuid
    OR EXISTS (SELECT FROM signer s WHERE s.document_id = document_place.document_id
               AND s.person_id = nullif(current_setting('vanthu.person', true), '')::uuid)
);

-- What an agency wants done when a place is not found in the text: ask the clerk, or go on with the decree's boxes.
CREATE TABLE agency_placing (
    agency_id uuid PRIMARY KEY,
    ask boolean NOT NULL,
    set_by jsonb NOT NULL,
    set_at timestamptz NOT NULL
);
ALTER TABLE agency_placing ENABLE ROW LEVEL SECURITY;
ALTER TABLE agency_placing FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON agency_placing USING (agency_id = nullif(current_setting('vanthu.agency', true), '')::uuid);
