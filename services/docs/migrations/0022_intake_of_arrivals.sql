-- The items of an arrival are looked up by it: a partner's files pass the steps of intake too.
CREATE INDEX intake_item_used_for ON intake_item (used_for) WHERE used_for IS NOT NULL;
