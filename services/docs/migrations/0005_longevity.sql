-- What a document's signatures still owe, its earlier versions, and the policy by which an agency signs and dispatches.

ALTER TABLE document ADD COLUMN owes text[] NOT NULL DEFAULT '{}';
-- Of an arrived document: what it owed when it was sent, and a better version that is being validated (BlobRef).
ALTER TABLE incoming ADD COLUMN owes text[] NOT NULL DEFAULT '{}', ADD COLUMN renewal jsonb;
-- Better versions of what a partner got: parts, the newest last.
ALTER TABLE exchange_out ADD COLUMN later jsonb NOT NULL DEFAULT '[]';

-- Bytes that stood before a better version came: they stay reachable by their digest.
CREATE TABLE earlier_version (
    subject_id uuid NOT NULL, -- a document or an arrived one
    agency_id uuid NOT NULL,
    sha256 text NOT NULL,
    content jsonb NOT NULL, -- BlobRef
    level text,
    until timestamptz NOT NULL,
    PRIMARY KEY (subject_id, sha256)
);

CREATE TABLE policy (
    agency_id uuid PRIMARY KEY,
    dispatch_level text NOT NULL,
    urgent_may_owe boolean NOT NULL,
    unchecked_allowed boolean NOT NULL,
    version integer NOT NULL
);

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['earlier_version', 'policy'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY own ON %I USING'
            ' (agency_id = nullif(current_setting(''vanthu.agency'', true), '''')::uuid)', name);
    END LOOP;
END $$;
