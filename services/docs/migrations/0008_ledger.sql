-- The ledger: every fact that any service states, byte for byte, as the leaves of a Merkle tree (RFC 6962), and the
-- heads of that tree, sealed and time-stamped. Nothing here is ever changed; that somebody with full rights on the
-- database changed it all the same is what the heads, kept by others, prove.

CREATE TABLE ledger_entry (
    pos bigint PRIMARY KEY CHECK (pos >= 0), -- the leaf's index
    event_id uuid NOT NULL,
    source text NOT NULL,
    topic text NOT NULL,
    key text NOT NULL,
    seq bigint NOT NULL,
    type text NOT NULL,
    at timestamptz NOT NULL,
    agency_id uuid, -- whose act it was: that agency may read it; none: the platform's own
    person_id uuid, -- who acted; none: a worker, a partner
    subjects uuid[] NOT NULL, -- what it is about: documents, deliveries, whatever else has an id
    event bytea NOT NULL, -- the CloudEvent as it came over Kafka
    appended_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (event_id, source)
);
CREATE INDEX ledger_entry_subject ON ledger_entry USING gin (subjects);
CREATE INDEX ledger_entry_person ON ledger_entry (person_id, pos);
CREATE INDEX ledger_entry_agency ON ledger_entry (agency_id, pos);
CREATE INDEX ledger_entry_day ON ledger_entry (at);

-- The roots of all whole subtrees, level 0 being the leaves: what proofs are made of.
CREATE TABLE ledger_node (
    level smallint NOT NULL,
    index bigint NOT NULL,
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (level, index)
);

-- One row: how far the tree has grown. Its lock makes one sequencer of however many.
CREATE TABLE ledger_tree (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    log_id uuid NOT NULL DEFAULT gen_random_uuid(),
    size bigint NOT NULL DEFAULT 0,
    peaks bytea[] NOT NULL DEFAULT '{}'
);
INSERT INTO ledger_tree DEFAULT VALUES;

CREATE TABLE ledger_head (
    id uuid PRIMARY KEY,
    size bigint NOT NULL CHECK (size >= 0),
    root bytea NOT NULL CHECK (octet_length(root) = 32),
    ordered_at timestamptz NOT NULL,
    signature bytea, -- CMS SignedData over the head's text; none until signing has sealed it
    stamped_at timestamptz, -- of the RFC 3161 time stamp in it; none while no authority has answered
    delayed jsonb
);
CREATE INDEX ledger_head_order ON ledger_head (ordered_at DESC);

ALTER TABLE ledger_entry ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger_entry FORCE ROW LEVEL SECURITY;
CREATE POLICY grow ON ledger_entry FOR INSERT WITH CHECK (true);
CREATE POLICY own ON ledger_entry FOR SELECT USING (
    agency_id = nullif(current_setting('vanthu.agency', true), '')::uuid
    OR current_setting('vanthu.ledger', true) = 'whole'
);

CREATE FUNCTION keep_the_ledger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'ledger_head' AND TG_OP = 'UPDATE' THEN
        IF to_jsonb(NEW) - '{signature,stamped_at,delayed}'::text[] = to_jsonb(OLD) - '{signature,stamped_at,delayed}'::text[]
           AND (OLD.signature IS NULL OR (OLD.stamped_at IS NULL AND NEW.stamped_at IS NOT NULL)) THEN
            RETURN NEW;
        END IF;
    ELSIF TG_TABLE_NAME = 'ledger_tree' AND TG_OP = 'UPDATE' THEN
        IF NEW.log_id = OLD.log_id AND NEW.size >= OLD.size THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'the ledger only grows';
END $$;
CREATE TRIGGER keep_the_ledger BEFORE UPDATE OR DELETE ON ledger_entry FOR EACH ROW EXECUTE FUNCTION keep_the_ledger();
CREATE TRIGGER keep_the_ledger BEFORE UPDATE OR DELETE ON ledger_node FOR EACH ROW EXECUTE FUNCTION keep_the_ledger();
CREATE TRIGGER keep_the_ledger BEFORE UPDATE OR DELETE ON ledger_tree FOR EACH ROW EXECUTE FUNCTION keep_the_ledger();
CREATE TRIGGER keep_the_ledger BEFORE UPDATE OR DELETE ON ledger_head FOR EACH ROW EXECUTE FUNCTION keep_the_ledger();
