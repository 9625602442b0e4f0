-- Inboxes, preferences and mail of notify, and the copies on which it decides whose turn it is.

-- Copies of registry's states (only what names and reaches people) and how old they are.
CREATE TABLE agency (
    agency_id uuid PRIMARY KEY,
    name text NOT NULL,
    partner text
);
CREATE TABLE person (
    person_id uuid PRIMARY KEY,
    name text NOT NULL,
    email text NOT NULL,
    active boolean NOT NULL
);
CREATE TABLE post (
    post_id uuid PRIMARY KEY,
    person_id uuid NOT NULL REFERENCES person ON DELETE CASCADE,
    agency_id uuid NOT NULL,
    roles text[] NOT NULL,
    valid_from date NOT NULL,
    valid_until date
);
CREATE INDEX post_agency ON post (agency_id);
CREATE INDEX post_person ON post (person_id);
CREATE TABLE registry_copy (
    topic text PRIMARY KEY,
    as_of timestamptz NOT NULL
);

-- Copies of what docs stated: how a document is called, and whose it is.
CREATE TABLE document (
    document_id uuid PRIMARY KEY,
    agency_id uuid NOT NULL,
    author_id uuid NOT NULL,
    title text NOT NULL,
    symbol text
);
CREATE TABLE delivery (
    delivery_id uuid PRIMARY KEY,
    title text NOT NULL,
    symbol text
);

-- Facts whose addressees can't be said yet: the document's submission, or an agency's clerks, have not reached us.
CREATE TABLE held (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    needs text NOT NULL CHECK (needs IN ('document', 'clerks')),
    of uuid NOT NULL,
    topic text NOT NULL,
    value bytea NOT NULL,
    traceparent text,
    held_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX held_needs ON held (needs, of);

-- The last number in each person's inbox. Every writer locks it until its commit, so whoever sees notice n+1 of a
-- person has seen notice n: a stream that goes on after a number loses nothing.
CREATE TABLE inbox_number (
    person_id uuid PRIMARY KEY,
    last bigint NOT NULL
) WITH (fillfactor = 70);

CREATE TABLE notice (
    id uuid PRIMARY KEY,
    person_id uuid NOT NULL,
    number bigint NOT NULL,
    event_source text NOT NULL,
    event_id uuid NOT NULL,
    at timestamptz NOT NULL,
    title text NOT NULL,
    text text NOT NULL,
    reason text,
    link text NOT NULL,
    read_at timestamptz,
    UNIQUE (person_id, number),
    UNIQUE (event_source, event_id, person_id)
);
CREATE INDEX notice_unread ON notice (person_id, number) WHERE read_at IS NULL;

-- Rows of the people for whom this transaction acts, and no others'. Writing for others is what notify is for.
ALTER TABLE notice ENABLE ROW LEVEL SECURITY;
ALTER TABLE notice FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON notice FOR ALL
    USING (person_id = ANY (string_to_array(nullif(current_setting('vanthu.people', true), ''), ',')::uuid[]));

CREATE TABLE preference (
    person_id uuid PRIMARY KEY,
    email boolean NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now()
);

-- What became of each try to send a notice by e-mail.
CREATE TABLE mail_attempt (
    notice_id uuid NOT NULL,
    attempt integer NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    outcome text NOT NULL CHECK (outcome IN ('sent', 'not_wanted', 'retried', 'failed')),
    detail text,
    PRIMARY KEY (notice_id, attempt)
);
