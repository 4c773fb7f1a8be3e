-- The roles of the processes, and their rights. Run it in each database that DATABASE_URL, AGENT_DATABASE_URL or
-- BUSINESS_DATABASE_URL names, as a superuser or as the database's owner with CREATEROLE. Safe to repeat.
--
--   wa_migrate  owns the tables; the only role that may change them (`gateway migrate`, `python -m graph.business`)
--   wa_gateway  reads and writes the gateway's tables (`gateway serve`, `gateway work`, the commands)
--   wa_console  reads and writes what the console's pages need (gateway/store/grants.sql)
--   wa_agent    owns the schema `agent`; reads and writes `business` and `knowledge`; sees no table of the gateway
--   wa_backup   reads everything, notes when a backup was made (`gateway backup`, `gateway drill`)
--
-- It sets no passwords. `gateway roles --sql --previous-owner NAME` also takes over what one role owned before.
BEGIN;
SELECT set_config('wa.previous_owner', 'whatsapp_agent', true);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['wa_migrate', 'wa_gateway', 'wa_console', 'wa_agent', 'wa_backup'] LOOP
        IF to_regrole(name) IS NULL THEN
            EXECUTE format('CREATE ROLE %I LOGIN', name);
        ELSIF EXISTS (SELECT FROM pg_roles r WHERE r.rolname = name
                      AND (r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolbypassrls)) THEN
            RAISE EXCEPTION 'The role % has rights over the whole server: take them away with ALTER ROLE.', name;
        END IF;
    END LOOP;
    -- Others than superusers have to be members of a role to give it something.
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        EXECUTE format('GRANT wa_migrate, wa_agent TO %I', current_user);
    END IF;
    EXECUTE format('REVOKE CREATE, TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO wa_migrate, wa_gateway, wa_console, wa_agent, wa_backup',
                   current_database());
    EXECUTE format('GRANT CREATE, TEMPORARY ON DATABASE %I TO wa_migrate', current_database());
END $$;

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO wa_gateway, wa_console, wa_agent;
GRANT USAGE, CREATE ON SCHEMA public TO wa_migrate;

-- Others than superusers need the admin option of this role to give it.
DO $$
BEGIN
    IF NOT pg_has_role('wa_backup', 'pg_read_all_data', 'MEMBER') THEN
        GRANT pg_read_all_data TO wa_backup;
    END IF;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE WARNING 'Backups need a superuser once, GRANT pg_read_all_data TO wa_backup: %', SQLERRM;
END $$;

-- Extensions: `vector` is not a trusted one, so that only a superuser may create it.
DO $$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT e.name FROM pg_available_extensions e
                WHERE e.name IN ('pg_trgm', 'unaccent', 'vector') AND e.installed_version IS NULL LOOP
        EXECUTE format('CREATE EXTENSION %I SCHEMA public', name);
    END LOOP;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE WARNING 'An extension needs a superuser: %', SQLERRM;
END $$;

-- Everything of the previous owner gets its new one. Extensions keep theirs, and parts of a table follow it.
DO $$
DECLARE
    given CONSTANT text := nullif(current_setting('wa.previous_owner', true), '');
    previous CONSTANT regrole := to_regrole(quote_ident(given));
    statement text;
BEGIN
    IF given IS NULL THEN
        RETURN;
    ELSIF previous IS NULL THEN
        RAISE EXCEPTION 'There is no role % that could own anything.', given;
    END IF;
    -- Its processes go on until those of the new roles have taken over.
    IF NOT (SELECT rolsuper FROM pg_roles WHERE oid = previous) THEN
        EXECUTE format('GRANT wa_migrate, wa_agent TO %s', previous);
    END IF;
    FOR statement IN
        WITH place AS (
            SELECT oid, nspowner, nspname, CASE nspname WHEN 'agent' THEN 'wa_agent' ELSE 'wa_migrate' END AS owner
            FROM pg_namespace WHERE nspname IN ('public', 'business', 'knowledge', 'agent')),
        owned (step, statement) AS (
            SELECT 1, format('ALTER SCHEMA %I OWNER TO %I', nspname, owner) FROM place
            WHERE nspowner = previous AND nspname <> 'public'
            UNION ALL
            SELECT 2, format('ALTER %s %s OWNER TO %I', CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'S' THEN 'SEQUENCE'
                             WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END, c.oid::regclass, place.owner)
            FROM pg_class c JOIN place ON place.oid = c.relnamespace
            WHERE c.relowner = previous AND c.relkind IN ('r', 'p', 'v', 'm', 'S') AND NOT EXISTS (
                SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                  AND d.deptype IN ('a', 'i', 'e'))
            UNION ALL
            SELECT 3, format('ALTER ROUTINE %s OWNER TO %I', p.oid::regprocedure, place.owner)
            FROM pg_proc p JOIN place ON place.oid = p.pronamespace
            WHERE p.proowner = previous AND NOT EXISTS (
                SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
            UNION ALL
            SELECT 4, format('ALTER TEXT SEARCH CONFIGURATION %s OWNER TO %I', t.oid::regconfig, place.owner)
            FROM pg_ts_config t JOIN place ON place.oid = t.cfgnamespace WHERE t.cfgowner = previous
            UNION ALL
            SELECT 5, format('ALTER TYPE %s OWNER TO %I', t.oid::regtype, place.owner)
            FROM pg_type t JOIN place ON place.oid = t.typnamespace
            WHERE t.typowner = previous AND t.typtype IN ('e', 'd') AND NOT EXISTS (
                SELECT FROM pg_depend d WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e'))
        SELECT o.statement FROM owned o ORDER BY o.step
    LOOP
        EXECUTE statement;
    END LOOP;
END $$;

-- Schemas, and the tables that migrations will make in them. A schema of somebody else's stays as it is.
CREATE SCHEMA IF NOT EXISTS business AUTHORIZATION wa_migrate;
CREATE SCHEMA IF NOT EXISTS knowledge AUTHORIZATION wa_migrate;
CREATE SCHEMA IF NOT EXISTS agent AUTHORIZATION wa_agent;
ALTER DEFAULT PRIVILEGES FOR ROLE wa_migrate IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO wa_gateway;
ALTER DEFAULT PRIVILEGES FOR ROLE wa_migrate IN SCHEMA public GRANT USAGE ON SEQUENCES TO wa_gateway;
DO $$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT nspname FROM pg_namespace
                WHERE nspname IN ('business', 'knowledge') AND nspowner = to_regrole('wa_migrate') LOOP
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO wa_agent', name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %I TO wa_agent', name);
        EXECUTE format('GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA %I TO wa_agent', name);  -- SELECT: for pg_dump
        EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE wa_migrate IN SCHEMA %I'
                       ' GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO wa_agent', name);
        EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE wa_migrate IN SCHEMA %I'
                       ' GRANT USAGE, SELECT ON SEQUENCES TO wa_agent', name);
    END LOOP;
END $$;

-- What the roles of roles.sql may do with the gateway's tables. `gateway migrate` runs it each time, `gateway roles --sql`
-- ends with it; nothing happens where the roles do not exist. A test asks that each table is named here.
DO $$
DECLARE
    everything CONSTANT text := 'SELECT, INSERT, UPDATE, DELETE';
    statement text;
BEGIN
    IF to_regrole('wa_gateway') IS NULL OR to_regrole('wa_console') IS NULL THEN
        RETURN;
    END IF;
    FOR statement IN
        WITH rights (relation, gateway, console) AS (VALUES
            -- Customers and what they said. Webhooks as they came are no business of the console's.
            ('event', everything, NULL),
            ('contact', everything, 'SELECT, UPDATE (changes_held_until)'),
            ('contact_key', everything, 'SELECT, UPDATE (doubt)'),
            ('contact_merge', everything, 'SELECT'),
            ('consent', everything, 'SELECT'),
            ('proof_try', everything, NULL),
            -- The console asks for exports and erasures; `work` carries them out.
            ('data_request', everything, 'SELECT, INSERT, UPDATE (state, person_id, due_at, attempts, report)'),
            ('tombstone', everything, NULL),
            ('conversation', everything, 'SELECT, UPDATE'),
            ('turn', everything, 'SELECT, UPDATE (state, ended_at, error)'),
            -- The console queues messages, takes back those of the agent that were not sent, and says which wait for it.
            ('message', everything,
             'SELECT, INSERT, UPDATE (status, send_at, lease_until, error_code, error, awaits, dismissed)'),
            ('failed_answer', everything, NULL),
            ('media', everything, 'SELECT, INSERT'),
            ('upload', everything, 'SELECT, INSERT, DELETE'),
            ('fallback_template', everything, 'SELECT'),
            ('send_rate', everything, NULL),
            ('account_state', everything, NULL),
            ('number_check', everything, NULL),
            ('cost_ledger', 'SELECT', 'SELECT'),
            ('backup_run', 'SELECT', NULL),
            -- What people see and do.
            ('episode', everything, 'SELECT, INSERT, UPDATE'),
            ('note', everything, 'SELECT, INSERT'),
            ('draft', everything, everything),
            ('tag', everything, everything),
            ('answer_mark', everything, 'SELECT, INSERT, UPDATE'),
            ('conversation_tag', everything, 'SELECT, INSERT, DELETE'),
            ('canned_reply', everything, everything),
            ('canned_file', everything, 'SELECT, INSERT, UPDATE (reply_id, attached_at)'),
            ('read_mark', everything, 'SELECT, INSERT, UPDATE'),
            ('viewing', everything, everything),
            ('change', everything, 'SELECT, INSERT'),
            ('change_horizon', 'SELECT, UPDATE', 'SELECT'),
            -- People. Housekeeping deletes what is old; nobody changes what the audit says.
            ('person', everything, 'SELECT, INSERT, UPDATE'),
            ('session', everything, everything),
            ('oidc_start', everything, 'SELECT, INSERT, DELETE'),
            ('login_try', everything, 'SELECT, INSERT, DELETE'),
            ('audit', 'SELECT, INSERT, DELETE', 'SELECT, INSERT'),
            -- Which migrations were applied: `gateway migrate --wait` asks.
            ('_yoyo_migration', 'SELECT', 'SELECT'),
            ('_yoyo_log', NULL, NULL),
            ('_yoyo_version', NULL, NULL),
            ('yoyo_lock', NULL, NULL)
        ), found AS (
            SELECT to_regclass('public.' || relation) AS relation, gateway, console FROM rights)
        SELECT format('REVOKE ALL ON %s FROM wa_gateway, wa_console, PUBLIC', relation)
               || coalesce('; GRANT ' || gateway || format(' ON %s TO wa_gateway', relation), '')
               || coalesce('; GRANT ' || console || format(' ON %s TO wa_console', relation), '')
        FROM found WHERE relation IS NOT NULL
    LOOP
        BEGIN
            EXECUTE statement;
        EXCEPTION WHEN undefined_column THEN  -- in a schema that is older than this: migrations come first
            RAISE WARNING 'Rights wait for the newest migrations: %', SQLERRM;
        END;
    END LOOP;
    -- Roles of an installation that makes no backups may lack this one.
    IF to_regrole('wa_backup') IS NOT NULL AND to_regclass('public.backup_run') IS NOT NULL THEN
        GRANT INSERT, UPDATE ON backup_run TO wa_backup;
    END IF;
END $$;

COMMIT;
