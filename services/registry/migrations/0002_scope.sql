-- Certificates, requests and what comes to belong to them are seen by those who oversee the managing agency, and by
-- the person whose they are. A transaction says at its start for whom it acts (vanthu.scope, vanthu.person); one that
-- says nothing sees nothing.

CREATE FUNCTION in_scope(identifier text) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT EXISTS (
        SELECT FROM unnest(string_to_array(current_setting('vanthu.scope', true), ' ')) AS pattern
        WHERE pattern = '*' OR pattern = identifier
           OR (right(pattern, 2) = '.*' AND starts_with(identifier, left(pattern, -1)))
    )
$$;

CREATE FUNCTION oversees(managing_agency uuid) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT current_setting('vanthu.scope', true) = '*'
        OR EXISTS (SELECT FROM agency WHERE id = managing_agency AND in_scope(identifier))
$$;

CREATE FUNCTION acting_person() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT nullif(current_setting('vanthu.person', true), '')::uuid
$$;

-- Cơ quan quản lý trực tiếp (NĐ 68/2024): the agency itself for a seal, where the person works for a person.
ALTER TABLE certificate ADD COLUMN managed_by uuid REFERENCES agency;
UPDATE certificate SET managed_by = coalesce(
    agency_id,
    (SELECT agency_id FROM post WHERE post.person_id = certificate.person_id ORDER BY ordinal LIMIT 1)
);
ALTER TABLE certificate ALTER COLUMN managed_by SET NOT NULL;
CREATE INDEX certificate_managed_by ON certificate (managed_by);

ALTER TABLE certificate_request ADD COLUMN managed_by uuid REFERENCES agency;
UPDATE certificate_request SET managed_by = coalesce(
    agency_id,
    (SELECT agency_id FROM post WHERE post.person_id = certificate_request.person_id ORDER BY ordinal LIMIT 1)
);
ALTER TABLE certificate_request ALTER COLUMN managed_by SET NOT NULL;

ALTER TABLE certificate ENABLE ROW LEVEL SECURITY;
ALTER TABLE certificate FORCE ROW LEVEL SECURITY;
CREATE POLICY certificate_scope ON certificate USING (oversees(managed_by) OR person_id = acting_person())
    WITH CHECK (oversees(managed_by));

ALTER TABLE certificate_request ENABLE ROW LEVEL SECURITY;
ALTER TABLE certificate_request FORCE ROW LEVEL SECURITY;
CREATE POLICY certificate_request_scope ON certificate_request USING (oversees(managed_by) OR person_id = acting_person())
    WITH CHECK (oversees(managed_by));
