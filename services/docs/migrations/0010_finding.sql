-- Every field of a document can be asked for and ordered by, and the text of its files is read into the index.

ALTER TABLE search_entry
    ADD COLUMN issuer text NOT NULL DEFAULT '', -- the agency whose document it is
    ADD COLUMN author text NOT NULL DEFAULT '',
    ADD COLUMN handler text NOT NULL DEFAULT '', -- to whom an arrived document is assigned
    ADD COLUMN type_name text NOT NULL DEFAULT '',
    ADD COLUMN number integer,
    ADD COLUMN register_code text,
    ADD COLUMN issued_on date,
    ADD COLUMN arrived_on date,
    ADD COLUMN arrival_number integer,
    -- services/docs/text.py sort_text: the order of Vietnamese, which this database has no collation for.
    ADD COLUMN abstract_order text COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN party_order text COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN signer_order text COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN files jsonb NOT NULL DEFAULT '[]', -- ordinals and digests of what is read
    ADD COLUMN text_state text NOT NULL DEFAULT 'none' CHECK (text_state IN ('none', 'waiting', 'read', 'empty', 'failed')),
    ADD COLUMN text_reason jsonb,
    ADD COLUMN layout smallint NOT NULL DEFAULT 0; -- finding/domain.py; an older one is made again

-- What was made of a file: its text, the text that OCR saw in it, a picture of a page. Digests only, the content stands
-- in the file store: a file that 231 agencies have is read and drawn once. Who may have it is decided on the file.
CREATE TABLE rendition (
    sha256 text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('text', 'ocr', 'png', 'webp')),
    page integer NOT NULL, -- 0: the whole file
    width integer NOT NULL, -- pixels; 0: no picture
    content jsonb NOT NULL, -- BlobRef
    made_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (sha256, kind, page, width)
);

-- Runs as the owner, takes the agency from the transaction and nowhere else. What is not asked stands not in the query,
-- so that it is planned for what is. Of what was found the newest three hundred are ranked and the rest follow by day: to
-- rank a thousand texts for a word that is everywhere took longer than everything else together.
CREATE FUNCTION find_in_agency(
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
    newest text := 'day DESC, id DESC';
    by_order text := CASE ordered
        WHEN 'oldest' THEN 'day, id'
        WHEN 'number' THEN 'issued_on DESC NULLS LAST, number DESC NULLS LAST, id DESC'
        WHEN 'abstract' THEN 'abstract_order, ' || newest
        WHEN 'party' THEN 'party_order, ' || newest
        WHEN 'signer' THEN 'signer_order, ' || newest
        ELSE newest END;
BEGIN
    IF own IS NULL THEN RETURN; END IF; -- nobody acts for an agency: nothing is seen
    RETURN QUERY EXECUTE
        'WITH met AS ('
        '  SELECT e.id, e.kind, e.type_code, e.type_name, e.number_symbol, e.abstract, e.party, e.issuer, e.signer, e.author,'
        '   e.handler, e.state, e.urgency, e.day, e.issued_on, e.arrived_on, e.register_code, e.arrival_number,'
        '   e.text_state, e.number, e.abstract_order, e.party_order, e.signer_order'
        || CASE WHEN ranked THEN ', e.words, row_number() OVER (ORDER BY e.day DESC, e.id DESC) AS place' ELSE '' END ||
        '  FROM search_entry e WHERE e.agency_id = $1 AND (e.restricted_to IS NULL OR $2 = ANY(e.restricted_to))'
        || CASE WHEN asked IS NULL THEN '' ELSE ' AND e.words @@ $3::tsquery' END
        || CASE WHEN fields IS NULL THEN '' ELSE ' AND e.words @@ $4::tsquery' END
        || CASE WHEN wanted ? 'kind' THEN ' AND e.kind IN (SELECT jsonb_array_elements_text($5->''kind''))' ELSE '' END
        || CASE WHEN wanted ? 'type' THEN ' AND e.type_code IN (SELECT jsonb_array_elements_text($5->''type''))' ELSE '' END
        || CASE WHEN wanted ? 'state' THEN ' AND e.state IN (SELECT jsonb_array_elements_text($5->''state''))' ELSE '' END
        || CASE WHEN wanted ? 'register'
           THEN ' AND e.register_code IN (SELECT jsonb_array_elements_text($5->''register''))' ELSE '' END
        || CASE WHEN wanted ? 'urgency'
           THEN ' AND e.urgency IN (SELECT jsonb_array_elements_text($5->''urgency'')::smallint)' ELSE '' END
        || CASE WHEN wanted ? 'number' THEN ' AND e.number = ($5->>''number'')::integer' ELSE '' END
        || CASE WHEN wanted ? 'arrival_number' THEN ' AND e.arrival_number = ($5->>''arrival_number'')::integer' ELSE '' END
        || CASE WHEN wanted ? 'since' THEN ' AND e.day >= ($5->>''since'')::date' ELSE '' END
        || CASE WHEN wanted ? 'until' THEN ' AND e.day <= ($5->>''until'')::date' ELSE '' END
        || CASE WHEN wanted ? 'issued_since' THEN ' AND e.issued_on >= ($5->>''issued_since'')::date' ELSE '' END
        || CASE WHEN wanted ? 'issued_until' THEN ' AND e.issued_on <= ($5->>''issued_until'')::date' ELSE '' END
        || CASE WHEN wanted ? 'arrived_since' THEN ' AND e.arrived_on >= ($5->>''arrived_since'')::date' ELSE '' END
        || CASE WHEN wanted ? 'arrived_until' THEN ' AND e.arrived_on <= ($5->>''arrived_until'')::date' ELSE '' END ||
        '  ORDER BY ' || by_order || ' LIMIT $6)'
        ' SELECT id, kind, type_code, type_name, number_symbol, abstract, party, issuer, signer, author, handler, state, urgency,'
        ' day, issued_on, arrived_on, register_code, arrival_number, text_state,'
        || CASE WHEN ranked THEN
           ' CASE WHEN place <= 300 THEN ts_rank_cd(''{0.05, 0.2, 0.6, 1.0}'', words, $3::tsquery, 4) ELSE 0 END::real' ELSE ' 0::real' END ||
        ' AS score, (SELECT count(*) FROM met) AS total FROM met ORDER BY '
        || CASE WHEN ranked THEN 'score DESC, ' ELSE '' END || by_order || ' OFFSET $7 LIMIT $8'
    USING own, reader, asked, fields, wanted, cap, skip, most;
END $$;

-- What was kept before is made again, agency by agency, by the worker; documents from before the index come in with it.
INSERT INTO job (id, kind, subject, payload)
SELECT gen_random_uuid(), 'index_agency', 'index:' || agency_id, jsonb_build_object('agency_id', agency_id)
FROM (SELECT DISTINCT agency_id FROM whereabouts) known;
