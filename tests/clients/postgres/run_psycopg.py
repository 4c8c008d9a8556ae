"""psycopg 3 against the Postgres door. Reads QUARRY_PG_HOST, _PORT, _USER, _PASSWORD, _DB; exits non-zero on the first failure.

Works on the objects `account` and `contact` of package crm; what it makes it removes.
"""

import datetime
import decimal
import os
import sys
import uuid

import psycopg
from psycopg.rows import dict_row

MARK = f"psycopg-{uuid.uuid4()}"


def connect(**more):
    env = os.environ
    return psycopg.connect(
        host=env.get("QUARRY_PG_HOST", "127.0.0.1"),
        port=env.get("QUARRY_PG_PORT", "5433"),
        user=env.get("QUARRY_PG_USER", "admin"),
        password=env["QUARRY_PG_PASSWORD"],
        dbname=env.get("QUARRY_PG_DB", "main"),
        **more,
    )


def refused(state, work):
    try:
        work()
    except psycopg.Error as error:
        assert error.sqlstate == state, f"{error.sqlstate} instead of {state}: {error}"
        return error
    raise AssertionError(f"not refused with {state}")


def test_login():
    try:
        psycopg.connect(
            host=os.environ.get("QUARRY_PG_HOST", "127.0.0.1"),
            port=os.environ.get("QUARRY_PG_PORT", "5433"),
            user=os.environ.get("QUARRY_PG_USER", "admin"),
            password="wrong",
            dbname="main",
        )
    except psycopg.OperationalError as error:
        assert "password authentication failed" in str(error), error
    else:
        raise AssertionError("a wrong password was accepted")


def test_types():
    with connect(autocommit=True) as conn:
        for binary in (False, True):
            row = conn.execute(
                "SELECT 1::int8, 1.50::numeric(10,2), 'text', true, date '2024-02-29', "
                "timestamp '2024-06-01 12:00:00', NULL, 1.5::float8",
                binary=binary,
            ).fetchone()
            assert row[0] == 1 and row[1] == decimal.Decimal("1.50"), row
            assert row[2:4] == ("text", True), row
            assert row[4] == datetime.date(2024, 2, 29), row
            assert row[5] == datetime.datetime(2024, 6, 1, 12), row
            assert row[6] is None and row[7] == 1.5, row


def test_changes_and_parameters():
    with connect(autocommit=True, row_factory=dict_row) as conn:
        made = conn.execute(
            "INSERT INTO account (name, annual_revenue) VALUES (%s, %s), (%s, NULL) RETURNING id, name, annual_revenue",
            (MARK, decimal.Decimal("1234567.89"), MARK + " 2"),
        ).fetchall()
        assert len(made) == 2 and made[0]["annual_revenue"] == decimal.Decimal("1234567.89"), made
        ids = [row["id"] for row in made]
        found = conn.execute("SELECT count(*) FROM account WHERE id = ANY(%s)", (ids,)).fetchone()
        assert found["count"] == 2, found
        cursor = conn.execute("UPDATE account SET annual_revenue = %s WHERE id = %s", (decimal.Decimal("1"), ids[1]))
        assert cursor.rowcount == 1
        error = refused("23502", lambda: conn.execute("UPDATE account SET name = NULL WHERE id = %s", (ids[0],)))
        assert error.diag.column_name == "name", error.diag.column_name
        refused("42P01", lambda: conn.execute("SELECT * FROM no_such_object"))
        refused("42703", lambda: conn.execute("SELECT no_such_field FROM account"))
        assert conn.execute("DELETE FROM account WHERE id = ANY(%s)", (ids,)).rowcount == 2


def test_transactions():
    with connect() as conn:
        with conn.transaction():
            conn.execute("INSERT INTO account (name) VALUES (%s)", (MARK,))
            try:
                with conn.transaction():
                    conn.execute("INSERT INTO account (name) VALUES (%s)", (MARK + " inner",))
                    raise psycopg.Rollback()
            except psycopg.Rollback:
                pass
        with conn.transaction():
            names = conn.execute("SELECT name FROM account WHERE name LIKE %s", (MARK + "%",)).fetchall()
            assert names == [(MARK,)], names
            conn.execute("DELETE FROM account WHERE name = %s", (MARK,))
    with connect() as one, connect() as two:
        one.execute("INSERT INTO account (name) VALUES (%s)", (MARK,))
        seen = two.execute("SELECT count(*) FROM account WHERE name = %s", (MARK,)).fetchone()
        assert seen == (0,), seen
        one.rollback()


def test_server_cursor():
    with connect() as conn, conn.cursor(name="reader") as cursor:
        cursor.execute("SELECT x FROM generate_series(1, 1000) AS t(x)")
        assert cursor.fetchmany(3) == [(1,), (2,), (3,)]
        assert len(cursor.fetchall()) == 997


def test_pipeline_and_prepared():
    with connect(autocommit=True) as conn:
        with conn.pipeline():
            cursors = [conn.execute("SELECT %s::int8 * 2", (n,), prepare=True) for n in range(20)]
        assert [c.fetchone()[0] for c in cursors] == [n * 2 for n in range(20)]


def test_cancel():
    import threading

    with connect(autocommit=True) as conn:
        timer = threading.Timer(0.3, conn.cancel)
        timer.start()
        refused("57014", lambda: conn.execute("SELECT count(*) FROM generate_series(1, 3000000000) AS t(x) WHERE x % 7 = 3"))
        timer.join()
        assert conn.execute("SELECT 1").fetchone() == (1,)


def main():
    tests = [(name, test) for name, test in globals().items() if name.startswith("test_")]
    for name, test in tests:
        test()
        print(f"ok {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
