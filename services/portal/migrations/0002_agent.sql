-- Signing from the browser: a ticket that the person's own signing program redeems for a token of one sitting.

-- The ticket itself is nowhere kept, only its SHA-256. `documents`: [{"document_id", "sha256"}] as the person saw them.
CREATE TABLE signing_ticket (
    ticket_hash bytea PRIMARY KEY,
    challenge text NOT NULL,
    origin text NOT NULL,
    person_id uuid NOT NULL,
    post_id uuid NOT NULL,
    documents jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    grant_id uuid
);
CREATE INDEX signing_ticket_expiry ON signing_ticket (expires_at);

-- A grant of a ticket ends by itself and is good for one service only.
ALTER TABLE program_grant ADD COLUMN ends_at timestamptz, ADD COLUMN audience text;
