-- Reviewers who are named without a workflow have so many working days. Absences are read by two groups of consumers, of
-- which one begins with those stated before this service knew any: the newer state stands, whichever comes first.
ALTER TABLE policy ADD COLUMN review_days integer NOT NULL DEFAULT 2 CHECK (review_days BETWEEN 1 AND 60);
ALTER TABLE absence ADD COLUMN seq bigint NOT NULL DEFAULT 0;

-- Who was given a task may say that it is not theirs to do.
ALTER TABLE task DROP CONSTRAINT task_state_check;
ALTER TABLE task ADD CONSTRAINT task_state_check
    CHECK (state IN ('open', 'started', 'proposed', 'returned', 'declined', 'done', 'withdrawn'));
