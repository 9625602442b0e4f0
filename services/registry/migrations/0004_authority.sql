-- Signing authority passed on while its holder is away, and who is away.

CREATE FUNCTION acting_agency() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT nullif(current_setting('vanthu.agency', true), '')::uuid
$$;

CREATE TABLE absence (
    id uuid PRIMARY KEY,
    person_id uuid NOT NULL REFERENCES person,
    managed_by uuid NOT NULL REFERENCES agency, -- where the person is missed
    valid_from date NOT NULL,
    valid_until date NOT NULL CHECK (valid_until >= valid_from),
    reason text NOT NULL,
    version integer NOT NULL
);
CREATE INDEX absence_person ON absence (person_id, valid_until);
CREATE INDEX absence_managed_by ON absence (managed_by, valid_until);

ALTER TABLE absence ENABLE ROW LEVEL SECURITY;
ALTER TABLE absence FORCE ROW LEVEL SECURITY;
-- Colleagues see it, to know whom to ask instead; who is away and who oversees the agency write it.
CREATE POLICY absence_seen ON absence FOR SELECT
    USING (oversees(managed_by) OR person_id = acting_person() OR managed_by = acting_agency());
CREATE POLICY absence_entered ON absence FOR INSERT
    WITH CHECK (oversees(managed_by) OR person_id = acting_person());
CREATE POLICY absence_changed ON absence FOR UPDATE
    USING (oversees(managed_by) OR person_id = acting_person())
    WITH CHECK (oversees(managed_by) OR person_id = acting_person());

ALTER TABLE authority
    ADD COLUMN delegated_from uuid REFERENCES authority,
    ADD COLUMN delegated_by uuid REFERENCES person,
    ADD COLUMN delegation_reason text,
    ADD COLUMN basis text,
    ADD COLUMN basis_on date,
    ADD COLUMN absence_id uuid REFERENCES absence,
    ADD CONSTRAINT authority_delegation CHECK (num_nonnulls(delegated_from, delegated_by, delegation_reason) IN (0, 3)),
    ADD CONSTRAINT authority_delegation_ends CHECK (delegated_from IS NULL OR valid_until IS NOT NULL),
    ADD CONSTRAINT authority_basis CHECK ((basis IS NULL) = (basis_on IS NULL));
CREATE INDEX authority_delegated_from ON authority (delegated_from) WHERE delegated_from IS NOT NULL;
CREATE INDEX authority_absence ON authority (absence_id) WHERE absence_id IS NOT NULL;
