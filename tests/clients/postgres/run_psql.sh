#!/bin/sh
# psql against the Postgres door. Reads QUARRY_PG_HOST, _PORT, _USER, _PASSWORD, _DB; exits non-zero on a failure.
set -eu
PGHOST=${QUARRY_PG_HOST:-127.0.0.1}
PGPORT=${QUARRY_PG_PORT:-5433}
PGUSER=${QUARRY_PG_USER:-admin}
PGPASSWORD=$QUARRY_PG_PASSWORD
PGDATABASE=${QUARRY_PG_DB:-main}
export PGHOST PGPORT PGUSER PGPASSWORD PGDATABASE
mark="psql-$$-$(date +%s)"

ask() { psql -X -q -A -t -v ON_ERROR_STOP=1 -c "$1"; }
expect() { # what, expected, got
  if [ "$2" != "$3" ]; then
    printf 'not ok %s\n  expected: %s\n  got: %s\n' "$1" "$2" "$3" >&2
    exit 1
  fi
  echo "ok $1"
}

expect 'select' '1|x|t' "$(ask "SELECT 1, 'x', true")"
expect 'several statements' 'a
b' "$(ask "SELECT 'a'; SELECT 'b'")"
expect 'insert returning' "$mark" "$(ask "INSERT INTO account (name) VALUES ('$mark') RETURNING name")"
expect 'tag' 'UPDATE 1' "$(psql -X -A -t -c "UPDATE account SET description = 'x' WHERE name = '$mark'")"
psql -X -q -v ON_ERROR_STOP=1 >/dev/null <<SQL
BEGIN;
DELETE FROM account WHERE name = '$mark';
ROLLBACK;
SQL
expect 'rollback' '1' "$(ask "SELECT count(*) FROM account WHERE name = '$mark'")"
expect 'fetch size' '1000' "$(psql -X -q -A -t -v FETCH_COUNT=100 -c 'SELECT x FROM generate_series(1, 1000) AS t(x)' | wc -l | tr -d ' ')"
expect 'delete' 'DELETE 1' "$(psql -X -A -t -c "DELETE FROM account WHERE name = '$mark'")"
state=$(psql -X -A -t -v VERBOSITY=sqlstate -c 'SELECT * FROM no_such_object' 2>&1 || true)
expect 'sqlstate' 'ERROR:  42P01' "$state"
if PGPASSWORD=wrong psql -X -c 'SELECT 1' >/dev/null 2>&1; then
  echo 'not ok: a wrong password was accepted' >&2
  exit 1
fi
for command in '\conninfo' '\dt' '\d account' '\dn' '\l' '\du'; do
  psql -X -v ON_ERROR_STOP=1 -c "$command" >/dev/null
  printf "ok psql %s\n" "$command"
done
