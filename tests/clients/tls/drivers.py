"""psycopg 3 and requests over TLS. Reads QUARRY_HTTP, QUARRY_CA, QUARRY_PG_PORT, QUARRY_PASSWORD; exits non-zero on the first failure."""

import os

import psycopg
import requests

env = os.environ
url, ca = env["QUARRY_HTTP"], env["QUARRY_CA"]


def connect(**more):
    return psycopg.connect(
        host="localhost",
        hostaddr="127.0.0.1",
        port=env["QUARRY_PG_PORT"],
        user="admin",
        password=env["QUARRY_PASSWORD"],
        dbname="main",
        **more,
    )


for mode in [{"channel_binding": "require"}, {"channel_binding": "disable"}, {"gssencmode": "prefer"}]:
    with connect(sslmode="verify-full", sslrootcert=ca, **mode) as connection:
        assert connection.execute("SELECT repeat('x', 100000)").fetchone() == ("x" * 100000,), mode
        with connection.cursor("held") as cursor:
            cursor.execute("SELECT id FROM account")
            assert cursor.fetchall() == []

try:
    connect(sslmode="disable")
except psycopg.OperationalError as error:
    assert "without encryption" in str(error), error
else:
    raise AssertionError("came in without TLS")

session = requests.Session()
# The environment may name other authorities.
session.trust_env = False
session.verify = ca
login = session.post(f"{url}/api/v1/auth/login", json={"user": "admin", "password": env["QUARRY_PASSWORD"]})
assert login.status_code == 200, login.text
session.headers["Authorization"] = f"Bearer {login.json()['token']}"
for _ in range(3):
    answer = session.post(f"{url}/api/v1/query", json={"object": "account", "fields": ["name"]})
    assert (answer.status_code, answer.json()["records"]) == (200, []), answer.text
assert answer.headers["strict-transport-security"].startswith("max-age=")

try:
    requests.get(f"{url}/health/live")
except requests.exceptions.SSLError:
    pass
else:
    raise AssertionError("took a certificate that nobody vouches for")
