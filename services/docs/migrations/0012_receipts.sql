-- Receipts of deliveries: the receiver's own, and those that senders were given. Local to local they are two rows.
CREATE TABLE receipt (
    agency_id uuid NOT NULL,
    receipt_id uuid NOT NULL,
    delivery_id uuid NOT NULL,
    document_id uuid NOT NULL, -- as its sender gave it
    kind text NOT NULL CHECK (kind IN ('arrived', 'registered')),
    given boolean NOT NULL, -- by this agency; otherwise to it
    text text NOT NULL,
    signature text, -- base64 of CMS SignedData over the text; none until it is sealed
    stamped_at timestamptz,
    made_at timestamptz NOT NULL,
    PRIMARY KEY (agency_id, receipt_id)
);
CREATE INDEX receipt_document ON receipt (agency_id, document_id);
CREATE INDEX receipt_delivery ON receipt (agency_id, delivery_id);
ALTER TABLE receipt ENABLE ROW LEVEL SECURITY;
ALTER TABLE receipt FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON receipt USING (agency_id = nullif(current_setting('vanthu.agency', true), '')::uuid);
