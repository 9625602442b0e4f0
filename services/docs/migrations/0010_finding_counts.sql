-- What somebody is to do, counted in an index that holds what is open only.
CREATE INDEX incoming_assigned ON incoming (agency_id, assignee_id) WHERE status IN ('04', '05');
CREATE INDEX document_waits ON document (agency_id, waits_for) WHERE state = 'awaiting_signature';

-- How many pages a file has, known to whoever read or drew it.
ALTER TABLE rendition ADD COLUMN pages integer;
