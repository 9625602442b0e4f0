-- What somebody does at a post, whatever it is called; none: nobody has said it, and others go by the title.
ALTER TABLE post ADD COLUMN function text
    CHECK (function IN ('head', 'deputy', 'unit_head', 'unit_deputy', 'registrar', 'specialist'));
