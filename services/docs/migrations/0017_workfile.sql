-- The file list of an agency and year, work files with what stands in them, the archive, disposal, export packages.

CREATE TABLE file_list (
    agency_id uuid NOT NULL,
    year integer NOT NULL CHECK (year BETWEEN 2000 AND 2999),
    drafted_by jsonb NOT NULL, -- Actor
    approved_by jsonb, -- Actor
    approved_at timestamptz,
    basis text, -- the decision that approves it
    version integer NOT NULL DEFAULT 0,
    PRIMARY KEY (agency_id, year)
);

-- A line of the list; "01.TCCB". Lines of an approved list are never removed: they end.
CREATE TABLE file_list_entry (
    id uuid PRIMARY KEY,
    agency_id uuid NOT NULL,
    year integer NOT NULL,
    code text NOT NULL,
    heading text NOT NULL,
    title text NOT NULL,
    years integer CHECK (years BETWEEN 2 AND 70), -- none: permanent
    basis text NOT NULL,
    person text NOT NULL,
    note text NOT NULL DEFAULT '',
    ended boolean NOT NULL DEFAULT false,
    UNIQUE (agency_id, year, code),
    FOREIGN KEY (agency_id, year) REFERENCES file_list
);

-- A work file. `body` is workfile/domain.py's whole state; what is searched or must be unique stands beside it.
CREATE TABLE work_file (
    id uuid PRIMARY KEY,
    agency_id uuid NOT NULL,
    entry_id uuid REFERENCES file_list_entry,
    code text NOT NULL,
    title text NOT NULL,
    year integer NOT NULL,
    state text NOT NULL CHECK (state IN ('open', 'closed', 'submitted', 'archived', 'disposed')),
    keeper_id uuid NOT NULL,
    archive_due date,
    warned boolean NOT NULL DEFAULT false,
    frozen boolean NOT NULL DEFAULT false,
    body jsonb NOT NULL,
    version integer NOT NULL DEFAULT 0
);
CREATE INDEX work_file_list ON work_file (agency_id, id DESC);
CREATE INDEX work_file_due ON work_file (agency_id, archive_due) WHERE state = 'closed';

-- What stands in a file: a reference, no bytes. One document may stand in several files.
CREATE TABLE work_file_member (
    file_id uuid NOT NULL REFERENCES work_file,
    agency_id uuid NOT NULL,
    ordinal integer NOT NULL CHECK (ordinal > 0),
    kind text NOT NULL CHECK (kind IN ('document', 'incoming', 'draft')),
    subject_id uuid NOT NULL,
    filed_by jsonb NOT NULL, -- Actor
    filed_at timestamptz NOT NULL,
    note text NOT NULL DEFAULT '',
    PRIMARY KEY (file_id, subject_id),
    UNIQUE (file_id, ordinal) DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX work_file_member_subject ON work_file_member (agency_id, subject_id);

-- What was destroyed by which disposal: names and digests stay. Never changed.
CREATE TABLE content_destroyed (
    agency_id uuid NOT NULL,
    subject_id uuid NOT NULL,
    file_id uuid NOT NULL REFERENCES work_file,
    at timestamptz NOT NULL,
    decision text NOT NULL,
    parts jsonb NOT NULL, -- [{filename, content}]
    PRIMARY KEY (agency_id, subject_id)
);

CREATE TABLE work_file_export (
    id uuid PRIMARY KEY,
    agency_id uuid NOT NULL,
    file_id uuid NOT NULL REFERENCES work_file,
    ordered_by jsonb NOT NULL, -- Actor
    ordered_at timestamptz NOT NULL,
    state text NOT NULL CHECK (state IN ('waiting', 'done', 'failed')),
    content jsonb, -- BlobRef
    entries integer,
    reason jsonb -- why it failed: code, vi, en
);
CREATE INDEX work_file_export_file ON work_file_export (file_id, id DESC);

CREATE FUNCTION keep_the_disposal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the record of what was destroyed is never changed';
END $$;
CREATE TRIGGER keep_the_disposal BEFORE UPDATE OR DELETE ON content_destroyed FOR EACH ROW EXECUTE FUNCTION keep_the_disposal();

CREATE FUNCTION keep_the_file() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN RAISE EXCEPTION 'a work file is never removed'; END IF;
    IF OLD.state = 'disposed' OR OLD.frozen AND NEW.state = 'disposed' THEN
        RAISE EXCEPTION 'a disposed file is never changed, a frozen one never disposed of';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep_the_file BEFORE UPDATE OR DELETE ON work_file FOR EACH ROW EXECUTE FUNCTION keep_the_file();

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['file_list', 'file_list_entry', 'work_file', 'work_file_member', 'content_destroyed',
        'work_file_export'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY own ON %I USING'
            ' (agency_id = nullif(current_setting(''vanthu.agency'', true), '''')::uuid)', name);
    END LOOP;
END $$;
