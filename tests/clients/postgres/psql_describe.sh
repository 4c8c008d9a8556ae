#!/usr/bin/env bash
# psql's describing commands against a running server. QUARRY_PG_HOST, QUARRY_PG_PORT, QUARRY_PG_USER, QUARRY_PG_PASSWORD,
# QUARRY_PG_DB say where it is. Prints what does not hold and ends with 1.
set -u

export PGHOST="${QUARRY_PG_HOST:-127.0.0.1}" PGPORT="${QUARRY_PG_PORT:-5433}" PGUSER="${QUARRY_PG_USER:-admin}"
export PGDATABASE="${QUARRY_PG_DB:-main}" PGPASSWORD="${QUARRY_PG_PASSWORD:-}" PGCONNECT_TIMEOUT=10

failed=0

# ask COMMAND TEXT…: the command's output must hold every text, and no error.
ask() {
  local command="$1" output
  shift
  output="$(psql -X -v ON_ERROR_STOP=1 -P pager=off -c "$command" 2>&1)"
  if [ $? -ne 0 ] || grep -q '^ERROR' <<<"$output"; then
    echo "FAIL $command: $output"
    failed=$((failed + 1))
    return
  fi
  local text
  for text in "$@"; do
    if ! grep -qF -- "$text" <<<"$output"; then
      echo "FAIL $command: no \"$text\" in:"
      echo "$output"
      failed=$((failed + 1))
    fi
  done
}

ask '\conninfo' 'You are connected to database'
ask '\l' "$PGDATABASE" 'UTF8'
ask '\l+' "$PGDATABASE"
ask '\dn' 'core' 'crm'
ask '\dn+' 'CRM'
ask '\dt' 'account' 'contact' 'user'
ask '\dt+' 'account' 'Account'
ask '\dt crm.*' 'crm' 'opportunity'
ask '\d' 'account' 'table'
ask '\d account' 'Table "crm.account"' 'annual_revenue' 'numeric(18,2)' 'timestamp with time zone' \
  '"account_pkey" PRIMARY KEY, btree (id)' 'Foreign-key constraints:' 'Referenced by:'
ask '\d crm.account' 'Table "crm.account"'
ask '\d+ account' 'Account' 'Access method: heap'
ask '\d contact' 'FOREIGN KEY (account_id) REFERENCES account(id) ON DELETE CASCADE'
ask '\d "user"' 'Table "core.user"' 'UNIQUE CONSTRAINT'
ask '\d account_pkey' 'Index "crm.account_pkey"' 'primary key, btree, for table "crm.account"'
ask '\dv'
ask '\di' 'account_pkey'
ask '\di+' 'account_pkey'
ask '\ds'
ask '\dm'
ask '\df'
ask '\du' "$PGUSER"
ask '\dT'
ask '\dp' 'account'
ask '\db' 'pg_default'
ask '\dx'
ask '\dy'
ask '\des'
ask '\dew'
ask '\dRp'
ask '\dconfig *' 'TimeZone'
ask "select 'account'::regclass" 'account'
ask "select 'account'::regclass::oid = (select oid from pg_class where relname = 'account' and pg_table_is_visible(oid)) as same" 't'
ask "select obj_description('crm.account'::regclass, 'pg_class')" 'Account'
ask 'select version()' '(Quarry'
ask 'select current_database(), current_user' "$PGDATABASE" "$PGUSER"

if [ "$failed" -gt 0 ]; then
  echo "psql_describe: $failed failed"
  exit 1
fi
echo "psql_describe: ok"
