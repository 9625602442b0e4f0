-- Figures of the handling: in time or late against the deadline of the assignment slip. They change with the slip, and
-- with the date alone: the worker keeps up to which day it has looked for deadlines that passed.
CREATE TABLE figure_turn (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    day date NOT NULL
);

CREATE FUNCTION touch_figures_of_task() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO figure_touched (agency_id, day)
    SELECT i.agency_id, day_in_vietnam(i.arrived_at) FROM incoming i WHERE i.id = NEW.incoming_id;
    RETURN NULL;
END $$;
CREATE TRIGGER touch_figures AFTER INSERT ON task FOR EACH ROW
    WHEN (NEW.parent_id IS NULL AND NEW.due_on IS NOT NULL) EXECUTE FUNCTION touch_figures_of_task();
CREATE TRIGGER touch_figures_anew AFTER UPDATE OF due_on, state ON task FOR EACH ROW
    WHEN (NEW.parent_id IS NULL AND (NEW.due_on IS DISTINCT FROM OLD.due_on
        OR (NEW.state = 'withdrawn') IS DISTINCT FROM (OLD.state = 'withdrawn'))) EXECUTE FUNCTION touch_figures_of_task();

-- What was there before is counted once more, with the new measures.
ALTER TABLE incoming NO FORCE ROW LEVEL SECURITY;
INSERT INTO figure_touched (agency_id, day) SELECT DISTINCT agency_id, day_in_vietnam(arrived_at) FROM incoming;
ALTER TABLE incoming FORCE ROW LEVEL SECURITY;

-- A day that became a day off, or worked, moves what is in time around it. Deadlines further away are counted anew when
-- their documents change, or a period is recounted.
CREATE FUNCTION touch_figures_of_calendar() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    said calendar_day := CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
BEGIN
    INSERT INTO figure_touched (agency_id, day)
    SELECT a.agency_id, d::date FROM agency a, generate_series(
        (said.day - 60)::timestamp, least(said.day + 20, day_in_vietnam(now()))::timestamp, interval '1 day') d
    WHERE a.partner IS NULL AND (a.identifier = said.scope OR starts_with(a.identifier, said.scope || '.'));
    RETURN NULL;
END $$;
CREATE TRIGGER touch_figures AFTER INSERT OR UPDATE OR DELETE ON calendar_day FOR EACH ROW EXECUTE FUNCTION touch_figures_of_calendar();
