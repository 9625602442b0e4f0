-- Which documents an agency keeps from its own people, and who of them may read each, as docs last stated it.
CREATE TABLE restriction (
    document_id uuid NOT NULL,
    agency_id uuid NOT NULL, -- who decided it, for its own people alone
    readers uuid[] NOT NULL, -- people; a signer is one without being named
    PRIMARY KEY (document_id, agency_id)
);
ALTER TABLE restriction ENABLE ROW LEVEL SECURITY;
ALTER TABLE restriction FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON restriction USING (agency_id = nullif(current_setting('vanthu.agency', true), '')::uuid);
