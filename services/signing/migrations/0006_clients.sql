-- The signing programs on people's machines, as they report themselves: the last report of each, for 90 days.

CREATE TABLE client (
    client_id uuid NOT NULL,
    person_id uuid NOT NULL,
    agency_id uuid NOT NULL,
    reported_at timestamptz NOT NULL,
    occasion text NOT NULL CHECK (occasion IN ('login', 'sign', 'selftest', 'agent')),
    version text NOT NULL,
    system text NOT NULL,
    driver text,
    driver_version text,
    token_model text,
    certificate_not_after timestamptz,
    problem text,
    tested_at timestamptz,
    tested_failed text[],
    PRIMARY KEY (person_id, client_id),
    CHECK ((tested_at IS NULL) = (tested_failed IS NULL))
);
CREATE INDEX client_reported ON client (reported_at);

-- A person writes and sees their own programs; operators and officers, after a look at their post, those of the agencies
-- that the transaction names; what is past its time is seen by whoever sweeps it away.
ALTER TABLE client ENABLE ROW LEVEL SECURITY;
ALTER TABLE client FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON client USING (person_id = nullif(current_setting('vanthu.person', true), '')::uuid);
CREATE POLICY fleet ON client FOR SELECT USING (
    agency_id = ANY (string_to_array(nullif(current_setting('vanthu.fleet', true), ''), ',')::uuid[])
);
CREATE POLICY past ON client FOR SELECT USING (reported_at < now() - interval '90 days');
CREATE POLICY past_goes ON client FOR DELETE USING (reported_at < now() - interval '90 days');
