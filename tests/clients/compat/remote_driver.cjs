// The requests of the older remote driver and REST client, as they were published, written out.
"use strict";
const assert = require("node:assert/strict");

const url = process.env.QUARRY_HTTP;
const login = Buffer.from(`${process.env.QUARRY_USER}:${process.env.QUARRY_PASSWORD}`).toString("base64");
const headers = { "content-type": "application/json", authorization: `Basic ${login}` };

async function send(method, path, body) {
  const answer = await fetch(`${url}${path}`, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  return answer.json();
}

(async () => {
  const rpc = (op, object, args) => send("POST", "/api/objectql", { op, object, args });
  assert.ok((await rpc("ping", "_health", {})).ok);
  const made = await rpc("create", "account", { name: "Acme", annual_revenue: 10 });
  assert.equal(made["@type"], "account");
  const page = await rpc("find", "account", { filters: [["name", "=", "Acme"], "or", ["annual_revenue", ">", 5]], sort: [["name", "asc"]], top: 10, skip: 0 });
  assert.deepEqual([page.items.length, page.meta], [1, { total: 1, page: 1, size: 10, pages: 1, has_next: false }]);
  assert.equal((await rpc("count", "account", [["name", "contains", "cm"]])).count, 1);
  assert.equal((await rpc("update", "account", { id: made.id, data: { name: "Bolt" } })).name, "Bolt");

  const ast = { object: "account", fields: ["name"], filters: { type: "comparison", field: "name", operator: "=", value: "Bolt" }, sort: [{ field: "name", order: "desc" }], top: 10 };
  assert.deepEqual((await send("POST", "/api/query", ast)).value, [{ name: "Bolt" }]);
  const command = await send("POST", "/api/command", { type: "bulkUpdate", object: "account", updates: [{ id: made.id, data: { name: "Cog" } }] });
  assert.deepEqual([command.success, command.affected, command.data[0].name], [true, 1, "Cog"]);

  const filter = encodeURIComponent(JSON.stringify([["name", "=", "Cog"]]));
  const sort = encodeURIComponent(JSON.stringify([["created_at", "desc"]]));
  const listed = await send("GET", `/api/data/account?filter=${filter}&sort=${sort}&limit=20`);
  assert.equal(listed.items[0].id, made.id);
  assert.equal((await send("PUT", `/api/data/account/${made.id}`, { name: "Dab" })).name, "Dab");
  const count = await send("GET", `/api/data/account?filter=${encodeURIComponent('{"name":"Dab"}')}&limit=0`);
  assert.equal(count.meta.total, 1);
  assert.equal((await send("GET", `/api/metadata/object/account`)).fields.name.name, "name");
  assert.equal((await rpc("delete", "account", { id: made.id })).deleted, true);
  assert.equal((await rpc("delete", "account", { id: made.id })).error.code, "NOT_FOUND");
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
