-- Intake: resumable uploads, what came in by any way with its steps, and mails and scans that were taken.

-- What came through no person (a scan folder, a mailbox) has nobody who uploaded it.
ALTER TABLE file ALTER COLUMN person_id DROP NOT NULL;

-- A resumable upload (tus 1.0). Its bytes lie as pieces in the file store, under a prefix of its own; a piece counts when
-- its row is here, and the row is written together with the offset.
CREATE TABLE upload (
    id uuid PRIMARY KEY,
    agency_id uuid NOT NULL,
    person_id uuid NOT NULL,
    person_name text NOT NULL,
    filename text NOT NULL,
    size bigint NOT NULL CHECK (size > 0),
    "offset" bigint NOT NULL DEFAULT 0 CHECK ("offset" BETWEEN 0 AND size),
    kind text NOT NULL, -- what the file is for: intake or form
    secrecy text,
    made_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    item_id uuid -- once whole
);
CREATE INDEX upload_expires ON upload (expires_at);

CREATE TABLE upload_piece (
    upload_id uuid NOT NULL REFERENCES upload ON DELETE CASCADE,
    start bigint NOT NULL,
    agency_id uuid NOT NULL,
    content jsonb NOT NULL, -- BlobRef
    PRIMARY KEY (upload_id, start)
);

-- Something that came in. Its bytes stay in quarantine, under the item's own prefix, until all steps have passed.
CREATE TABLE intake_item (
    id uuid PRIMARY KEY,
    agency_id uuid NOT NULL,
    channel text NOT NULL CHECK (channel IN ('web', 'rest', 'kafka', 'folder', 'mail')),
    kind text NOT NULL,
    filename text NOT NULL,
    origin jsonb NOT NULL, -- who or what brought it
    state text NOT NULL CHECK (state IN ('working', 'ready', 'refused', 'failed', 'discarded', 'used')),
    source jsonb, -- BlobRef in quarantine; none once purged
    upload_id uuid,
    media_type text,
    pdf jsonb, -- BlobRef in quarantine of the converted file
    reading jsonb, -- BlobRef of the text, pages apart by form feeds
    page_count integer,
    file_id uuid REFERENCES file,
    used_for uuid, -- the incoming document made of it
    received_at timestamptz NOT NULL,
    version integer NOT NULL
);
CREATE INDEX intake_item_list ON intake_item (agency_id, id DESC);
CREATE INDEX intake_item_state ON intake_item (agency_id, state, id DESC);

CREATE TABLE intake_step (
    item_id uuid NOT NULL REFERENCES intake_item ON DELETE CASCADE,
    ordinal smallint NOT NULL,
    agency_id uuid NOT NULL,
    name text NOT NULL,
    state text NOT NULL CHECK (state IN ('due', 'waiting', 'done', 'skipped', 'refused', 'failed')),
    at timestamptz,
    attempts integer NOT NULL DEFAULT 0,
    reason jsonb,
    PRIMARY KEY (item_id, ordinal)
);

-- Mails and scanned files that were taken, so that none is taken twice.
CREATE TABLE intake_taken (
    agency_id uuid NOT NULL,
    key text NOT NULL, -- of the mail: Message-ID and digest; of a scan: its name in processing
    outcome text NOT NULL,
    answered_at timestamptz,
    taken_at timestamptz NOT NULL,
    detail jsonb NOT NULL,
    PRIMARY KEY (agency_id, key)
);

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['upload', 'upload_piece', 'intake_item', 'intake_step', 'intake_taken'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY own ON %I USING'
            ' (agency_id = nullif(current_setting(''vanthu.agency'', true), '''')::uuid)', name);
    END LOOP;
END $$;
