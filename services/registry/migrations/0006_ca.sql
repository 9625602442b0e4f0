-- A CA that is asked by files: what waits for it, the batches that went out, and what came of each order.

CREATE TABLE ca_batch (
    id uuid PRIMARY KEY,
    ca text NOT NULL,
    made_at timestamptz NOT NULL,
    made_by jsonb NOT NULL,
    orders integer NOT NULL,
    file bytea NOT NULL, -- the ZIP as it went out: what the CA was asked can be shown years later
    sha256 text NOT NULL
);

CREATE TABLE ca_order (
    id uuid PRIMARY KEY,
    ca text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('issue', 'end')),
    state text NOT NULL CHECK (state IN ('waiting', 'sent', 'answered', 'refused')),
    managed_by uuid NOT NULL REFERENCES agency,
    request_id uuid REFERENCES certificate_request CHECK ((request_id IS NOT NULL) = (kind = 'issue')),
    certificate_id uuid REFERENCES certificate, -- the one to end, or the one that came
    name text NOT NULL, -- of the holder, as the batch lists it
    spki_sha256 text CHECK ((spki_sha256 IS NOT NULL) = (kind = 'issue')),
    asked jsonb NOT NULL, -- issue: the subject and the CSR; end: serial and reason
    entered_at timestamptz NOT NULL DEFAULT now(),
    batch_id uuid REFERENCES ca_batch CHECK ((batch_id IS NULL) = (state = 'waiting')),
    line integer, -- in the batch, from 1
    CHECK (kind <> 'end' OR certificate_id IS NOT NULL)
);
CREATE UNIQUE INDEX ca_order_request ON ca_order (request_id) WHERE state <> 'refused';
CREATE INDEX ca_order_key ON ca_order (spki_sha256) WHERE state = 'sent';
CREATE INDEX ca_order_batch ON ca_order (batch_id, line);
CREATE INDEX ca_order_waiting ON ca_order (ca) WHERE state = 'waiting';

ALTER TABLE ca_order ENABLE ROW LEVEL SECURITY;
ALTER TABLE ca_order FORCE ROW LEVEL SECURITY;
CREATE POLICY ca_order_scope ON ca_order USING (oversees(managed_by)) WITH CHECK (oversees(managed_by));
