-- Notices that told an agency's clerks at large, or whom a fact happened to reach, of a document: should it be restricted
-- later, they say these words instead, which hold none of the document's. Without an agency: whoever works at the one that
-- restricts it.
CREATE TABLE told_at_large (
    notice_id uuid NOT NULL,
    subject_id uuid NOT NULL, -- as in `restricted`
    person_id uuid NOT NULL,
    agency_id uuid,
    title text NOT NULL,
    text text NOT NULL,
    PRIMARY KEY (notice_id, subject_id)
);
CREATE INDEX told_at_large_subject ON told_at_large (subject_id);
