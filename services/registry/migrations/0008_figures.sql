-- What counting any past day needs beyond the histories of certificates and devices: since when an authority is
-- withdrawn and a person no longer active, and whose figures are asked for.

ALTER TABLE authority ADD COLUMN withdrawn_at timestamptz;
ALTER TABLE person ADD COLUMN inactive_since timestamptz;

-- By trigger, so that no way of changing a row forgets it. What was so before this migration counts as never different.
CREATE FUNCTION note_withdrawal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.withdrawn_at := CASE WHEN NEW.withdrawn AND NOT OLD.withdrawn THEN now()
                             WHEN NEW.withdrawn THEN OLD.withdrawn_at END;
    RETURN NEW;
END $$;
CREATE TRIGGER authority_withdrawal BEFORE UPDATE OF withdrawn ON authority
    FOR EACH ROW EXECUTE FUNCTION note_withdrawal();

CREATE FUNCTION note_leaving() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.inactive_since := CASE WHEN OLD.active AND NOT NEW.active THEN now()
                               WHEN NOT NEW.active THEN OLD.inactive_since END;
    RETURN NEW;
END $$;
CREATE TRIGGER person_leaving BEFORE UPDATE OF active ON person
    FOR EACH ROW EXECUTE FUNCTION note_leaving();

-- in_scope (0002) for patterns that are given instead of those that the transaction acts for.
CREATE FUNCTION matches_scope(identifier text, patterns text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT EXISTS (
        SELECT FROM unnest(string_to_array(patterns, ' ')) AS pattern
        WHERE pattern = '*' OR pattern = identifier
           OR (right(pattern, 2) = '.*' AND starts_with(identifier, left(pattern, -1)))
    )
$$;
