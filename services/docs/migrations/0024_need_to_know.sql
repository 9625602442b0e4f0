-- Need to know, everywhere: whatever hangs on a restricted document is for its readers alone, the ledger's entries about
-- it, what was brought in for it, books and packages made for somebody who may read it included.

-- What is there already is read as it stands, whichever agency's it is.
DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['restriction', 'delivery', 'incoming', 'edition', 'intake_item', 'history', 'work_file_member',
        'book_print'] LOOP
        EXECUTE format('ALTER TABLE %I NO FORCE ROW LEVEL SECURITY', name);
    END LOOP;
END $$;

-- A restricted document under its other names: its deliveries, and the delivery and the sender's id of what arrived.
-- Under its own name the row says since when who reads it is as it is: what was printed before may say more.
CREATE TABLE restriction_alias (
    agency_id uuid NOT NULL,
    alias_id uuid NOT NULL,
    subject_id uuid NOT NULL,
    since timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (agency_id, alias_id, subject_id)
);
CREATE INDEX restriction_alias_subject ON restriction_alias (subject_id);

CREATE FUNCTION name_the_restricted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO restriction_alias (agency_id, alias_id, subject_id)
        SELECT NEW.agency_id, known.id, NEW.subject_id FROM (
            SELECT NEW.subject_id UNION SELECT d.id FROM delivery d WHERE d.document_id = NEW.subject_id AND d.agency_id = NEW.agency_id
            UNION SELECT unnest(ARRAY[i.delivery_id, i.document_id]) FROM incoming i WHERE i.id = NEW.subject_id
        ) known (id)
        ON CONFLICT (agency_id, alias_id, subject_id) DO UPDATE SET since = excluded.since;
    RETURN NULL;
END $$;
CREATE TRIGGER name_the_restricted AFTER INSERT OR UPDATE OF readers ON restriction FOR EACH ROW EXECUTE FUNCTION name_the_restricted();

CREATE FUNCTION name_the_delivery() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM restriction WHERE subject_id = NEW.document_id AND agency_id = NEW.agency_id) THEN
        INSERT INTO restriction_alias (agency_id, alias_id, subject_id) VALUES (NEW.agency_id, NEW.id, NEW.document_id)
            ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER name_the_delivery AFTER INSERT ON delivery FOR EACH ROW EXECUTE FUNCTION name_the_delivery();

INSERT INTO restriction_alias (agency_id, alias_id, subject_id)
    SELECT r.agency_id, known.id, r.subject_id FROM restriction r CROSS JOIN LATERAL (
        SELECT r.subject_id UNION SELECT d.id FROM delivery d WHERE d.document_id = r.subject_id AND d.agency_id = r.agency_id
        UNION SELECT unnest(ARRAY[i.delivery_id, i.document_id]) FROM incoming i WHERE i.id = r.subject_id
    ) known (id);

-- What somebody does at a post, as registry says it; none: their title tells (standing.py).
ALTER TABLE post ADD COLUMN function text;

-- Which agencies have a seal: whoever has none gives no receipts. A copy, as `certificate` of people's.
CREATE TABLE seal_certificate (
    certificate_id uuid PRIMARY KEY,
    agency_id uuid NOT NULL,
    not_before timestamptz NOT NULL,
    not_after timestamptz NOT NULL,
    status text NOT NULL
);
CREATE INDEX seal_certificate_agency ON seal_certificate (agency_id);

-- A file, and what came in as that file, is that of the documents that it became part of.
CREATE TABLE file_use (
    file_id uuid NOT NULL,
    agency_id uuid NOT NULL,
    subject_id uuid NOT NULL, -- of a draft, document or arrival
    PRIMARY KEY (file_id, subject_id)
);
CREATE INDEX intake_item_file ON intake_item (file_id) WHERE file_id IS NOT NULL;
CREATE FUNCTION name_what_it_became() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'edition' THEN
        INSERT INTO file_use (file_id, agency_id, subject_id) SELECT (p ->> 'file_id')::uuid, NEW.agency_id, NEW.subject_id
            FROM jsonb_array_elements(to_jsonb(NEW) -> 'fields' -> 'parts') p ON CONFLICT DO NOTHING;
    ELSE
        INSERT INTO file_use (file_id, agency_id, subject_id) SELECT i.file_id, i.agency_id, i.used_for FROM intake_item i
            WHERE i.id = NEW.id AND i.file_id IS NOT NULL AND i.used_for IS NOT NULL ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER name_what_it_became AFTER INSERT ON edition FOR EACH ROW EXECUTE FUNCTION name_what_it_became();
CREATE TRIGGER name_what_it_became AFTER UPDATE OF used_for ON intake_item FOR EACH ROW EXECUTE FUNCTION name_what_it_became();
INSERT INTO file_use (file_id, agency_id, subject_id)
    SELECT DISTINCT (p ->> 'file_id')::uuid, e.agency_id, e.subject_id FROM edition e, jsonb_array_elements(e.fields -> 'parts') p
    UNION SELECT file_id, agency_id, used_for FROM intake_item WHERE file_id IS NOT NULL AND used_for IS NOT NULL;

-- Of which document a line in another thing's history speaks: a work file's says what was put into it.
ALTER TABLE history ADD COLUMN about uuid;
UPDATE history h SET about = m.subject_id FROM work_file_member m
    WHERE h.subject_id = m.file_id AND h.at = m.filed_at AND h.act = 'workfile_filed';

-- A book holds what its orderer may read: it is theirs, and of those who see all of the agency's.
ALTER TABLE book_print ADD COLUMN readers uuid[], ADD COLUMN keys uuid[] NOT NULL DEFAULT '{}';
UPDATE book_print SET readers = array_remove(ARRAY[agency_id, (ordered_by ->> 'person_id')::uuid], NULL);

-- Whether somebody may read all that these ids name; without a person the service itself acts.
CREATE FUNCTION may_know_of(named uuid[]) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce(current_setting('vanthu.person', true), '') = '' OR NOT EXISTS (
        SELECT FROM restriction r WHERE NOT may_know(r.readers) AND (r.subject_id = ANY(named)
            OR r.subject_id IN (SELECT a.subject_id FROM restriction_alias a WHERE a.alias_id = ANY(named))))
$$;

DO $$
DECLARE name text; subject text; own text := 'nullif(current_setting(''vanthu.agency'', true), '''')::uuid';
BEGIN
    FOREACH name IN ARRAY ARRAY['restriction', 'delivery', 'incoming', 'edition', 'intake_item', 'history', 'work_file_member',
        'book_print'] LOOP
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['restriction_alias', 'file_use'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY own ON %I USING (agency_id = %s)', name, own);
    END LOOP;
    FOR name, subject IN VALUES ('draft', 'id'), ('typed', 'draft_id'), ('dispatch', 'document_id'), ('recall', 'document_id'),
        ('document_relation', 'document_id'), ('incoming_relation', 'incoming_id'), ('content_destroyed', 'subject_id') LOOP
        EXECUTE format('CREATE POLICY need_to_know ON %I AS RESTRICTIVE FOR SELECT USING (NOT EXISTS'
            ' (SELECT FROM restriction r WHERE r.subject_id = %I.%I AND NOT may_know(r.readers)))', name, name, subject);
    END LOOP;
    CREATE POLICY need_to_know_about ON history AS RESTRICTIVE FOR SELECT USING (
        coalesce(current_setting('vanthu.person', true), '') = '' OR NOT EXISTS (SELECT FROM restriction_alias a JOIN restriction r ON r.subject_id = a.subject_id
            WHERE a.alias_id IN (history.subject_id, history.about) AND NOT may_know(r.readers)));
    CREATE POLICY need_to_know ON opinion AS RESTRICTIVE FOR SELECT USING (EXISTS
        (SELECT FROM opinion_request q WHERE q.id = request_id));
    CREATE POLICY need_to_know ON receipt AS RESTRICTIVE FOR SELECT USING (may_know_of(ARRAY[delivery_id]));
    CREATE POLICY need_to_know ON file AS RESTRICTIVE FOR SELECT USING (may_know_of(
        ARRAY(SELECT u.subject_id FROM file_use u WHERE u.file_id = file.id)));
    CREATE POLICY need_to_know ON intake_item AS RESTRICTIVE FOR SELECT USING (may_know_of(
        ARRAY(SELECT u.subject_id FROM file_use u WHERE u.file_id = intake_item.file_id) || used_for));
    CREATE POLICY need_to_know ON intake_step AS RESTRICTIVE FOR SELECT USING (EXISTS
        (SELECT FROM intake_item i WHERE i.id = item_id));
    CREATE POLICY need_to_know ON ledger_entry AS RESTRICTIVE FOR SELECT USING
        (current_setting('vanthu.ledger', true) = 'whole' OR may_know_of(subjects));
    CREATE POLICY need_to_know ON book_print AS RESTRICTIVE FOR SELECT USING (may_know(readers));
END $$;

-- What an entry tells of, in a word that can be asked for: an act's name, or the event's. Beside the leaf, not of it.
ALTER TABLE ledger_entry ADD COLUMN kind text, NO FORCE ROW LEVEL SECURITY, DISABLE TRIGGER keep_the_ledger;
UPDATE ledger_entry SET kind = CASE WHEN type LIKE '%.act.recorded.v%' THEN convert_from(event, 'UTF8')::jsonb #>> '{data,act}'
    ELSE regexp_replace(type, '^vn\.vanthu\.|\.v[0-9]+$', '', 'g') END;
ALTER TABLE ledger_entry FORCE ROW LEVEL SECURITY, ENABLE TRIGGER keep_the_ledger;
CREATE INDEX ledger_entry_kind ON ledger_entry (agency_id, kind, pos);
