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
