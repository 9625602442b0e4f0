-- Finding things. Full-text operators are not leakproof, so a row-level policy on a searched table turns the index into
-- a scan of all the agency's rows. Hence this layout: the service's role reads and writes its agency's rows here under
-- the policy as everywhere, and searches only through find_entries(), which runs as the owner, takes the agency from
-- the transaction and nowhere else, and says in its own WHERE what the policy says.

CREATE EXTENSION IF NOT EXISTS btree_gin;

CREATE TABLE search_entry (
    agency_id uuid NOT NULL,
    id uuid NOT NULL, -- of the document or the incoming document
    kind text NOT NULL CHECK (kind IN ('document', 'incoming')),
    type_code text NOT NULL,
    number_symbol text,
    abstract text NOT NULL,
    party text NOT NULL, -- whom it came from, or went to
    signer text NOT NULL,
    state text NOT NULL, -- the document's state, or the incoming document's status
    urgency smallint NOT NULL,
    day date NOT NULL, -- of issue, else of submission or arrival
    restricted_to uuid[], -- people; none: everybody at the agency who may read documents
    body text NOT NULL DEFAULT '', -- the text of its files
    words tsvector NOT NULL, -- services/docs/lexemes.py; weight D is the text of the files
    PRIMARY KEY (agency_id, id)
) PARTITION BY HASH (agency_id);

DO $$
DECLARE
    reader regrole;
BEGIN
    FOR n IN 0..31 LOOP
        EXECUTE format('CREATE TABLE search_entry_%s PARTITION OF search_entry FOR VALUES WITH (MODULUS 32, REMAINDER %s)', n, n);
        EXECUTE format('ALTER TABLE search_entry_%s ALTER COLUMN words SET STORAGE EXTERNAL', n);
        -- A partition has no policy of its own: nobody but the owner reaches one past the table that has.
        FOR reader IN SELECT DISTINCT acl.grantee::regrole FROM pg_class c, aclexplode(c.relacl) acl
                      WHERE c.oid = format('search_entry_%s', n)::regclass AND acl.grantee NOT IN (0, c.relowner) LOOP
            EXECUTE format('REVOKE ALL ON search_entry_%s FROM %s', n, reader);
        END LOOP;
    END LOOP;
END $$;
CREATE INDEX search_entry_words ON search_entry USING gin (agency_id, words) WITH (fastupdate = off);
CREATE INDEX search_entry_day ON search_entry (agency_id, day DESC, id DESC);

-- Not FORCED: the owner's function is the one way round the policy. No service has the owner's role.
ALTER TABLE search_entry ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON search_entry USING (agency_id = nullif(current_setting('vanthu.agency', true), '')::uuid);

CREATE FUNCTION find_entries(
    reader uuid, asked text, kinds text[], types text[], states text[], urgent boolean, since date, until date,
    by_rank boolean, skip integer, most integer
) RETURNS TABLE (
    id uuid, kind text, type_code text, number_symbol text, abstract text, party text, signer text, state text,
    urgency smallint, day date, score real
)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    own uuid := nullif(current_setting('vanthu.agency', true), '')::uuid;
BEGIN
    IF own IS NULL THEN RETURN; END IF; -- nobody acts for an agency: nothing is seen
    -- EXECUTE, so that each search is planned for its own words and its agency's partition.
    RETURN QUERY EXECUTE
        'WITH met AS ('
        '  SELECT e.* FROM search_entry e WHERE e.agency_id = $1'
        '   AND (e.restricted_to IS NULL OR $2 = ANY(e.restricted_to))'
        || CASE WHEN asked IS NULL THEN '' ELSE ' AND e.words @@ $3::tsquery' END ||
        '   AND ($4 IS NULL OR e.kind = ANY($4)) AND ($5 IS NULL OR e.type_code = ANY($5))'
        '   AND ($6 IS NULL OR e.state = ANY($6)) AND ($7 IS NOT TRUE OR e.urgency > 0)'
        '   AND ($8 IS NULL OR e.day >= $8) AND ($9 IS NULL OR e.day <= $9)'
        -- Of a word that is everywhere the newest are ranked: reading all of them would take seconds.
        '  ORDER BY e.day DESC, e.id DESC LIMIT CASE WHEN $10 THEN greatest(1000, $11 + $12) ELSE $11 + $12 END)'
        ' SELECT m.id, m.kind, m.type_code, m.number_symbol, m.abstract, m.party, m.signer, m.state, m.urgency, m.day,'
        || CASE WHEN asked IS NULL OR NOT by_rank THEN ' 0::real' ELSE
           ' ts_rank_cd(''{0.05, 0.2, 0.6, 1.0}'', m.words, $3::tsquery, 4)' END ||
        ' AS score FROM met m ORDER BY score DESC, m.day DESC, m.id DESC OFFSET $11 LIMIT $12'
    USING own, reader, asked, kinds, types, states, urgent, since, until, by_rank AND asked IS NOT NULL, skip, most;
END $$;

-- A search that somebody wants to make again; shared with the whole agency when they say so.
CREATE TABLE saved_search (
    id uuid PRIMARY KEY,
    agency_id uuid NOT NULL,
    person_id uuid NOT NULL,
    person_name text NOT NULL,
    name text NOT NULL,
    query jsonb NOT NULL,
    shared boolean NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX saved_search_agency ON saved_search (agency_id, person_id);
ALTER TABLE saved_search ENABLE ROW LEVEL SECURITY;
ALTER TABLE saved_search FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON saved_search USING (agency_id = nullif(current_setting('vanthu.agency', true), '')::uuid);
