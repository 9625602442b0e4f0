-- A recipient that refused a document may get it again; nobody has two deliveries of one document that stand.
ALTER TABLE delivery DROP CONSTRAINT delivery_document_id_receiver_identifier_key;
CREATE UNIQUE INDEX delivery_standing ON delivery (document_id, receiver_identifier) WHERE status <> '02';
