#!/usr/bin/env python3
"""SQLAlchemy 2 reads a running server's model: schemas, tables, columns, keys, indexes, comments.

QUARRY_PG_HOST, QUARRY_PG_PORT, QUARRY_PG_USER, QUARRY_PG_PASSWORD, QUARRY_PG_DB say where it is; needs sqlalchemy and psycopg.
Prints what does not hold and ends with 1.
"""

import os
import sys

import sqlalchemy as sa

failures = []


def check(what, holds, seen=None):
    if not holds:
        failures.append(what)
        print(f"FAIL {what}: {seen!r}")


def url(driver="psycopg"):
    env = os.environ.get
    return sa.URL.create(
        f"postgresql+{driver}",
        username=env("QUARRY_PG_USER", "admin"),
        password=env("QUARRY_PG_PASSWORD"),
        host=env("QUARRY_PG_HOST", "127.0.0.1"),
        port=int(env("QUARRY_PG_PORT", "5433")),
        database=env("QUARRY_PG_DB", "main"),
    )


def by_name(rows):
    return {row["name"]: row for row in rows}


def check_names(inspector):
    schemas = inspector.get_schema_names()
    check("packages are schemas", {"core", "crm"} <= set(schemas), schemas)
    tables = inspector.get_table_names(schema="crm")
    check("objects are tables", {"account", "contact", "opportunity"} <= set(tables), tables)
    check("every table is on the search path", "account" in inspector.get_table_names(), inspector.get_table_names())
    check("user is in core", "user" in inspector.get_table_names(schema="core"))
    check("no view", inspector.get_view_names(schema="crm") == [])
    check("no sequence", inspector.get_sequence_names(schema="crm") == [])
    check("has_table", inspector.has_table("account", schema="crm"))
    check("has_table without schema", inspector.has_table("account"))
    check("has not any table", not inspector.has_table("no_such_table"))
    check("no enum", inspector.get_enums(schema="crm") == [])


def check_columns(inspector):
    columns = by_name(inspector.get_columns("account", schema="crm"))
    check("id", isinstance(columns["id"]["type"], sa.Text) and not columns["id"]["nullable"], columns["id"])
    name = columns["name"]
    check("name", isinstance(name["type"], sa.String) and name["type"].length and not name["nullable"], name)
    check("a column's comment is its label", "Name" in (name["comment"] or ""), name)
    revenue = columns["annual_revenue"]
    check("money", isinstance(revenue["type"], sa.Numeric) and revenue["type"].scale == 2 and revenue["nullable"], revenue)
    created = columns["created_at"]
    check("an instant has a zone", isinstance(created["type"], sa.TIMESTAMP) and created["type"].timezone, created)
    check("revision", isinstance(columns["revision"]["type"], sa.BIGINT), columns["revision"])
    check("a default", any(column["default"] for column in columns.values()), columns)
    check("no type is unknown", not [c for c in columns.values() if isinstance(c["type"], sa.types.NullType)])


def check_keys(inspector):
    key = inspector.get_pk_constraint("account", schema="crm")
    check("primary key", key["constrained_columns"] == ["id"] and key["name"] == "account_pkey", key)
    keys = inspector.get_foreign_keys("contact", schema="crm")
    to_account = [key for key in keys if key["constrained_columns"] == ["account_id"]]
    check("foreign key", to_account and to_account[0]["referred_table"] == "account", keys)
    check("foreign key's column", to_account and to_account[0]["referred_columns"] == ["id"], keys)
    unique = inspector.get_unique_constraints("user", schema="core")
    check("unique", ["username"] in [one["column_names"] for one in unique], unique)
    indexes = inspector.get_indexes("user", schema="core")
    check("index", ["department"] in [one["column_names"] for one in indexes], indexes)
    check("no check constraint", inspector.get_check_constraints("account", schema="crm") == [])
    comment = inspector.get_table_comment("account", schema="crm")
    check("a table's comment is its label", "Account" in (comment["text"] or ""), comment)


def check_whole(engine):
    metadata = sa.MetaData()
    metadata.reflect(engine, schema="crm")
    table = metadata.tables["crm.contact"]
    with engine.connect() as connection:
        rows = connection.execute(sa.select(table.c.id, table.c.last_name).limit(5)).fetchall()
        check("a reflected table is read", isinstance(rows, list))
    bare = sa.Table("account", sa.MetaData(), autoload_with=engine)
    check("autoload without schema", "name" in bare.c and bare.primary_key.columns.keys() == ["id"], bare.c.keys())


def main():
    engine = sa.create_engine(url())
    inspector = sa.inspect(engine)
    check("dialect's version", engine.dialect.server_version_info[0] == 15 if engine.dialect.server_version_info else False)
    for part in (check_names, check_columns, check_keys):
        try:
            part(inspector)
        except Exception as error:  # one part's failure must not hide another's
            check(part.__name__, False, error)
    try:
        check_whole(engine)
    except Exception as error:
        check("check_whole", False, error)
    print("reflection:", "ok" if not failures else f"{len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
