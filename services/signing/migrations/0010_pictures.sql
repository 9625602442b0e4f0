-- What visible signatures show: a person's handwritten signature, an agency's seal (ND 30/2020, annex I, II.7d and II.8a).
CREATE TABLE picture (
    subject_id uuid PRIMARY KEY, -- the person, or the agency
    kind text NOT NULL CHECK (kind IN ('signature', 'seal')),
    png bytea NOT NULL,
    sha256 text NOT NULL,
    set_by jsonb NOT NULL, -- Actor
    set_at timestamptz NOT NULL
);

-- One subject's at a time, named by whoever has looked at the right to it (store_picture.py).
ALTER TABLE picture ENABLE ROW LEVEL SECURITY;
ALTER TABLE picture FORCE ROW LEVEL SECURITY;
CREATE POLICY named ON picture USING (subject_id = nullif(current_setting('vanthu.picture', true), '')::uuid);
