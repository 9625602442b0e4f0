-- Jobs of one subject run in the order in which they were written. Ids are made by the clocks of several machines; this
-- number is taken while the subject's row is locked.
ALTER TABLE job ADD COLUMN pos bigint GENERATED ALWAYS AS IDENTITY;
DROP INDEX job_subject;
CREATE INDEX job_subject ON job (subject, pos);
