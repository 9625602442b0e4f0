-- What is swept by age is found by age: answers to idempotency keys lie in the order in which they were given.
CREATE INDEX idempotency_created ON idempotency USING brin (created_at) WITH (pages_per_range = 16);
