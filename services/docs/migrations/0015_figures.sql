-- Figures of each agency by day, type and measure: counted from the rows themselves, again whenever something of a day
-- changes. They are numbers only, so those who oversee several agencies may read them; no document is reached this way.

CREATE TABLE figure_day (
    agency_id uuid NOT NULL,
    day date NOT NULL,
    type_code text NOT NULL,
    measure text NOT NULL, -- services/docs/figures/domain.py
    count integer NOT NULL CHECK (count > 0),
    PRIMARY KEY (agency_id, day, type_code, measure)
);
CREATE INDEX figure_day_day ON figure_day (day);

-- Which days of which agency are to be counted again: ids and days. Only ever added to, so that no two writers wait for
-- each other; the worker takes what is there.
CREATE TABLE figure_touched (
    pos bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    agency_id uuid NOT NULL,
    day date NOT NULL
);

CREATE INDEX document_issued ON document (agency_id, issued_on) WHERE issued_on IS NOT NULL;
CREATE INDEX incoming_arrived ON incoming (agency_id, arrived_at);
CREATE INDEX paper_entry_received ON paper_entry (agency_id, received_on) WHERE received_on IS NOT NULL;

CREATE FUNCTION day_in_vietnam(moment timestamptz) RETURNS date LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (moment AT TIME ZONE 'Asia/Ho_Chi_Minh')::date;

CREATE FUNCTION touch_figures() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'document' THEN
        INSERT INTO figure_touched (agency_id, day) VALUES (NEW.agency_id, NEW.issued_on);
    ELSIF TG_TABLE_NAME = 'delivery' THEN
        INSERT INTO figure_touched (agency_id, day) VALUES (NEW.agency_id, day_in_vietnam(NEW.dispatched_at));
        IF TG_OP = 'INSERT' THEN
            INSERT INTO figure_touched (agency_id, day)
            SELECT d.agency_id, d.issued_on FROM document d WHERE d.id = NEW.document_id AND d.issued_on IS NOT NULL;
        END IF;
    ELSIF TG_TABLE_NAME = 'incoming' THEN
        INSERT INTO figure_touched (agency_id, day) VALUES (NEW.agency_id, day_in_vietnam(NEW.arrived_at));
    ELSIF TG_TABLE_NAME = 'paper_entry' THEN
        INSERT INTO figure_touched (agency_id, day) VALUES (NEW.agency_id, coalesce(NEW.received_on, NEW.signed_on));
    ELSE -- a number was voided
        INSERT INTO figure_touched (agency_id, day)
        SELECT p.agency_id, coalesce(p.received_on, p.signed_on) FROM paper_entry p WHERE p.id = NEW.subject_id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER touch_figures AFTER UPDATE OF state ON document FOR EACH ROW
    WHEN (NEW.issued_on IS NOT NULL AND NEW.state IS DISTINCT FROM OLD.state) EXECUTE FUNCTION touch_figures();
CREATE TRIGGER touch_figures AFTER INSERT OR UPDATE OF status ON delivery FOR EACH ROW EXECUTE FUNCTION touch_figures();
CREATE TRIGGER touch_figures AFTER INSERT OR UPDATE OF status, validation ON incoming FOR EACH ROW EXECUTE FUNCTION touch_figures();
CREATE TRIGGER touch_figures AFTER INSERT ON paper_entry FOR EACH ROW EXECUTE FUNCTION touch_figures();
CREATE TRIGGER touch_figures AFTER UPDATE OF void_reason ON book FOR EACH ROW EXECUTE FUNCTION touch_figures();

-- What was there before is counted once. The owner is held by the policies like everybody, but for this moment.
ALTER TABLE document NO FORCE ROW LEVEL SECURITY;
ALTER TABLE delivery NO FORCE ROW LEVEL SECURITY;
ALTER TABLE incoming NO FORCE ROW LEVEL SECURITY;
INSERT INTO figure_touched (agency_id, day)
    SELECT agency_id, issued_on FROM document WHERE issued_on IS NOT NULL
    UNION SELECT agency_id, day_in_vietnam(dispatched_at) FROM delivery
    UNION SELECT agency_id, day_in_vietnam(arrived_at) FROM incoming;
ALTER TABLE document FORCE ROW LEVEL SECURITY;
ALTER TABLE delivery FORCE ROW LEVEL SECURITY;
ALTER TABLE incoming FORCE ROW LEVEL SECURITY;

-- Whom somebody oversees, as patterns: an identifier (that agency), "H37.DN.*" (all beneath it), "*" (all).
CREATE FUNCTION oversees(identifier text) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
    RETURN EXISTS (
        SELECT FROM unnest(string_to_array(coalesce(current_setting('vanthu.oversees', true), ''), ' ')) pattern
        WHERE pattern IN ('*', identifier)
           OR (right(pattern, 2) = '.*' AND starts_with(identifier, left(pattern, -1)))
    );

ALTER TABLE figure_day ENABLE ROW LEVEL SECURITY;
ALTER TABLE figure_day FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON figure_day USING (agency_id = nullif(current_setting('vanthu.agency', true), '')::uuid);
CREATE POLICY overseer ON figure_day FOR SELECT USING (
    agency_id IN (SELECT a.agency_id FROM agency a WHERE oversees(a.identifier))
);
