-- The way on which a document arrived: "network", or "partner:<name>" through the exchange.
ALTER TABLE incoming ADD COLUMN came_by text;
