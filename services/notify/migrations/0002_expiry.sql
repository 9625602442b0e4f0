-- Certificates that run out: what we know of them, what waits for their holders, and whom we have told so far.

-- Level and identifier say which officers oversee an agency. Empty until the agency is stated again.
ALTER TABLE agency ADD COLUMN identifier text, ADD COLUMN level text;

CREATE TABLE certificate (
    certificate_id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('person', 'seal')),
    person_id uuid,
    agency_id uuid,
    serial text NOT NULL,
    not_before timestamptz NOT NULL,
    not_after timestamptz NOT NULL,
    status text NOT NULL
);
CREATE INDEX certificate_ends ON certificate (not_after) WHERE status = 'active';
CREATE INDEX certificate_person ON certificate (person_id);
CREATE INDEX certificate_agency ON certificate (agency_id);

-- What a document waits for now: a person's signature, its agency's seal (`person_id` empty), or nothing (`over`). The
-- facts come on two topics without an order between them, so the time of the newest one is kept with it.
CREATE TABLE waiting (
    document_id uuid PRIMARY KEY,
    person_id uuid,
    over boolean NOT NULL,
    at timestamptz NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX waiting_signer ON waiting (person_id) WHERE NOT over AND person_id IS NOT NULL;
CREATE INDEX waiting_seal ON waiting (document_id) WHERE NOT over AND person_id IS NULL;

-- A threshold (days) of which the people concerned have been told. Its row is written with their notices.
CREATE TABLE expiry_told (
    certificate_id uuid NOT NULL,
    threshold integer NOT NULL,
    told_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (certificate_id, threshold)
);
