-- Each row that is read asks for its own restriction by key. As `=` PostgreSQL took it for a set to be made beforehand, and
-- read all restrictions there are for one page; as ANY of one it can't, and what is seen is the same (0018).
DO $$
DECLARE name text; subject text;
BEGIN
    FOR name, subject IN VALUES ('document', 'id'), ('history', 'subject_id'), ('remark', 'subject_id'), ('opinion_request', 'subject_id'),
        ('edition', 'subject_id'), ('earlier_version', 'subject_id'), ('delivery', 'document_id'),
        ('route', 'document_id'), ('task', 'incoming_id'), ('access_change', 'subject_id') LOOP
        EXECUTE format('ALTER POLICY need_to_know ON %I USING (NOT EXISTS'
            ' (SELECT FROM restriction r WHERE r.subject_id = ANY (ARRAY[%I.%I]) AND NOT may_know(r.readers)))', name, name, subject);
    END LOOP;
END $$;
