-- Better versions of annexes that arrived, until they are validated.
ALTER TABLE incoming ADD COLUMN renewed_annexes jsonb NOT NULL DEFAULT '[]';
