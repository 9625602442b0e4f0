-- Bytes of the file store to which nothing refers: set aside first, then removed (erasure/domain.py).

CREATE TABLE set_aside (
    sha256 text PRIMARY KEY,
    size bigint NOT NULL,
    put_at timestamptz NOT NULL,
    set_aside_at timestamptz NOT NULL
);

-- Two files may have the same picture of a page.
CREATE INDEX rendition_content ON rendition ((content ->> 'sha256'));

INSERT INTO job (id, kind, subject, payload, run_at)
    VALUES (gen_random_uuid(), 'sweep', 'sweep', '{"round": "0"}', now() + interval '1 hour');
