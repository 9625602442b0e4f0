-- The life of certificates (stages, renewal, receipts), procedures with their clocks, and the inventory of devices.

-- Row-level security holds for the owner too: a migration that changes what stands says that it acts for everybody.
SELECT set_config('vanthu.scope', '*', true);

CREATE TABLE device (
    id uuid PRIMARY KEY,
    serial text NOT NULL CONSTRAINT device_serial UNIQUE,
    type text NOT NULL CHECK (type IN ('pki_token', 'sim_pki', 'hsm')),
    model text NOT NULL,
    managed_by uuid NOT NULL REFERENCES agency, -- where it is in stock, or who answers for it
    person_id uuid REFERENCES person CHECK ((person_id IS NOT NULL) = (place = 'with_person')),
    place text NOT NULL CHECK (place IN ('in_stock', 'at_agency', 'with_person', 'returned', 'lost')),
    pin text NOT NULL CHECK (pin IN ('unlocked', 'locked')),
    version integer NOT NULL
);
CREATE INDEX device_managed_by ON device (managed_by);
CREATE INDEX device_person ON device (person_id) WHERE person_id IS NOT NULL;

-- Every move, for people: what was done, why, on which procedure.
CREATE TABLE device_move (
    id uuid PRIMARY KEY,
    device_id uuid NOT NULL REFERENCES device,
    managed_by uuid NOT NULL REFERENCES agency, -- after the move
    person_id uuid REFERENCES person,
    act text NOT NULL,
    place text NOT NULL,
    procedure_id uuid,
    reason text,
    at timestamptz NOT NULL,
    by jsonb NOT NULL
);
CREATE INDEX device_move_device ON device_move (device_id, id);

-- The same as states, for counting any past day: a device is as its newest row not after that day says.
CREATE TABLE device_state (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device_id uuid NOT NULL REFERENCES device,
    type text NOT NULL,
    place text NOT NULL,
    pin text NOT NULL,
    managed_by uuid NOT NULL REFERENCES agency,
    person_id uuid REFERENCES person,
    since timestamptz NOT NULL,
    by text NOT NULL
);
CREATE INDEX device_state_device ON device_state (device_id, id);
CREATE INDEX device_state_since ON device_state (since);

ALTER TABLE certificate
    ADD COLUMN stage text,
    ADD COLUMN renews uuid REFERENCES certificate,
    ADD COLUMN renews_by text CHECK (renews_by IN ('renewal', 'change')),
    ADD COLUMN renewals integer NOT NULL DEFAULT 0,
    ADD COLUMN device_id uuid REFERENCES device;
UPDATE certificate SET stage = status;
ALTER TABLE certificate
    ALTER COLUMN stage SET NOT NULL,
    -- Until the receipt a certificate is "suspended" for those who read status only; a device comes back after the end.
    ADD CONSTRAINT certificate_stage_and_status CHECK (
        (stage = status)
        OR (stage IN ('issued', 'handed_over') AND status = 'suspended')
        OR (stage IN ('device_returned', 'device_lost') AND status IN ('revoked', 'expired', 'renewed'))
    ),
    ADD CONSTRAINT certificate_renews CHECK ((renews IS NULL) = (renews_by IS NULL));
CREATE INDEX certificate_device ON certificate (device_id) WHERE device_id IS NOT NULL;
-- One successor at a time: a second answer to the same renewal is refused.
CREATE UNIQUE INDEX certificate_successor ON certificate (renews) WHERE status IN ('active', 'suspended');

CREATE TABLE certificate_stage (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    certificate_id uuid NOT NULL REFERENCES certificate,
    stage text NOT NULL,
    status text NOT NULL,
    managed_by uuid NOT NULL REFERENCES agency,
    person_id uuid REFERENCES person,
    since timestamptz NOT NULL,
    by text NOT NULL
);
CREATE INDEX certificate_stage_certificate ON certificate_stage (certificate_id, id);
CREATE INDEX certificate_stage_since ON certificate_stage (since);
-- What stood before this history: from the first day of the certificate, as it is now.
INSERT INTO certificate_stage (certificate_id, stage, status, managed_by, person_id, since, by)
SELECT id, stage, status, managed_by, person_id, not_before, 'registry' FROM certificate;

CREATE TABLE procedure (
    id uuid PRIMARY KEY,
    kind text NOT NULL,
    state text NOT NULL CHECK (state IN
        ('requested', 'approved', 'forwarded', 'issued', 'handed_over', 'done', 'refused', 'withdrawn')),
    managed_by uuid NOT NULL REFERENCES agency, -- the applicant: cơ quan quản lý trực tiếp
    person_id uuid REFERENCES person,
    agency_id uuid REFERENCES agency,
    certificate_id uuid REFERENCES certificate, -- what it is about
    device_id uuid REFERENCES device,
    result_id uuid REFERENCES certificate, -- what came of it
    details jsonb NOT NULL, -- what the form asks for beyond the directory: citizen id, telephone, …
    reason text, -- why it is asked for, or why it ended
    reference text, -- number of the applicant's letter, or of the answer
    since timestamptz NOT NULL, -- of the state
    due_on date, -- the last day for the step that waits, when the limit is in working days
    due_at timestamptz, -- the same to the minute, when the limit is in hours
    version integer NOT NULL
);
CREATE INDEX procedure_managed_by ON procedure (managed_by, id);
CREATE INDEX procedure_open ON procedure (due_at) WHERE state NOT IN ('done', 'refused', 'withdrawn');
CREATE INDEX procedure_certificate ON procedure (certificate_id) WHERE certificate_id IS NOT NULL;
CREATE INDEX procedure_result ON procedure (result_id) WHERE result_id IS NOT NULL;
-- One open procedure of a kind about a certificate or device.
CREATE UNIQUE INDEX procedure_one_open ON procedure (kind, certificate_id)
    WHERE certificate_id IS NOT NULL AND state NOT IN ('done', 'refused', 'withdrawn');
CREATE UNIQUE INDEX procedure_one_open_device ON procedure (kind, device_id)
    WHERE certificate_id IS NULL AND device_id IS NOT NULL AND state NOT IN ('done', 'refused', 'withdrawn');

CREATE TABLE procedure_step (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    procedure_id uuid NOT NULL REFERENCES procedure,
    managed_by uuid NOT NULL REFERENCES agency,
    person_id uuid REFERENCES person,
    state text NOT NULL,
    reason text,
    at timestamptz NOT NULL,
    by jsonb NOT NULL
);
CREATE INDEX procedure_step_procedure ON procedure_step (procedure_id, id);

ALTER TABLE device_move ADD CONSTRAINT device_move_procedure FOREIGN KEY (procedure_id) REFERENCES procedure;
ALTER TABLE certificate_request ADD COLUMN procedure_id uuid REFERENCES procedure;

-- What the holder signed (or a paper that says so): evidence, never changed.
CREATE TABLE receipt (
    id uuid PRIMARY KEY,
    certificate_id uuid NOT NULL REFERENCES certificate,
    procedure_id uuid REFERENCES procedure,
    device_id uuid REFERENCES device,
    managed_by uuid NOT NULL REFERENCES agency,
    person_id uuid REFERENCES person,
    kind text NOT NULL CHECK (kind IN ('signed', 'paper')),
    body text NOT NULL,
    sha256 text NOT NULL,
    signature bytea CHECK ((signature IS NOT NULL) = (kind = 'signed')),
    form text CHECK (form IN ('raw', 'cms')),
    reference text CHECK ((reference IS NOT NULL) = (kind = 'paper')),
    reason text,
    at timestamptz NOT NULL,
    by jsonb NOT NULL
);
CREATE INDEX receipt_certificate ON receipt (certificate_id);

-- A number that the key of a token signs to prove that it is there: used once, and soon.
CREATE TABLE certificate_challenge (
    id uuid PRIMARY KEY,
    nonce text NOT NULL,
    person_id uuid NOT NULL REFERENCES person, -- who asked for it
    until timestamptz NOT NULL
);

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['device', 'device_move', 'device_state', 'certificate_stage', 'procedure',
                                'procedure_step', 'receipt'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY %I ON %I USING (oversees(managed_by) OR person_id = acting_person())'
                       ' WITH CHECK (oversees(managed_by))', name || '_scope', name);
    END LOOP;
END $$;

-- History and evidence are added to, never changed, by nobody's program.
REVOKE UPDATE, DELETE ON device_move, device_state, certificate_stage, procedure_step, receipt FROM registry;
