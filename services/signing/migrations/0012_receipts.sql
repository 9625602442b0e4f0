-- Receipts of deliveries are sealed the way heads of the ledger's tree are: a text, an order, a signature over it.

ALTER TABLE tree_head ADD COLUMN purpose text NOT NULL DEFAULT 'tree_head' CHECK (purpose IN ('tree_head', 'receipt'));
