-- Whether opening a document leaves an entry in the ledger: each agency's own decision.
ALTER TABLE policy ADD COLUMN record_reading boolean NOT NULL DEFAULT false;
