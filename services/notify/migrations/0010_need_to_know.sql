-- What an agency keeps for those of its people who need to know it: of that the notices to others carry no word.
CREATE TABLE restricted (
    agency_id uuid NOT NULL,
    subject_id uuid NOT NULL, -- a document at its own agency, a delivery at its receiver's
    PRIMARY KEY (agency_id, subject_id)
);
CREATE INDEX restricted_subject ON restricted (subject_id);
-- Agencies where all that arrives is so.
CREATE TABLE need_to_know (
    agency_id uuid PRIMARY KEY
);
