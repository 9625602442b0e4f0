-- Documents, numbers, deliveries, incoming documents and the exchange with partners.
--
-- Two policies guard the rows, whatever the code forgets:
--   own      rows of the agency in vanthu.agency, set for each transaction;
--   partner  rows of the partner in vanthu.partner, set by the exchange only.

-- Local copies of what registry states.
CREATE TABLE agency (
    agency_id uuid PRIMARY KEY,
    identifier text NOT NULL,
    name text NOT NULL,
    folded text NOT NULL, -- identifier and name without marks, for the search
    level text NOT NULL,
    partner text,
    valid_from date NOT NULL,
    valid_until date
);
CREATE INDEX agency_identifier ON agency (identifier);

CREATE TABLE person (
    person_id uuid PRIMARY KEY,
    name text NOT NULL,
    active boolean NOT NULL
);

CREATE TABLE post (
    post_id uuid PRIMARY KEY,
    person_id uuid NOT NULL REFERENCES person,
    agency_id uuid NOT NULL,
    title text NOT NULL,
    roles text[] NOT NULL,
    valid_from date NOT NULL,
    valid_until date
);
CREATE INDEX post_person ON post (person_id);
CREATE INDEX post_agency ON post (agency_id);

CREATE TABLE authority (
    authority_id uuid PRIMARY KEY,
    agency_id uuid NOT NULL,
    person_id uuid NOT NULL,
    post_id uuid NOT NULL,
    capacity text NOT NULL,
    block text[] NOT NULL,
    document_types text[] NOT NULL,
    valid_from date NOT NULL,
    valid_until date,
    withdrawn boolean NOT NULL
);
CREATE INDEX authority_agency ON authority (agency_id);

CREATE TABLE registry_copy (
    topic text PRIMARY KEY,
    as_of timestamptz NOT NULL
);

-- Whose a document or an incoming document is: ids only, so that a worker can act for the right agency when an event
-- of signing names nothing but the document. What it is about stands behind the policies.
CREATE TABLE whereabouts (
    subject_id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('document', 'incoming')),
    agency_id uuid NOT NULL
);

CREATE TABLE file (
    id uuid PRIMARY KEY,
    agency_id uuid NOT NULL,
    person_id uuid NOT NULL,
    filename text NOT NULL,
    content jsonb NOT NULL, -- BlobRef
    page_count integer NOT NULL,
    uploaded_at timestamptz NOT NULL
);
CREATE INDEX file_agency ON file (agency_id);

CREATE TABLE document (
    id uuid PRIMARY KEY,
    agency_id uuid NOT NULL,
    agency_identifier text NOT NULL,
    agency_name text NOT NULL,
    state text NOT NULL CHECK (state IN ('in_review', 'preparing', 'awaiting_signature', 'signed', 'sealing', 'issued',
                                         'returned', 'refused', 'voided')),
    state_reason jsonb,
    type_code text NOT NULL,
    type_name text NOT NULL,
    symbol text NOT NULL,
    abstract text NOT NULL,
    urgency smallint NOT NULL,
    signers jsonb NOT NULL,
    reviews jsonb NOT NULL,
    parts jsonb NOT NULL,
    content jsonb NOT NULL, -- the current bytes of the main part
    level text,
    author_id uuid NOT NULL,
    author_name text NOT NULL,
    waits_for uuid,
    register_code text,
    year integer,
    number integer,
    number_symbol text,
    issued_on date,
    submitted_at timestamptz NOT NULL,
    version integer NOT NULL,
    CHECK (num_nulls(register_code, year, number, number_symbol, issued_on) IN (0, 5)),
    CHECK ((state IN ('sealing', 'issued', 'voided')) = (number IS NOT NULL))
);
CREATE INDEX document_list ON document (agency_id, id DESC);
CREATE INDEX document_state ON document (agency_id, state, id DESC);

CREATE TABLE history (
    pos bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    agency_id uuid NOT NULL,
    subject_id uuid NOT NULL,
    at timestamptz NOT NULL,
    act text NOT NULL,
    actor jsonb NOT NULL,
    detail text
);
CREATE INDEX history_subject ON history (subject_id, pos);

-- Numbering. The row of a register and year is the lock under which its next number is taken.
CREATE TABLE register (
    agency_id uuid NOT NULL,
    code text NOT NULL,
    year integer NOT NULL,
    last integer NOT NULL CHECK (last >= 0),
    PRIMARY KEY (agency_id, code, year)
) WITH (fillfactor = 50);

CREATE TABLE book (
    agency_id uuid NOT NULL,
    register_code text NOT NULL,
    year integer NOT NULL,
    number integer NOT NULL CHECK (number > 0),
    direction text NOT NULL CHECK (direction IN ('out', 'in')),
    number_symbol text,
    entered_on date NOT NULL,
    subject_id uuid NOT NULL UNIQUE,
    void_reason text,
    PRIMARY KEY (agency_id, register_code, year, number),
    FOREIGN KEY (agency_id, register_code, year) REFERENCES register (agency_id, code, year)
);
-- NĐ 30 art. 15: number and symbol are unique within the year for the agency, whatever register they come from.
CREATE UNIQUE INDEX book_symbol ON book (agency_id, year, number_symbol) WHERE direction = 'out';

CREATE FUNCTION keep_the_book() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND to_jsonb(NEW) - 'void_reason' = to_jsonb(OLD) - 'void_reason'
       AND OLD.void_reason IS NULL AND NEW.void_reason IS NOT NULL THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'an entry of the book is never removed or changed; it can only be marked void, once';
END $$;
CREATE TRIGGER keep_the_book BEFORE UPDATE OR DELETE ON book FOR EACH ROW EXECUTE FUNCTION keep_the_book();

CREATE FUNCTION count_by_one() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NEW.last = 0 THEN RETURN NEW; END IF;
    IF TG_OP = 'UPDATE' AND NEW.last = OLD.last + 1
       AND (NEW.agency_id, NEW.code, NEW.year) = (OLD.agency_id, OLD.code, OLD.year) THEN RETURN NEW; END IF;
    RAISE EXCEPTION 'a register counts from 0 by one and is never removed';
END $$;
CREATE TRIGGER count_by_one BEFORE INSERT OR UPDATE OR DELETE ON register FOR EACH ROW EXECUTE FUNCTION count_by_one();

-- The sender's side of a delivery.
CREATE TABLE delivery (
    id uuid PRIMARY KEY,
    agency_id uuid NOT NULL,
    document_id uuid NOT NULL,
    receiver jsonb NOT NULL, -- Party
    receiver_identifier text NOT NULL,
    partner text,
    status text NOT NULL DEFAULT '00' CHECK (status ~ '^[0-9]{2}$'),
    reason text,
    reason_code text,
    arrival_number integer,
    dispatched_at timestamptz NOT NULL,
    version integer NOT NULL,
    UNIQUE (document_id, receiver_identifier)
);
CREATE INDEX delivery_document ON delivery (document_id);

-- The receiver's side.
CREATE TABLE incoming (
    id uuid PRIMARY KEY,
    agency_id uuid NOT NULL,
    delivery_id uuid NOT NULL UNIQUE,
    document_id uuid NOT NULL,
    sender jsonb NOT NULL, -- Party
    receiver jsonb NOT NULL, -- Party
    descriptor jsonb NOT NULL,
    signer_name text NOT NULL,
    parts jsonb NOT NULL,
    status text NOT NULL CHECK (status IN ('01', '02', '03', '04', '05', '06')),
    reason text,
    reason_code text,
    arrival_number integer,
    arrived_at timestamptz NOT NULL,
    validation jsonb,
    delayed jsonb,
    assignee_id uuid,
    assignee_name text,
    version integer NOT NULL,
    CHECK ((status IN ('03', '04', '05', '06')) = (arrival_number IS NOT NULL)),
    CHECK (status <> '02' OR reason IS NOT NULL)
);
CREATE INDEX incoming_list ON incoming (agency_id, id DESC);
CREATE INDEX incoming_status ON incoming (agency_id, status, id DESC);

-- The exchange with partners: what they uploaded, sent and got.
CREATE TABLE partner_file (
    partner text NOT NULL,
    sha256 text NOT NULL,
    filename text NOT NULL,
    content jsonb NOT NULL, -- BlobRef
    uploaded_at timestamptz NOT NULL,
    PRIMARY KEY (partner, sha256)
);

CREATE TABLE exchange_in (
    delivery_id uuid PRIMARY KEY,
    partner text NOT NULL,
    document_id uuid NOT NULL, -- the partner's own id
    fingerprint text NOT NULL, -- SHA-256 of message and recipients: the same document sent again is answered the same
    recipient jsonb NOT NULL, -- AgencyRef
    status text NOT NULL,
    received_at timestamptz NOT NULL
);
CREATE INDEX exchange_in_document ON exchange_in (partner, document_id);

CREATE TABLE exchange_out (
    delivery_id uuid PRIMARY KEY,
    partner text NOT NULL,
    document_id uuid NOT NULL,
    sender jsonb NOT NULL, -- Party
    receiver jsonb NOT NULL, -- Party
    message jsonb NOT NULL,
    parts jsonb NOT NULL,
    status text NOT NULL,
    delivered_at timestamptz NOT NULL
);
CREATE INDEX exchange_out_partner ON exchange_out (partner, delivery_id DESC);

-- Records of partners that could not be read and were answered: the place only, nothing of the content is kept.
CREATE TABLE refused_record (
    topic text NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    code text NOT NULL,
    refused_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, partition, "offset")
);

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['file', 'document', 'history', 'register', 'book', 'delivery', 'incoming'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY own ON %I USING'
            ' (agency_id = nullif(current_setting(''vanthu.agency'', true), '''')::uuid)', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['partner_file', 'exchange_in', 'exchange_out'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY partner ON %I USING'
            ' (partner = nullif(current_setting(''vanthu.partner'', true), ''''))', name);
    END LOOP;
END $$;
