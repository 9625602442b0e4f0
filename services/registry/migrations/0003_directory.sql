-- Agencies through time, their units, what became of them, and imports from spreadsheets.

-- What an agency was called, its identifiers and its parents before: [{what, value, valid_from, valid_until, decision}].
-- It belongs to the agency's row, like the posts to a person: whoever changes it holds the row.
ALTER TABLE agency
    ADD COLUMN past jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN predecessor_ids uuid[] NOT NULL DEFAULT '{}',
    ADD COLUMN successor_ids uuid[] NOT NULL DEFAULT '{}';

-- Every identifier that an agency has or ever had, old and new: found by any of them, and never given to another.
CREATE TABLE identifier_held (
    identifier text PRIMARY KEY,
    agency_id uuid NOT NULL REFERENCES agency
);
CREATE INDEX identifier_held_agency ON identifier_held (agency_id);
INSERT INTO identifier_held (identifier, agency_id)
SELECT identifier, id FROM agency UNION SELECT old_identifier, id FROM agency WHERE old_identifier IS NOT NULL;

CREATE TABLE unit (
    id uuid PRIMARY KEY,
    agency_id uuid NOT NULL REFERENCES agency,
    code text NOT NULL,
    name text NOT NULL,
    folded text NOT NULL,
    parent_id uuid REFERENCES unit,
    valid_from date NOT NULL,
    valid_until date CHECK (valid_until >= valid_from),
    version integer NOT NULL,
    CONSTRAINT unit_code UNIQUE (agency_id, code)
);
-- Seen by whoever oversees the agency, and by those who act for it (vanthu.agency); changed by the former.
ALTER TABLE unit ENABLE ROW LEVEL SECURITY;
ALTER TABLE unit FORCE ROW LEVEL SECURITY;
CREATE POLICY unit_read ON unit FOR SELECT
    USING (oversees(agency_id) OR agency_id::text = current_setting('vanthu.agency', true));
CREATE POLICY unit_write ON unit USING (oversees(agency_id)) WITH CHECK (oversees(agency_id));

ALTER TABLE post ADD COLUMN unit_id uuid REFERENCES unit;
CREATE INDEX post_unit ON post (unit_id) WHERE unit_id IS NOT NULL;

-- A merger, split or dissolution. Predecessors end the day before; their people move by a further act.
CREATE TABLE succession (
    id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('merger', 'split', 'dissolution')),
    day date NOT NULL,
    decision text NOT NULL,
    predecessor_ids uuid[] NOT NULL,
    successor_ids uuid[] NOT NULL
);
CREATE INDEX succession_predecessors ON succession USING gin (predecessor_ids);
CREATE INDEX succession_successors ON succession USING gin (successor_ids);
ALTER TABLE succession ENABLE ROW LEVEL SECURITY;
ALTER TABLE succession FORCE ROW LEVEL SECURITY;
CREATE POLICY succession_scope ON succession
    USING (EXISTS (SELECT FROM unnest(predecessor_ids || successor_ids) AS part (id) WHERE oversees(part.id)));

-- A file as it was previewed. `content` is what its cells said (zlib over JSON), kept until it is committed;
-- `plan` the SHA-256 of what committing it would do, so that nothing else is ever done.
CREATE TABLE directory_import (
    id uuid PRIMARY KEY,
    managed_by uuid NOT NULL REFERENCES agency,
    filename text NOT NULL,
    sha256 text NOT NULL,
    previewed_by text NOT NULL,
    previewed_at timestamptz NOT NULL,
    committed_by text,
    committed_at timestamptz CHECK ((committed_at IS NULL) = (committed_by IS NULL)),
    counts jsonb NOT NULL,
    error_count integer NOT NULL,
    plan text NOT NULL,
    content bytea
);
CREATE TABLE directory_import_row (
    import_id uuid NOT NULL REFERENCES directory_import ON DELETE CASCADE,
    position integer NOT NULL,
    sheet text NOT NULL,
    row integer NOT NULL,
    name text NOT NULL,
    state text NOT NULL CHECK (state IN ('new', 'changed')),
    fields jsonb NOT NULL,
    PRIMARY KEY (import_id, position)
);
CREATE TABLE directory_import_error (
    import_id uuid NOT NULL REFERENCES directory_import ON DELETE CASCADE,
    position integer NOT NULL,
    sheet text NOT NULL,
    row integer NOT NULL,
    column_name text,
    code text NOT NULL,
    vi text NOT NULL,
    en text NOT NULL,
    PRIMARY KEY (import_id, position)
);
ALTER TABLE directory_import ENABLE ROW LEVEL SECURITY;
ALTER TABLE directory_import FORCE ROW LEVEL SECURITY;
CREATE POLICY directory_import_scope ON directory_import USING (oversees(managed_by)) WITH CHECK (oversees(managed_by));
ALTER TABLE directory_import_row ENABLE ROW LEVEL SECURITY;
ALTER TABLE directory_import_row FORCE ROW LEVEL SECURITY;
CREATE POLICY directory_import_row_scope ON directory_import_row
    USING (EXISTS (SELECT FROM directory_import i WHERE i.id = import_id));
ALTER TABLE directory_import_error ENABLE ROW LEVEL SECURITY;
ALTER TABLE directory_import_error FORCE ROW LEVEL SECURITY;
CREATE POLICY directory_import_error_scope ON directory_import_error
    USING (EXISTS (SELECT FROM directory_import i WHERE i.id = import_id));
