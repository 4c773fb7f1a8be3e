-- People of the company who use the console.
CREATE TABLE person (
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    login         text NOT NULL UNIQUE CHECK (login = lower(login) AND length(login) BETWEEN 1 AND 254),
    name          text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    role          text NOT NULL CHECK (role IN ('viewer', 'attendant', 'manager', 'admin')),
    departments   text[],            -- null: all
    masks_numbers boolean NOT NULL DEFAULT false,
    password_hash text,              -- argon2; null: signs in with the company's account only
    oidc_subject  text UNIQUE,       -- issuer and subject of the company's account
    language      text,              -- null: the browser's
    theme         text CHECK (theme IN ('light', 'dark')),  -- null: the system's
    disabled_at   timestamptz,
    created_at    timestamptz NOT NULL DEFAULT now()
);

-- A browser that is signed in. The token itself is in its cookie only.
CREATE TABLE session (
    token_hash bytea PRIMARY KEY,
    id         uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    person_id  uuid NOT NULL REFERENCES person ON DELETE CASCADE,
    browser    text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    seen_at    timestamptz NOT NULL DEFAULT now(),
    idle       interval NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX session_person ON session (person_id);

-- A sign-in with the company's account that has begun: bound to a browser by its cookie, used once.
CREATE TABLE oidc_start (
    token_hash bytea PRIMARY KEY,
    state      text NOT NULL,
    nonce      text NOT NULL,
    verifier   text NOT NULL,
    next       text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now()
);

-- Tries to sign in by password; who or where from is a hash. Housekeeping deletes what no limit counts any more.
CREATE TABLE login_try (
    key_hash bytea NOT NULL,
    tried_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX login_try_key ON login_try (key_hash, tried_at);
CREATE INDEX login_try_age ON login_try (tried_at);

-- What people did. Rows have no references: they outlive what they tell of.
CREATE TABLE audit (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          timestamptz NOT NULL DEFAULT now(),
    person_id   uuid,                -- null: the command line
    person_name text NOT NULL,
    action      text NOT NULL,
    subject     text NOT NULL,       -- what it was done to: 'person:…', 'conversation:…'
    detail      jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_person ON audit (person_id, id);
CREATE INDEX audit_action ON audit (action, id);
CREATE INDEX audit_subject ON audit (subject, id);

-- Nothing of it is changed, and nothing deleted but by age: housekeeping says so within its transaction.
CREATE FUNCTION audit_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('gateway.deletes_old_audit', true) = 'on' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'audit is only added to' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER audit_rows_are_kept BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_is_kept();
CREATE TRIGGER audit_is_not_emptied BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_is_kept();
