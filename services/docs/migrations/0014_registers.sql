-- Which registers an agency keeps, numbers reserved for paper, what was registered on paper, closed years, printed books.

-- The head's decision on registers, from a year on, until a later one. `registers` is registers/domain.py's list.
CREATE TABLE register_plan (
    agency_id uuid NOT NULL,
    from_year integer NOT NULL CHECK (from_year BETWEEN 2000 AND 2999),
    basis text NOT NULL, -- the decision that says so
    registers jsonb NOT NULL,
    decided_by jsonb NOT NULL, -- Actor
    decided_at timestamptz NOT NULL,
    version integer NOT NULL,
    PRIMARY KEY (agency_id, from_year)
);

-- A range of numbers given to paper. What is left of it comes back as void.
CREATE TABLE number_block (
    id uuid PRIMARY KEY,
    agency_id uuid NOT NULL,
    register_code text NOT NULL,
    year integer NOT NULL,
    first integer NOT NULL CHECK (first > 0),
    last integer NOT NULL,
    purpose text NOT NULL,
    taken_by jsonb NOT NULL, -- Actor
    taken_at timestamptz NOT NULL,
    returned_at timestamptz,
    CHECK (last >= first),
    FOREIGN KEY (agency_id, register_code, year) REFERENCES register (agency_id, code, year)
);
CREATE INDEX number_block_agency ON number_block (agency_id, year, register_code, first);

-- A year whose book is bound: nothing is entered any more.
ALTER TABLE register ADD COLUMN closed_on date;

ALTER TABLE book
    ADD COLUMN block_id uuid, -- reserved for paper
    ADD COLUMN secret boolean NOT NULL DEFAULT false, -- of the register of secret documents: a line without content
    ADD COLUMN void_by text,
    ADD COLUMN void_at timestamptz;
-- Secret documents count in a series of their own, whose numbers and symbols may look like others'.
DROP INDEX book_symbol;
CREATE UNIQUE INDEX book_symbol ON book (agency_id, year, number_symbol) WHERE direction = 'out' AND NOT secret;
CREATE INDEX book_day ON book (agency_id, register_code, year, entered_on, number);
CREATE INDEX book_block ON book (block_id) WHERE block_id IS NOT NULL;

CREATE OR REPLACE FUNCTION keep_the_book() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.void_reason IS NULL THEN
        -- Marked void, once, for a reason.
        IF NEW.void_reason IS NOT NULL AND to_jsonb(NEW) - '{void_reason,void_by,void_at}'::text[]
            = to_jsonb(OLD) - '{void_reason,void_by,void_at}'::text[] THEN
            RETURN NEW;
        END IF;
        -- A number reserved for paper gets the document that was issued under it, once.
        IF OLD.block_id IS NOT NULL AND OLD.number_symbol IS NULL AND NEW.number_symbol IS NOT NULL
            AND to_jsonb(NEW) - 'number_symbol' = to_jsonb(OLD) - 'number_symbol' THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'an entry of the book is never removed or changed; it can only be marked void, once';
END $$;

CREATE OR REPLACE FUNCTION count_by_one() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NEW.last = 0 AND NEW.closed_on IS NULL THEN RETURN NEW; END IF;
    IF TG_OP = 'UPDATE' AND (NEW.agency_id, NEW.code, NEW.year) = (OLD.agency_id, OLD.code, OLD.year)
        AND OLD.closed_on IS NULL
        AND (NEW.last = OLD.last + 1 AND NEW.closed_on IS NULL OR NEW.last = OLD.last AND NEW.closed_on IS NOT NULL) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a register counts from 0 by one, is never removed, and nothing is entered once it is closed';
END $$;

-- What was issued or came on paper: the line of the register, no file. `id` is the entry's subject in the book.
CREATE TABLE paper_entry (
    id uuid PRIMARY KEY,
    agency_id uuid NOT NULL,
    direction text NOT NULL CHECK (direction IN ('out', 'in')),
    secrecy text CHECK (secrecy IN ('MẬT', 'TỐI MẬT', 'TUYỆT MẬT')),
    type_code text NOT NULL,
    type_name text NOT NULL,
    abstract text, -- none of a secret document
    signed_on date NOT NULL, -- the date on the paper
    signer text,
    author text, -- of an arrived one: whose document
    author_symbol text, -- and its number and symbol
    received_on date,
    recipients text,
    copies integer CHECK (copies >= 0),
    keeper text,
    late_reason text,
    note text,
    registered_by jsonb NOT NULL, -- Actor
    registered_at timestamptz NOT NULL,
    CHECK (secrecy IS NULL OR abstract IS NULL)
);
CREATE INDEX paper_entry_day ON paper_entry (agency_id, signed_on);

CREATE FUNCTION keep_the_paper() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what was registered of a paper is never changed; a wrong entry is marked void and made anew';
END $$;
CREATE TRIGGER keep_the_paper BEFORE UPDATE OR DELETE ON paper_entry FOR EACH ROW EXECUTE FUNCTION keep_the_paper();

-- Books ordered as a file.
CREATE TABLE book_print (
    id uuid PRIMARY KEY,
    agency_id uuid NOT NULL,
    kind text NOT NULL,
    register_code text, -- none of the book of what was sent
    year integer NOT NULL,
    since date,
    until date,
    format text NOT NULL CHECK (format IN ('pdf', 'xlsx')),
    ordered_by jsonb NOT NULL, -- Actor
    ordered_at timestamptz NOT NULL,
    state text NOT NULL CHECK (state IN ('waiting', 'done', 'failed')),
    entries integer,
    pages integer,
    content jsonb, -- BlobRef
    reason jsonb -- why it failed: code, vi, en
);
CREATE INDEX book_print_list ON book_print (agency_id, id DESC);

CREATE INDEX delivery_sent ON delivery (agency_id, dispatched_at, id);

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['register_plan', 'number_block', 'paper_entry', 'book_print'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY own ON %I USING'
            ' (agency_id = nullif(current_setting(''vanthu.agency'', true), '''')::uuid)', name);
    END LOOP;
END $$;
