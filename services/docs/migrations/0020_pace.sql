-- A million documents: what is read grows with what is shown, not with what is kept.

-- How many numbers of a register are void, without reading the register.
CREATE INDEX book_void ON book (agency_id, register_code, year, number) WHERE void_reason IS NOT NULL;

-- The text of files lay between the rows, so that each thing found cost a page of its own. From 1,200 bytes on it is kept
-- beside them; rows of before move when they are written again, or all at once by VACUUM FULL.
DO $$
BEGIN
    FOR n IN 0..31 LOOP
        EXECUTE format('ALTER TABLE search_entry_%s SET (toast_tuple_target = 1200)', n);
    END LOOP;
END $$;

-- As 0010 and 0018 have it, in three steps: what is met, in the order asked for and no more of it than orders it; of that
-- the newest hundred ranked, since a rank reads all words of a text; and the rest of a row for what is shown only.
-- `reader` is not looked at any more: who reads is in the transaction (may_know).
CREATE OR REPLACE FUNCTION find_in_agency(
    reader uuid, asked text, fields text, wanted jsonb, ordered text, skip integer, most integer, cap integer
) RETURNS TABLE (
    id uuid, kind text, type_code text, type_name text, number_symbol text, abstract text, party text, issuer text,
    signer text, author text, handler text, state text, urgency smallint, day date, issued_on date, arrived_on date,
    register_code text, arrival_number integer, text_state text, score real, total bigint
)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    own uuid := nullif(current_setting('vanthu.agency', true), '')::uuid;
    ranked boolean := ordered = 'relevance' AND asked IS NOT NULL;
    by_order text := CASE ordered
        WHEN 'oldest' THEN 'e.day, e.id'
        WHEN 'number' THEN 'e.issued_on DESC NULLS LAST, e.number DESC NULLS LAST, e.id DESC'
        WHEN 'abstract' THEN 'e.abstract_order, e.day DESC, e.id DESC'
        WHEN 'party' THEN 'e.party_order, e.day DESC, e.id DESC'
        WHEN 'signer' THEN 'e.signer_order, e.day DESC, e.id DESC'
        ELSE 'e.day DESC, e.id DESC' END;
BEGIN
    IF own IS NULL THEN RETURN; END IF; -- nobody acts for an agency: nothing is seen
    RETURN QUERY EXECUTE
        'WITH met AS MATERIALIZED ('
        '  SELECT e.id, row_number() OVER (ORDER BY ' || by_order || ') AS place' || CASE WHEN ranked THEN ', e.words' ELSE '' END ||
        '  FROM search_entry e WHERE e.agency_id = $1 AND may_know(e.restricted_to)'
        || CASE WHEN asked IS NULL THEN '' ELSE ' AND e.words @@ $2::tsquery' END
        || CASE WHEN fields IS NULL THEN '' ELSE ' AND e.words @@ $3::tsquery' END
        || CASE WHEN wanted ? 'kind' THEN ' AND e.kind IN (SELECT jsonb_array_elements_text($4->''kind''))' ELSE '' END
        || CASE WHEN wanted ? 'type' THEN ' AND e.type_code IN (SELECT jsonb_array_elements_text($4->''type''))' ELSE '' END
        || CASE WHEN wanted ? 'state' THEN ' AND e.state IN (SELECT jsonb_array_elements_text($4->''state''))' ELSE '' END
        || CASE WHEN wanted ? 'register'
           THEN ' AND e.register_code IN (SELECT jsonb_array_elements_text($4->''register''))' ELSE '' END
        || CASE WHEN wanted ? 'urgency'
           THEN ' AND e.urgency IN (SELECT jsonb_array_elements_text($4->''urgency'')::smallint)' ELSE '' END
        || CASE WHEN wanted ? 'number' THEN ' AND e.number = ($4->>''number'')::integer' ELSE '' END
        || CASE WHEN wanted ? 'arrival_number' THEN ' AND e.arrival_number = ($4->>''arrival_number'')::integer' ELSE '' END
        || CASE WHEN wanted ? 'since' THEN ' AND e.day >= ($4->>''since'')::date' ELSE '' END
        || CASE WHEN wanted ? 'until' THEN ' AND e.day <= ($4->>''until'')::date' ELSE '' END
        || CASE WHEN wanted ? 'issued_since' THEN ' AND e.issued_on >= ($4->>''issued_since'')::date' ELSE '' END
        || CASE WHEN wanted ? 'issued_until' THEN ' AND e.issued_on <= ($4->>''issued_until'')::date' ELSE '' END
        || CASE WHEN wanted ? 'arrived_since' THEN ' AND e.arrived_on >= ($4->>''arrived_since'')::date' ELSE '' END
        || CASE WHEN wanted ? 'arrived_until' THEN ' AND e.arrived_on <= ($4->>''arrived_until'')::date' ELSE '' END ||
        '  ORDER BY ' || by_order || ' LIMIT $5),'
        ' page AS (SELECT m.id, m.place, '
        || CASE WHEN ranked THEN
           'CASE WHEN m.place <= 100 THEN ts_rank_cd(''{0.05, 0.2, 0.6, 1.0}'', m.words, $2::tsquery, 4) ELSE 0 END::real' ELSE '0::real' END ||
        '  AS score FROM met m ORDER BY score DESC, m.place OFFSET $6 LIMIT $7)'
        ' SELECT e.id, e.kind, e.type_code, e.type_name, e.number_symbol, e.abstract, e.party, e.issuer, e.signer, e.author,'
        ' e.handler, e.state, e.urgency, e.day, e.issued_on, e.arrived_on, e.register_code, e.arrival_number, e.text_state,'
        ' p.score, (SELECT count(*) FROM met) AS total'
        ' FROM page p JOIN search_entry e ON e.agency_id = $1 AND e.id = p.id ORDER BY p.score DESC, p.place'
    USING own, asked, fields, wanted, cap, skip, most;
END $$;
