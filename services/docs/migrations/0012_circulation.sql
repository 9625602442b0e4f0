-- Circulation: to whom a document goes by one decision, what is asked of recipients afterwards, and what documents are
-- to one another.

ALTER TABLE agency ADD COLUMN parent_id uuid, ADD COLUMN successor_ids uuid[] NOT NULL DEFAULT '{}';
CREATE INDEX agency_parent ON agency (parent_id);

-- Named lists of agencies. An agency edits its own; those that are shared everybody may use.
CREATE TABLE address_group (
    id uuid PRIMARY KEY,
    agency_id uuid NOT NULL,
    agency_name text NOT NULL,
    name text NOT NULL,
    shared boolean NOT NULL,
    members uuid[] NOT NULL, -- of the copy of the registry
    version integer NOT NULL
);
CREATE UNIQUE INDEX address_group_name ON address_group (agency_id, lower(name));
CREATE INDEX address_group_shared ON address_group (id) WHERE shared;

CREATE TABLE dispatch (
    id uuid PRIMARY KEY,
    agency_id uuid NOT NULL,
    document_id uuid NOT NULL REFERENCES document,
    at timestamptz NOT NULL,
    actor jsonb NOT NULL,
    note text,
    chosen jsonb NOT NULL, -- named, groups, trees, except: as the clerk chose them
    recipients integer NOT NULL
);
CREATE INDEX dispatch_document ON dispatch (document_id, at);

-- Asking to take back. A whole recall freezes the document.
CREATE TABLE recall (
    id uuid PRIMARY KEY,
    agency_id uuid NOT NULL,
    document_id uuid NOT NULL REFERENCES document,
    at timestamptz NOT NULL,
    actor jsonb NOT NULL,
    reason text NOT NULL,
    whole boolean NOT NULL,
    recipients integer NOT NULL
);
CREATE INDEX recall_document ON recall (document_id, at);

ALTER TABLE delivery ADD COLUMN dispatch_id uuid, ADD COLUMN asked jsonb, ADD COLUMN chased_at timestamptz;
DROP INDEX delivery_standing;
CREATE UNIQUE INDEX delivery_standing ON delivery (document_id, receiver_identifier) WHERE status NOT IN ('02', '15');

ALTER TABLE incoming ADD COLUMN asked jsonb, ADD COLUMN relations jsonb NOT NULL DEFAULT '[]', ADD COLUMN chased_at timestamptz,
    ADD COLUMN destroyed jsonb, -- name, digest and size of each file that was destroyed, never the bytes' place
    ADD COLUMN duplicate_of uuid,
    -- Plain columns, since jsonb operators are not leakproof and would keep the policy from using the index.
    ADD COLUMN sender_identifier text GENERATED ALWAYS AS (descriptor ->> 'agency_identifier') STORED,
    ADD COLUMN number_key text GENERATED ALWAYS AS (lower(descriptor ->> 'number_symbol')) STORED,
    ADD COLUMN issued_year text GENERATED ALWAYS AS (left(descriptor ->> 'issued_on', 4)) STORED,
    DROP CONSTRAINT incoming_status_check, DROP CONSTRAINT incoming_check,
    ADD CONSTRAINT incoming_status_check CHECK (status IN ('01', '02', '03', '04', '05', '06', '15')),
    ADD CONSTRAINT incoming_numbered CHECK (status = '15' OR (status IN ('03', '04', '05', '06')) = (arrival_number IS NOT NULL)),
    ADD CONSTRAINT incoming_destroyed CHECK (status <> '15' OR (parts = '[]' AND destroyed IS NOT NULL));
CREATE INDEX incoming_number ON incoming (agency_id, number_key, sender_identifier, issued_year);
CREATE INDEX incoming_document ON incoming (agency_id, document_id);

-- What an outgoing document is to others: earlier ones of the agency that it updates or replaces, arrived ones that it
-- answers. `target` is the other document's id as its sender gave it.
CREATE TABLE document_relation (
    id uuid PRIMARY KEY,
    agency_id uuid NOT NULL,
    document_id uuid NOT NULL REFERENCES document,
    kind text NOT NULL CHECK (kind IN ('updates', 'replaces', 'answers')),
    target uuid NOT NULL,
    incoming_id uuid REFERENCES incoming,
    reason text,
    complete boolean NOT NULL DEFAULT false, -- of an answer: dispatching it completes what it answers
    at timestamptz NOT NULL,
    actor jsonb NOT NULL,
    CHECK ((kind = 'answers') = (incoming_id IS NOT NULL)),
    CHECK (document_id <> target),
    UNIQUE (document_id, target)
);
CREATE INDEX document_relation_target ON document_relation (agency_id, target);

-- The same of what arrived: to which documents it says it is related.
CREATE TABLE incoming_relation (
    agency_id uuid NOT NULL,
    incoming_id uuid NOT NULL REFERENCES incoming,
    kind text NOT NULL CHECK (kind IN ('updates', 'replaces', 'answers')),
    target uuid NOT NULL,
    PRIMARY KEY (incoming_id, target)
);
CREATE INDEX incoming_relation_target ON incoming_relation (agency_id, target);

ALTER TABLE exchange_in ADD COLUMN sender jsonb, ADD COLUMN receiver jsonb, ADD COLUMN asked jsonb;
ALTER TABLE exchange_out ADD COLUMN asked jsonb;

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['address_group', 'dispatch', 'recall', 'document_relation', 'incoming_relation'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY own ON %I USING'
            ' (agency_id = nullif(current_setting(''vanthu.agency'', true), '''')::uuid)', name);
    END LOOP;
END $$;
CREATE POLICY shared ON address_group FOR SELECT USING (
    shared AND nullif(current_setting('vanthu.agency', true), '') IS NOT NULL
);
