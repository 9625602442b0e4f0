-- A notice whose work is done is open no more. Which people have open notices about a piece of work stands beside the
-- inboxes, as ids only: the fact that ends the work names nobody, and an inbox shows itself to its owner alone.
ALTER TABLE notice ADD COLUMN done_at timestamptz, ADD COLUMN done_by text;
DROP INDEX notice_unread;
CREATE INDEX notice_open ON notice (person_id, number) WHERE read_at IS NULL AND done_at IS NULL;

CREATE TABLE open_work (
    subject uuid NOT NULL,
    kind text NOT NULL,
    person_id uuid NOT NULL,
    notice_id uuid PRIMARY KEY
);
CREATE INDEX open_work_subject ON open_work (subject, kind);

-- When a piece of work was last ended; without a person for everybody. Topics have no order between them: what asked
-- for the work may come after what ended it. Kept for a month.
CREATE TABLE ended_work (
    subject uuid NOT NULL,
    kind text NOT NULL,
    person_id uuid,
    by_name text,
    at timestamptz NOT NULL,
    UNIQUE NULLS NOT DISTINCT (subject, kind, person_id)
);
CREATE INDEX ended_work_at ON ended_work (at);
CREATE INDEX held_at ON held (held_at);
