-- Finding things. Full-text operators are not leakproof, so a row-level policy on a searched table turns the index into
-- a scan of all the agency's rows. Hence this layout: the service's role reads and writes its agency's rows here under
-- the policy as everywhere, and searches only through find_in_agency() (0010), which runs as the owner, takes the agency from
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
