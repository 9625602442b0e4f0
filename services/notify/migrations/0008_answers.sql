-- Mails that answer those who sent documents by mail: one for each fact, and never too many to one address.
CREATE TABLE answer (
    mail_id uuid PRIMARY KEY,
    address text NOT NULL,
    name text NOT NULL,
    agency_name text,
    subject text NOT NULL,
    in_reply_to text NOT NULL,
    refs text NOT NULL,
    lines jsonb NOT NULL,
    outcome text NOT NULL,
    stated_at timestamptz NOT NULL,
    taken_at timestamptz NOT NULL DEFAULT now(),
    state text NOT NULL CHECK (state IN ('due', 'sent', 'failed', 'too_many', 'too_old')),
    attempts integer NOT NULL DEFAULT 0,
    ended_at timestamptz,
    detail text
);
CREATE INDEX answer_to ON answer (lower(address), taken_at) WHERE state IN ('due', 'sent');
