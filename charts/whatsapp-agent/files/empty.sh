# Drops the databases of the release in the chart's Postgres, and makes empty ones: a step of a restore (docs/backup.md).
set -eu
PGPASSWORD=$(cat "$POSTGRES_PASSWORD_FILE")
export PGPASSWORD PGHOST=127.0.0.1 PGUSER="$POSTGRES_USER" PGDATABASE=postgres
for database in "$POSTGRES_DB" agent; do
    psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --set name="$database" <<'END'
DROP DATABASE IF EXISTS :"name" WITH (FORCE);
CREATE DATABASE :"name" TEMPLATE template0 ENCODING 'UTF8';
END
done
