-- What was erased by whose decision: orders of docs, and what came of them. The bytes go, this stays and is never changed.
CREATE TABLE erasure (
    workfile_id uuid NOT NULL,
    document_id uuid NOT NULL,
    agency_id uuid NOT NULL, -- whose work file it was
    decision text NOT NULL,
    decided_on date NOT NULL,
    decided_by jsonb NOT NULL, -- Actor
    whole boolean NOT NULL,
    content jsonb NOT NULL, -- named by the order
    kept jsonb NOT NULL, -- SHA-256 of what docs still needs, by the order
    ordered_at timestamptz NOT NULL,
    erased_at timestamptz,
    erased jsonb, -- SHA-256
    left_over jsonb, -- SHA-256 of what something else still needed
    PRIMARY KEY (workfile_id, document_id)
);
CREATE INDEX erasure_document ON erasure (document_id) WHERE whole;

CREATE FUNCTION keep_the_erasure() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.erased_at IS NULL AND (OLD.workfile_id, OLD.document_id, OLD.agency_id, OLD.decision,
        OLD.decided_on, OLD.decided_by, OLD.whole, OLD.content, OLD.kept, OLD.ordered_at) = (NEW.workfile_id,
        NEW.document_id, NEW.agency_id, NEW.decision, NEW.decided_on, NEW.decided_by, NEW.whole, NEW.content, NEW.kept,
        NEW.ordered_at) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the record of what was erased is never changed';
END $$;
CREATE TRIGGER keep_the_erasure BEFORE UPDATE OR DELETE ON erasure FOR EACH ROW EXECUTE FUNCTION keep_the_erasure();

ALTER TABLE erasure ENABLE ROW LEVEL SECURITY;
ALTER TABLE erasure FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON erasure USING (agency_id = nullif(current_setting('vanthu.agency', true), '')::uuid);
