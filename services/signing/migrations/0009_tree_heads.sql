-- Heads of the ledger's tree that docs ordered to be sealed: what is sealed, by whose key, what stands already.

CREATE TABLE tree_head (
    head_id uuid PRIMARY KEY,
    agency_id uuid NOT NULL, -- the platform's own agency, whose seal it is
    text text NOT NULL,
    asked jsonb NOT NULL, -- Actor
    ordered_at timestamptz NOT NULL,
    permitted_at timestamptz, -- first use of the key, which is in the ledger
    signature bytea, -- CMS SignedData over the text, none until it is sealed
    certificate_serial text,
    stamped_at timestamptz, -- the time stamp's own time, none while it is owed
    delayed text -- the code of the reason that was told last
);

ALTER TABLE tree_head ENABLE ROW LEVEL SECURITY;
ALTER TABLE tree_head FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON tree_head USING (agency_id = nullif(current_setting('vanthu.agency', true), '')::uuid);
