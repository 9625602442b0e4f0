-- Need to know within an agency. What is restricted names its readers as keys: people, units, heads of units, and the
-- agency's own id for those who keep its registers or lead it; somebody's post gives them keys (services/docs/standing.py).
-- What arrives may all be restricted, by policy: there the readers stand on the row itself, and what is open to all costs
-- one test of a null. Elsewhere the policy looks for a restriction by its key. Neither asks anything of the index that
-- a query uses (0009 tells what happens otherwise).
ALTER TABLE incoming ADD COLUMN restricted_to uuid[];
ALTER TABLE task ADD COLUMN readers uuid[] NOT NULL DEFAULT '{}'; -- who works on it

-- What arrives at the agency is for those it is given to; without a row it is open to all.
CREATE TABLE access_policy (
    agency_id uuid PRIMARY KEY,
    need_to_know boolean NOT NULL
);

-- What was decided of one document, and what follows from it. `readers`: the keys of all that may read it.
CREATE TABLE restriction (
    subject_id uuid PRIMARY KEY,
    agency_id uuid NOT NULL,
    people jsonb NOT NULL, -- [{person_id, name}], beside those who have to do with it
    units jsonb NOT NULL, -- [{key, name}]
    keys uuid[] NOT NULL, -- of both
    readers uuid[] NOT NULL DEFAULT '{}'
);
-- Each change of access, until somebody else has confirmed it (NĐ 30 annex VI: warn of changed rights).
CREATE TABLE access_change (
    id uuid PRIMARY KEY,
    agency_id uuid NOT NULL,
    subject_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('document', 'incoming')),
    said text NOT NULL,
    actor jsonb NOT NULL,
    at timestamptz NOT NULL,
    confirmed_by text,
    confirmed_at timestamptz
);
CREATE INDEX access_change_open ON access_change (agency_id, id) WHERE confirmed_at IS NULL;
CREATE INDEX access_change_subject ON access_change (subject_id, id);

-- Without a person in the transaction the service itself acts: it relays, reads files, looks after deadlines.
CREATE FUNCTION may_know(restricted uuid[]) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT restricted IS NULL OR coalesce(current_setting('vanthu.person', true), '') = ''
        OR restricted && coalesce(nullif(current_setting('vanthu.keys', true), ''), '{}')::uuid[]
$$;

DO $$
DECLARE name text; subject text; own text := 'nullif(current_setting(''vanthu.agency'', true), '''')::uuid';
BEGIN
    FOREACH name IN ARRAY ARRAY['restriction', 'access_change', 'access_policy'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY own ON %I USING (agency_id = %s)', name, own);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['incoming', 'search_entry'] LOOP
        EXECUTE format('CREATE POLICY need_to_know ON %I AS RESTRICTIVE FOR SELECT USING'
            ' (restricted_to IS NULL OR agency_id IS DISTINCT FROM %s OR may_know(restricted_to))', name, own);
    END LOOP;
    -- What several agencies issue together is read by each as it decides itself: of others' restrictions nothing is seen.
    FOR name, subject IN VALUES ('document', 'id'), ('history', 'subject_id'), ('remark', 'subject_id'), ('opinion_request', 'subject_id'),
        ('edition', 'subject_id'), ('earlier_version', 'subject_id'), ('delivery', 'document_id'),
        ('route', 'document_id'), ('task', 'incoming_id'), ('access_change', 'subject_id') LOOP
        EXECUTE format('CREATE POLICY need_to_know ON %I AS RESTRICTIVE FOR SELECT USING (NOT EXISTS'
            ' (SELECT FROM restriction r WHERE r.subject_id = %I.%I AND NOT may_know(r.readers)))', name, name, subject);
    END LOOP;
    -- The search's own function, which no policy binds, says the same in its WHERE.
    SELECT pg_get_functiondef('find_in_agency'::regproc) INTO name;
    subject := replace(name, '(e.restricted_to IS NULL OR $2 = ANY(e.restricted_to))', 'may_know(e.restricted_to)');
    ASSERT subject <> name, 'the search asks for its readers otherwise than was thought';
    EXECUTE subject;
END $$;

-- Who has to do with a restricted document reads it: author, reviewers, signers, whoever was asked, whoever works on it.
CREATE FUNCTION know_anew(subject uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    said restriction;
    all_keys uuid[];
BEGIN
    SELECT * INTO said FROM restriction WHERE subject_id = subject;
    IF FOUND THEN
        SELECT array_agg(DISTINCT k) INTO all_keys FROM (
            SELECT said.agency_id UNION ALL SELECT unnest(said.keys)
            UNION ALL SELECT unnest(ARRAY[d.author_id, d.waits_for]) FROM document d WHERE d.id = subject
            UNION ALL SELECT (e ->> 'person_id')::uuid FROM document d,
                jsonb_array_elements(d.reviews || d.signers) e WHERE d.id = subject
            UNION ALL SELECT i.assignee_id FROM incoming i WHERE i.id = subject
            UNION ALL SELECT unnest(t.readers || t.given_by) FROM task t WHERE t.incoming_id = subject AND t.state <> 'withdrawn'
            UNION ALL SELECT p::uuid FROM opinion_request o, jsonb_array_elements(o.asked) a,
                jsonb_array_elements_text(coalesce(nullif(a -> 'person_ids', 'null'), '[]')) p WHERE o.subject_id = subject
        ) known (k) WHERE k IS NOT NULL;
        UPDATE restriction SET readers = all_keys WHERE subject_id = subject AND readers IS DISTINCT FROM all_keys;
        -- What is said of a task is said of its document.
        INSERT INTO restriction (subject_id, agency_id, people, units, keys, readers)
            SELECT t.id, t.agency_id, '[]', '[]', '{}', all_keys FROM task t WHERE t.incoming_id = subject
            ON CONFLICT (subject_id) DO UPDATE SET readers = excluded.readers;
    ELSE
        DELETE FROM restriction WHERE subject_id IN (SELECT id FROM task WHERE incoming_id = subject);
    END IF;
    UPDATE incoming SET restricted_to = all_keys WHERE id = subject AND restricted_to IS DISTINCT FROM all_keys;
    UPDATE search_entry SET restricted_to = all_keys WHERE id = subject AND restricted_to IS DISTINCT FROM all_keys
        AND agency_id = nullif(current_setting('vanthu.agency', true), '')::uuid;
END $$;

CREATE FUNCTION know_who_works() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    subject uuid := CASE TG_TABLE_NAME WHEN 'task' THEN (to_jsonb(NEW) ->> 'incoming_id')::uuid
        WHEN 'opinion_request' THEN (to_jsonb(NEW) ->> 'subject_id')::uuid ELSE (to_jsonb(NEW) ->> 'id')::uuid END;
BEGIN
    IF EXISTS (SELECT FROM restriction WHERE subject_id = subject) THEN
        PERFORM know_anew(subject);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER know_who_works AFTER INSERT OR UPDATE OF readers, state ON task FOR EACH ROW EXECUTE FUNCTION know_who_works();
CREATE TRIGGER know_who_works AFTER INSERT OR UPDATE OF asked ON opinion_request FOR EACH ROW EXECUTE FUNCTION know_who_works();
CREATE TRIGGER know_who_works AFTER UPDATE OF author_id, reviews, signers, waits_for ON document FOR EACH ROW
    WHEN ((OLD.author_id, OLD.reviews, OLD.signers, OLD.waits_for)
        IS DISTINCT FROM (NEW.author_id, NEW.reviews, NEW.signers, NEW.waits_for)) EXECUTE FUNCTION know_who_works();
CREATE TRIGGER know_who_works AFTER UPDATE OF assignee_id ON incoming FOR EACH ROW
    WHEN (NEW.restricted_to IS NOT NULL AND OLD.assignee_id IS DISTINCT FROM NEW.assignee_id) EXECUTE FUNCTION know_who_works();

-- Where the agency's policy is need to know, what arrives is restricted from the start.
CREATE FUNCTION restrict_by_policy() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM access_policy WHERE agency_id = NEW.agency_id AND need_to_know) THEN
        INSERT INTO restriction (subject_id, agency_id, people, units, keys) VALUES (NEW.id, NEW.agency_id, '[]', '[]', '{}');
        PERFORM know_anew(NEW.id);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER restrict_by_policy AFTER INSERT ON incoming FOR EACH ROW EXECUTE FUNCTION restrict_by_policy();

-- An entry that comes into the index later than the restriction, or is made again.
CREATE FUNCTION restrict_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.restricted_to := (SELECT readers FROM restriction WHERE subject_id = NEW.id AND agency_id = NEW.agency_id);
    RETURN NEW;
END $$;
CREATE TRIGGER restrict_entry BEFORE INSERT ON search_entry FOR EACH ROW EXECUTE FUNCTION restrict_entry();
