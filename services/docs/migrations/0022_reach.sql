-- The items of an arrival are looked up by it: a partner's files pass the steps of intake too.
CREATE INDEX intake_item_used_for ON intake_item (used_for) WHERE used_for IS NOT NULL;

-- What each service erased of what was disposed of. Never changed.
CREATE TABLE content_erased (
    agency_id uuid NOT NULL,
    file_id uuid NOT NULL REFERENCES work_file,
    document_id uuid NOT NULL, -- the file's own id: of everything in it
    service text NOT NULL,
    at timestamptz NOT NULL,
    erased jsonb NOT NULL, -- SHA-256
    kept jsonb NOT NULL, -- SHA-256 of what something else still needs
    PRIMARY KEY (file_id, document_id, service)
);
CREATE TRIGGER keep_the_erasure BEFORE UPDATE OR DELETE ON content_erased FOR EACH ROW EXECUTE FUNCTION keep_the_disposal();
ALTER TABLE content_erased ENABLE ROW LEVEL SECURITY;
ALTER TABLE content_erased FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON content_erased USING (agency_id = nullif(current_setting('vanthu.agency', true), '')::uuid);
