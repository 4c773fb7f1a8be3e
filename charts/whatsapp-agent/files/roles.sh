# Runs after each start of the chart's Postgres: makes the roles of the processes, and gives them their passwords.
# A change is in force after the next start.
set -eu
here=$(dirname "$0")
PGPASSWORD=$(cat "$POSTGRES_PASSWORD_FILE")
export PGPASSWORD PGHOST=127.0.0.1 PGUSER="$POSTGRES_USER" PGDATABASE="$POSTGRES_DB"
export PGOPTIONS='-c client_min_messages=warning'

# Over TCP: while the image makes the database, a server answers on its socket only.
tries=0
until problem=$(psql --command 'SELECT 1' 2>&1 >/dev/null); do
    tries=$((tries + 1))
    if [ "$tries" -ge 120 ]; then
        echo "Postgres did not let its superuser in within two minutes: $problem" >&2
        exit 1
    fi
    sleep 1
done

run() {
    psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --output /dev/null "$@"
}

run --file "$here/roles.sql"
for role in migrate gateway console agent backup; do
    # Without backups the last one has no password, and nobody can use it.
    file=$(printenv "WA_$(echo "$role" | tr '[:lower:]' '[:upper:]')_PASSWORD_FILE") || continue
    # A file and no argument, which others could read; and no statement in the log.
    run <<END
SET log_statement = 'none';
SET log_min_error_statement = 'panic';
\set password \`cat $file\`
ALTER ROLE wa_$role PASSWORD :'password';
END
done

# The licensed server wants a database of its own. Made here, so that the edition can be changed later.
run <<'END'
SELECT 'CREATE DATABASE agent OWNER wa_agent' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'agent') \gexec
ALTER DATABASE agent OWNER TO wa_agent;
END
run --dbname agent <<'END'
REVOKE ALL ON DATABASE agent FROM PUBLIC;
GRANT CONNECT ON DATABASE agent TO wa_backup;
DO $$
DECLARE
    statement text;
BEGIN
    FOR statement IN
        SELECT format('ALTER %s %s OWNER TO wa_agent', CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'S' THEN 'SEQUENCE'
                      WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END, c.oid::regclass)
        FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
          AND c.relowner = to_regrole(current_user) AND NOT EXISTS (
            SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
              AND d.deptype IN ('a', 'i', 'e'))
    LOOP
        EXECUTE statement;
    END LOOP;
END $$;
END
