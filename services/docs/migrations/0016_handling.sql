-- The handling of what arrived: the assignment slip (NĐ 30 annex IV.VII) is the tree of tasks of a document.
CREATE TABLE task (
    id uuid PRIMARY KEY,
    agency_id uuid NOT NULL,
    incoming_id uuid NOT NULL REFERENCES incoming,
    parent_id uuid REFERENCES task,
    part text NOT NULL CHECK (part IN ('lead', 'joint', 'handler')),
    person_id uuid, -- none: the unit's, until its head gives it to somebody
    name text NOT NULL, -- of the person or the unit
    unit text,
    unit_id uuid,
    unit_key text, -- the unit's id, else its name without marks
    instruction text NOT NULL,
    due_on date, -- a working day, until the office closes
    giver jsonb NOT NULL,
    given_by uuid NOT NULL,
    given_at timestamptz NOT NULL,
    state text NOT NULL CHECK (state IN ('open', 'started', 'proposed', 'returned', 'done', 'withdrawn')),
    reason text,
    percent smallint NOT NULL DEFAULT 0 CHECK (percent BETWEEN 0 AND 100),
    proposal text,
    proposed_at timestamptz,
    ended_at timestamptz,
    extension jsonb, -- what is asked: {until, reason, by, at}
    told text, -- of its deadline: due_soon, overdue
    next_look timestamptz, -- when the worker must look at it again
    version integer NOT NULL DEFAULT 0,
    CHECK (person_id IS NOT NULL OR unit_key IS NOT NULL),
    CHECK ((state IN ('done', 'withdrawn')) = (ended_at IS NOT NULL))
);
CREATE INDEX task_incoming ON task (incoming_id, id);
CREATE UNIQUE INDEX task_lead ON task (incoming_id) WHERE part = 'lead' AND ended_at IS NULL;
CREATE INDEX task_person ON task (agency_id, person_id, due_on) WHERE ended_at IS NULL;
CREATE INDEX task_unit ON task (agency_id, unit_key, due_on) WHERE ended_at IS NULL;
CREATE INDEX task_given ON task (agency_id, given_by, due_on) WHERE ended_at IS NULL;
CREATE INDEX task_due ON task (agency_id, due_on, id) WHERE ended_at IS NULL;
CREATE INDEX task_next ON task (agency_id, next_look) WHERE next_look IS NOT NULL;

ALTER TABLE task ENABLE ROW LEVEL SECURITY;
ALTER TABLE task FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON task USING (agency_id = nullif(current_setting('vanthu.agency', true), '')::uuid);
