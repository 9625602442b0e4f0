-- Who may log in, who is logged in, and which programs act for whom.

-- Local copy of registry.agency and registry.person; no row-level security: the portal names people of every agency.
CREATE TABLE agency (
    agency_id uuid PRIMARY KEY,
    identifier text NOT NULL,
    name text NOT NULL,
    level text NOT NULL,
    partner text
);

CREATE TABLE person (
    person_id uuid PRIMARY KEY,
    name text NOT NULL,
    login text NOT NULL,
    email text NOT NULL,
    active boolean NOT NULL
);
-- Not unique: two people may swap their names between two events that arrive one by one.
CREATE INDEX person_login ON person (login);

CREATE TABLE post (
    post_id uuid PRIMARY KEY,
    person_id uuid NOT NULL,
    agency_id uuid NOT NULL,
    title text NOT NULL,
    unit text,
    roles text[] NOT NULL,
    valid_from date NOT NULL,
    valid_until date
);
CREATE INDEX post_person ON post (person_id);

-- Local accounts. An account may be there before its person is.
CREATE TABLE account (
    login text PRIMARY KEY,
    password_hash text NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE partner (
    name text PRIMARY KEY,
    secret_hash text NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now()
);

-- Wrong passwords in a row, of a login or of a network address.
CREATE TABLE attempt (
    subject text PRIMARY KEY,
    failures integer NOT NULL,
    last_at timestamptz NOT NULL
);

-- The cookie's value is nowhere kept, only its SHA-256.
CREATE TABLE session (
    token_hash bytea PRIMARY KEY,
    person_id uuid NOT NULL,
    post_id uuid,
    csrf text NOT NULL,
    created_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    ended_at timestamptz
);
CREATE INDEX session_person ON session (person_id) WHERE ended_at IS NULL;

-- RFC 8628. Codes are kept as SHA-256 only.
CREATE TABLE device_grant (
    device_hash bytea PRIMARY KEY,
    user_code text NOT NULL UNIQUE,
    client_id text NOT NULL,
    state text NOT NULL CHECK (state IN ('pending', 'approved', 'denied', 'used')),
    person_id uuid,
    post_id uuid,
    poll_interval integer NOT NULL,
    polled_at timestamptz,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);

-- What a person allowed a program; all its refresh tokens end with it.
CREATE TABLE program_grant (
    grant_id uuid PRIMARY KEY,
    client_id text NOT NULL,
    person_id uuid NOT NULL,
    post_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    ended_at timestamptz,
    ended_because text
);
CREATE INDEX program_grant_person ON program_grant (person_id) WHERE ended_at IS NULL;

CREATE TABLE refresh_token (
    token_hash bytea PRIMARY KEY,
    grant_id uuid NOT NULL REFERENCES program_grant ON DELETE CASCADE,
    issued_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    successor bytea
);
CREATE INDEX refresh_token_grant ON refresh_token (grant_id);

-- Ed25519 keys of the token issuer. `use_from`: other services must have heard of a key before it is used.
CREATE TABLE signing_key (
    kid text PRIMARY KEY,
    private_key bytea NOT NULL,
    x text NOT NULL,
    status text NOT NULL CHECK (status IN ('active', 'retired', 'withdrawn')),
    created_at timestamptz NOT NULL,
    use_from timestamptz NOT NULL,
    not_after timestamptz NOT NULL
);
-- Only the service reads private keys; the owner of the schema migrates and does not.
REVOKE SELECT ON signing_key FROM CURRENT_USER;
