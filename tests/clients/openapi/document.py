"""The OpenAPI document, by a validator that others wrote, and every answer against what the document says of it."""

import os
import re

import requests
from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import OpenAPIV31SpecValidator

URL = os.environ["QUARRY_HTTP"]
session = requests.Session()
session.auth = (os.environ["QUARRY_USER"], os.environ["QUARRY_PASSWORD"])
RECORDS = 200


def get(path, **headers):
    return session.get(URL + path, headers=headers, timeout=120)


def fits(value, schema, what):
    """The value is what the schema says, formats included."""
    whole = {**schema, "components": document["components"]}
    errors = list(Draft202012Validator(whole, format_checker=FormatChecker()).iter_errors(value))
    told = [f"{'/'.join(map(str, e.absolute_path))}: {e.message[:300]}" for e in errors[:5]]
    assert not errors, f"{what}:\n  " + "\n  ".join(told)


def reference(name):
    return {"$ref": f"#/components/schemas/{name}"}


def answer_schema(path, method, status):
    response = document["paths"][path][method]["responses"][status]
    return response["content"]["application/json"]["schema"]


answer = get("/api/v1/openapi.json")
assert answer.status_code == 200, answer.text
document = answer.json()
errors = list(OpenAPIV31SpecValidator(document).iter_errors())
assert not errors, [e.message[:300] for e in errors[:5]]

# The same registry in the same language is the same document; another language is another.
tag = answer.headers["ETag"]
assert get("/api/v1/openapi.json", **{"If-None-Match": tag}).status_code == 304
chinese = get("/api/v1/openapi.json", **{"Accept-Language": "zh-CN"})
assert chinese.status_code == 200 and chinese.headers["ETag"] != tag
titles = [d.json()["components"]["schemas"]["account"]["properties"]["created_at"]["title"] for d in (answer, chinese)]
assert titles == ["Created At", "创建时间"], titles

# Every parameter that a path names is declared, and operations have names of their own.
ids = []
for path, item in document["paths"].items():
    names = set(re.findall(r"{(\w+)}", path))
    for method in ("get", "post", "patch", "put", "delete"):
        if method not in item:
            continue
        ids.append(item[method]["operationId"])
        given = item.get("parameters", []) + item[method].get("parameters", [])
        resolved = [document["components"]["parameters"][p["$ref"].split("/")[-1]] if "$ref" in p else p for p in given]
        assert {p["name"] for p in resolved if p["in"] == "path"} == names, (path, method)
assert len(ids) == len(set(ids))

# Records as they are answered, and what was read may be written.
schemas = document["components"]["schemas"]
objects = [o["name"] for o in get("/api/v1/meta/objects").json()["objects"]]
assert len(objects) > 50, objects
filled = 0
for name in objects:
    path = f"/api/v1/objects/{name}"
    listed = get(f"{path}?limit={RECORDS}")
    assert listed.status_code == 200, listed.text
    fits(listed.json(), answer_schema(path, "get", "200"), path)
    for record in listed.json()["records"]:
        assert set(record) == set(schemas[name]["properties"]), (name, set(record) ^ set(schemas[name]["properties"]))
        for form in (f"{name}.create", f"{name}.update"):
            known = schemas[form]["properties"]
            # A record need not be as a new one must: options that are not offered any more are left out.
            given = {k: v for k, v in record.items() if k in known and v is not None}
            fits(given, {**reference(form)}, f"{form} {record['id']}")
        filled += 1
assert filled > 2000, filled
account = get("/api/v1/objects/account?limit=1").json()["records"][0]
one = get(f"/api/v1/objects/account/{account['id']}")
fits(one.json(), answer_schema("/api/v1/objects/account/{id}", "get", "200"), "one account")
assert set(schemas["account"]["required"]) == set(schemas["account"]["properties"])

# Changes, questions and errors.
made = session.post(f"{URL}/api/v1/objects/account", json={"name": "Told of"}, timeout=60)
assert made.status_code == 201, made.text
fits(made.json(), answer_schema("/api/v1/objects/account", "post", "201"), "a new account")
place = URL + made.headers["Location"]
changed = session.patch(place, json={"name": "Told"}, headers={"If-Match": made.headers["ETag"]}, timeout=60)
fits(changed.json(), answer_schema("/api/v1/objects/account/{id}", "patch", "200"), "a changed account")
body = {"changes": [{"op": "update", "object": "account", "id": made.json()["id"], "data": {"name": "Told again"}}]}
fits(body, document["paths"]["/api/v1/changes"]["post"]["requestBody"]["content"]["application/json"]["schema"], "changes")
done = session.post(f"{URL}/api/v1/changes", json=body, timeout=60)
fits(done.json(), answer_schema("/api/v1/changes", "post", "200"), "what was done")
question = {"object": "account", "fields": ["name"], "limit": 2, "count": True}
fits(question, reference("Query"), "a question")
fits(session.post(f"{URL}/api/v1/query", json=question, timeout=60).json(), answer_schema("/api/v1/query", "post", "200"), "an answer")
error = document["components"]["responses"]["Error"]["content"]["application/json"]["schema"]
refused = [
    session.post(f"{URL}/api/v1/objects/account", json={"name": None, "nmae": 1}, timeout=60),
    session.patch(place, json={"name": "Late"}, headers={"If-Match": made.headers["ETag"]}, timeout=60),
    get("/api/v1/objects/account/nobody"),
    get("/api/v1/objects/account?limt=1"),
    requests.get(f"{URL}/api/v1/objects/account", timeout=60),
]
assert [r.status_code for r in refused] == [400, 412, 404, 400, 401]
for response in refused:
    fits(response.json(), error, response.text)
create = Draft202012Validator({**reference("account.create"), "components": document["components"]})
assert not create.is_valid({"nmae": 1}) and not create.is_valid({"name": None}) and not create.is_valid({})
assert create.is_valid({"name": "Acme", "annual_revenue": 12.5}) and create.is_valid({"name": "Acme", "annual_revenue": "12.50"})
assert session.delete(place, timeout=60).status_code == 204

# The page holds nothing from elsewhere, and lets nothing in.
page = requests.get(f"{URL}/api/v1/docs", timeout=60)
assert page.status_code == 200 and page.headers["Content-Type"].startswith("text/html")
assert "default-src 'none'" in page.headers["Content-Security-Policy"]
for source in re.findall(r'(?:src|href)="([^"]+)"', page.text):
    assert source.startswith("/api/v1/") or source == "data:,", source
    if source.endswith((".js", ".css")):
        part = requests.get(URL + source, timeout=60)
        assert part.status_code == 200 and "http://" not in part.text and "https://" not in part.text, source
print(f"{len(document['paths'])} paths, {len(schemas)} schemas, {filled} records of {len(objects)} objects")
