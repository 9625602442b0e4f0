-- A copy of which certificates people have and whether they may be used: enough to say why a document waits for a signer.
CREATE TABLE certificate (
    certificate_id uuid PRIMARY KEY,
    person_id uuid NOT NULL,
    not_before timestamptz NOT NULL,
    not_after timestamptz NOT NULL,
    status text NOT NULL
);
CREATE INDEX certificate_person ON certificate (person_id);
