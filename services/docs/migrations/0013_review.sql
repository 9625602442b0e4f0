-- Drafts with their versions, workflows as data, the route of a document through review, its discussion, and the calendar.

-- Where in an agency somebody works, and who is away: stated by registry. Units are filled when a person is stated again.
ALTER TABLE post ADD COLUMN unit text, ADD COLUMN unit_id uuid;
CREATE TABLE absence (
    absence_id uuid PRIMARY KEY,
    person_id uuid NOT NULL,
    valid_from date NOT NULL,
    valid_until date NOT NULL
);
CREATE INDEX absence_person ON absence (person_id, valid_until);
CREATE INDEX authority_delegated ON authority (delegated_from) WHERE delegated_from IS NOT NULL;

-- A workflow of an agency; a change is a new version, so a document keeps the one it began with.
CREATE TABLE workflow (
    agency_id uuid NOT NULL,
    code text NOT NULL,
    version integer NOT NULL CHECK (version > 0),
    body jsonb NOT NULL,
    retired boolean NOT NULL,
    actor jsonb NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (agency_id, code, version)
);

-- Where a document is on its way through review. `next_look` is when the worker must look at it again.
CREATE TABLE route (
    document_id uuid PRIMARY KEY REFERENCES document,
    agency_id uuid NOT NULL,
    body jsonb NOT NULL,
    next_look timestamptz,
    version integer NOT NULL DEFAULT 0
);
CREATE INDEX route_next ON route (agency_id, next_look) WHERE next_look IS NOT NULL;

-- A draft; submitted, it becomes the document of the same id. `fields` is its form as last saved.
CREATE TABLE draft (
    id uuid PRIMARY KEY,
    agency_id uuid NOT NULL,
    author_id uuid NOT NULL,
    author_name text NOT NULL,
    editors jsonb NOT NULL, -- who beside the author may edit: [{person_id, name}]
    fields jsonb NOT NULL,
    state text NOT NULL CHECK (state IN ('draft', 'submitted', 'dropped')),
    version integer NOT NULL,
    made_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL
);
CREATE INDEX draft_list ON draft (agency_id, id DESC) WHERE state = 'draft';

-- Every version of every draft and of every round of a document: never changed, never removed (NĐ 30 annex VI).
CREATE TABLE edition (
    subject_id uuid NOT NULL, -- a draft's or document's id
    agency_id uuid NOT NULL,
    number integer NOT NULL CHECK (number > 0),
    act text NOT NULL,
    actor jsonb NOT NULL,
    at timestamptz NOT NULL,
    fields jsonb NOT NULL,
    parts jsonb NOT NULL, -- the files of then: [{kind, filename, content}]
    PRIMARY KEY (subject_id, number)
);

-- What somebody is typing and has not saved: survives a lost session, replaced with each keystroke's rest.
CREATE TABLE typed (
    draft_id uuid NOT NULL REFERENCES draft,
    agency_id uuid NOT NULL,
    person_id uuid NOT NULL,
    base integer NOT NULL, -- the draft's version on which it was typed
    fields jsonb NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (draft_id, person_id)
);

-- The discussion lives on the document. A remark is never changed; a wrong one is answered.
CREATE TABLE remark (
    id uuid PRIMARY KEY,
    agency_id uuid NOT NULL,
    subject_id uuid NOT NULL,
    answers uuid REFERENCES remark,
    actor jsonb NOT NULL,
    at timestamptz NOT NULL,
    text text NOT NULL,
    anchor jsonb, -- {part, page, quote}
    mentions jsonb NOT NULL -- [{person_id, name}]
);
CREATE INDEX remark_subject ON remark (subject_id, id);

CREATE TABLE opinion_request (
    id uuid PRIMARY KEY,
    agency_id uuid NOT NULL,
    subject_id uuid NOT NULL,
    actor jsonb NOT NULL,
    at timestamptz NOT NULL,
    question text NOT NULL,
    due_at timestamptz,
    asked jsonb NOT NULL, -- [{who, person_ids, label}]
    reminded integer NOT NULL DEFAULT 0,
    closed_at timestamptz,
    next_look timestamptz
);
CREATE INDEX opinion_request_subject ON opinion_request (subject_id, id);
CREATE INDEX opinion_request_next ON opinion_request (agency_id, next_look) WHERE next_look IS NOT NULL;

CREATE TABLE opinion (
    request_id uuid NOT NULL REFERENCES opinion_request,
    agency_id uuid NOT NULL,
    seat integer NOT NULL,
    person_id uuid NOT NULL,
    actor jsonb NOT NULL,
    at timestamptz NOT NULL,
    verdict text NOT NULL CHECK (verdict IN ('agreed', 'remarks', 'disagreed')),
    text text NOT NULL,
    PRIMARY KEY (request_id, seat, person_id)
);

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['workflow', 'route', 'draft', 'edition', 'typed', 'remark', 'opinion_request', 'opinion'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY own ON %I USING'
            ' (agency_id = nullif(current_setting(''vanthu.agency'', true), '''')::uuid)', name);
    END LOOP;
END $$;

CREATE FUNCTION keep_what_was_said() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'versions, remarks and opinions are kept as they were made';
END $$;
CREATE TRIGGER keep_editions BEFORE UPDATE OR DELETE ON edition FOR EACH ROW EXECUTE FUNCTION keep_what_was_said();
CREATE TRIGGER keep_remarks BEFORE UPDATE OR DELETE ON remark FOR EACH ROW EXECUTE FUNCTION keep_what_was_said();
CREATE TRIGGER keep_opinions BEFORE UPDATE OR DELETE ON opinion FOR EACH ROW EXECUTE FUNCTION keep_what_was_said();
CREATE TRIGGER keep_workflows BEFORE UPDATE OR DELETE ON workflow FOR EACH ROW EXECUTE FUNCTION keep_what_was_said();

-- Days off and working days that count before the calendar library. `scope`: the first group of agencies' identifiers
-- (a province, such as H37), or one agency's identifier.
CREATE TABLE calendar_day (
    scope text NOT NULL,
    day date NOT NULL,
    kind text NOT NULL CHECK (kind IN ('off', 'work')),
    name text NOT NULL,
    actor jsonb NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (scope, day)
);
