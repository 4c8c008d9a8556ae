"""DuckDB or SQLite for the benchmark, asked by lines of JSON on standard input.

    library.py duckdb THREADS             an in-memory database; `parquet` makes views over files
    library.py sqlite PATH                a database file; `load` fills its tables from CSV

Answers are lines of JSON: `{"micros": …, "rows": …}` or `{"error": …}`. `micros` is the time from the statement to the last row in this
process (with DuckDB's and SQLite's own Python modules); rows are a count, or all of them as text.
"""

import csv
import datetime
import decimal
import json
import sys
import threading
import time


def text(value):
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    if isinstance(value, (int, float, decimal.Decimal)):
        return str(value)
    return str(value)


class DuckDb:
    def __init__(self, threads):
        import duckdb

        self.connection = duckdb.connect(":memory:")
        self.connection.execute(f"SET threads = {int(threads)}")
        self.connection.execute("SET TimeZone = 'UTC'")
        self.version = duckdb.__version__

    def parquet(self, tables):
        for name, path in tables.items():
            self.connection.execute(f"""CREATE OR REPLACE VIEW "{name}" AS SELECT * FROM read_parquet('{path}')""")
        return 0

    def run(self, sql, parameters):
        return self.connection.execute(sql, parameters).fetchall()

    def interrupt(self):
        self.connection.interrupt()


class Sqlite:
    def __init__(self, path):
        import sqlite3

        self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "cache_size = -1048576", "mmap_size = 8589934592",
                       "temp_store = MEMORY", "case_sensitive_like = ON"):
            self.connection.execute(f"PRAGMA {pragma}").fetchall()
        self.version = sqlite3.sqlite_version

    def load(self, tables):
        rows = 0
        for table in tables:
            self.connection.execute(table["ddl"])
            insert = f'INSERT INTO "{table["name"]}" VALUES ({", ".join("?" * table["columns"])})'
            self.connection.execute("BEGIN")
            with open(table["csv"], newline="", encoding="utf-8") as file:
                def cells():
                    nonlocal rows
                    for row in csv.reader(file):
                        rows += 1
                        yield [cell if cell != "" else None for cell in row]
                self.connection.executemany(insert, cells())
            self.connection.execute("COMMIT")
            for index in table["indexes"]:
                self.connection.execute(index)
        self.connection.execute("ANALYZE")
        self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return rows

    def run(self, sql, parameters):
        return self.connection.execute(sql, parameters).fetchall()

    def interrupt(self):
        self.connection.interrupt()


def answer(library, asked):
    timer = threading.Timer(asked.get("limit", 3600), library.interrupt)
    timer.daemon = True
    timer.start()
    try:
        begin = time.perf_counter()
        if asked["do"] == "sql":
            rows = library.run(asked["sql"], asked.get("parameters", []))
        else:
            rows = getattr(library, asked["do"])(asked["tables"])
        micros = (time.perf_counter() - begin) * 1e6
    finally:
        timer.cancel()
    if isinstance(rows, int):
        return {"micros": micros, "rows": rows}
    told = [[text(cell) for cell in row] for row in rows] if asked.get("rows") else len(rows)
    return {"micros": micros, "rows": told}


def main():
    kind, word = sys.argv[1:3]
    library = DuckDb(word) if kind == "duckdb" else Sqlite(word)
    print(json.dumps({"version": library.version}), flush=True)
    for line in sys.stdin:
        try:
            told = answer(library, json.loads(line))
        except Exception as error:  # Whatever it is, the line must be answered.
            told = {"error": f"{type(error).__name__}: {error}".split("\n")[0]}
        print(json.dumps(told), flush=True)


main()
