-- Of a delegated signing authority: which one it comes from, and the document that says so.
ALTER TABLE authority ADD COLUMN delegated_from uuid, ADD COLUMN basis text, ADD COLUMN basis_on date;
