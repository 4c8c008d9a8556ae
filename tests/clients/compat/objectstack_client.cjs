// The published client of ObjectStack: what it sends, and that it can read what it gets.
"use strict";
const assert = require("node:assert/strict");
const { ObjectStackClient } = require("@objectstack/client");

const url = process.env.QUARRY_HTTP;

async function login() {
  const body = JSON.stringify({ user: process.env.QUARRY_USER, password: process.env.QUARRY_PASSWORD });
  const answer = await fetch(`${url}/api/v1/auth/login`, { method: "POST", headers: { "content-type": "application/json" }, body });
  return (await answer.json()).token;
}

async function refused(promise, status, code) {
  await assert.rejects(promise, (error) => {
    assert.deepEqual([error.httpStatus, error.code], [status, code], error.message);
    return true;
  });
}

async function records(client) {
  const made = await client.data.create("account", { name: "Acme", industry: "technology", annual_revenue: 1200.5, revision: 9 });
  assert.equal(made.object, "account");
  assert.equal(made.record.name, "Acme");
  assert.deepEqual(made.droppedFields[0].fields, ["revision"]);
  const read = await client.data.get("account", made.id);
  assert.deepEqual(read.record, made.record);

  const changed = await client.data.update("account", made.id, { name: "Acme Inc" }, { ifMatch: read.record.updated_at });
  assert.equal(changed.record.revision, 2);
  await refused(client.data.update("account", made.id, { name: "Late" }, { ifMatch: read.record.updated_at }), 409, "CONCURRENT_UPDATE");
  await assert.rejects(client.data.create("account", { annual_revenue: "much" }), (error) => {
    assert.equal(error.code, "VALIDATION_FAILED");
    assert.ok(error.fields.some((f) => f.field === "name" && f.code === "required"), JSON.stringify(error.fields));
    return true;
  });
  await refused(client.data.get("account", "nobody"), 404, "RECORD_NOT_FOUND");
  await refused(client.data.query("nothing", {}), 404, "OBJECT_NOT_FOUND");
  const gone = await client.data.delete("account", made.id);
  assert.equal(gone.success, true);
}

async function lists(client) {
  const many = await client.data.createMany("account", ["A", "B", "C"].map((name, at) => ({ name, annual_revenue: at * 100 })));
  assert.equal(many.count, 3);
  const ids = many.records.map((record) => record.id);
  const found = await client.data.find("account", { where: { name: "B" }, fields: ["name", "annual_revenue"], limit: 5 });
  assert.deepEqual(found.records, [{ name: "B", annual_revenue: "100.00" }]);
  assert.equal(found.hasMore, false);
  const sorted = await client.data.find("account", { where: [["annual_revenue", ">=", 100]], orderBy: [{ field: "annual_revenue", order: "desc" }], fields: ["name"], limit: 1 });
  assert.deepEqual([sorted.records, sorted.hasMore], [[{ name: "C" }], true]);
  const older = await client.data.find("account", { filter: ["name", "in", ["A", "C"]], select: ["name"], sort: ["-name"], top: 10 });
  assert.deepEqual(older.records.map((record) => record.name), ["C", "A"]);
  // An operator in an object is lost on its way into a query string: it is refused, and never widens the answer.
  await refused(client.data.find("account", { where: { annual_revenue: { $gt: 50 } } }), 400, "INVALID_FILTER");
  const asked = await client.data.query("account", { where: { annual_revenue: { $gt: 50 } }, fields: ["name"], orderBy: [{ field: "name", order: "asc" }], count: true });
  assert.deepEqual([asked.records, asked.total], [[{ name: "B" }, { name: "C" }], 2]);
  const grouped = await client.data.query("account", { aggregations: [{ function: "sum", field: "annual_revenue", alias: "all" }] });
  assert.deepEqual([grouped.records, grouped.total], [[{ all: "300.00" }], 1]);
  const updated = await client.data.updateMany("account", ids.map((id) => ({ id, data: { annual_revenue: 5 } })), { atomic: true, returnRecords: true });
  assert.deepEqual([updated.success, updated.succeeded, updated.results[2].data.annual_revenue], [true, 3, "5.00"]);
  const batch = await client.data.batch("account", { operation: "update", records: [{ id: ids[0], data: { name: "A2" } }, { id: "nobody", data: { name: "X" } }], options: { atomic: true } });
  assert.deepEqual(batch.results.map((result) => result.errors[0].code), ["ROLLED_BACK", "RECORD_NOT_FOUND"]);
  const deleted = await client.data.deleteMany("account", ids);
  assert.equal(deleted.succeeded, 3);
}

async function transactions(client) {
  const done = await client.data.batchTransaction([
    { object: "account", action: "create", data: { name: "Master" } },
    { object: "contact", action: "create", data: { last_name: "Detail", account_id: { $ref: 0 } } },
  ]);
  assert.equal(done.results[1].data.account_id, done.results[0].id);
  await refused(client.data.batchTransaction([{ object: "account", data: { name: "Lost" } }, { object: "contact", data: {} }]), 400, "VALIDATION_FAILED");
  const none = await client.data.find("account", { where: { name: "Lost" } });
  assert.deepEqual(none.records, []);
}

async function metadata(client) {
  assert.ok((await client.meta.getTypes()).types.includes("object"));
  const item = (await client.meta.getItem("object", "account")).item;
  assert.equal(item.fields.name.type, "text");
  const items = (await client.meta.getItems("object", { packageId: "crm" })).items;
  assert.ok(items.length > 5 && items.every((object) => object.package === "crm"));
  const shelf = { name: "shelf", label: "Shelf", fields: { title: { type: "text", label: "Title", required: true }, kind: { type: "select", options: [{ label: "Oak", value: "oak" }, { label: "Pine", value: "pine" }] } } };
  const saved = await client.meta.saveItem("object", "shelf", shelf);
  assert.equal(saved.success, true);
  const made = await client.data.create("shelf", { title: "Left", kind: "oak" });
  assert.equal(made.record.kind, "oak");
  const states = await client.meta.getLegalNextStates("lead", "status", "new");
  assert.ok(states.next === null || Array.isArray(states.next));
  await refused(client.meta.getItem("view", "account_list"), 501, "NOT_IMPLEMENTED");
}

async function actions(client) {
  const lead = await client.data.create("lead", { last_name: "Li", company: "Li & Co", email: "li@li.example", status: "qualified" });
  const done = await client.actions.invoke("lead", "nothing", { recordId: lead.id });
  assert.equal(done.success, false);
}

(async () => {
  const client = new ObjectStackClient({ baseUrl: url, token: await login() });
  const found = await client.connect();
  assert.equal(found.routes.data, "/api/v1/data");
  assert.equal(client.capabilities.transactionalBatch, true);
  for (const part of [records, lists, transactions, metadata, actions]) await part(client);
  const stranger = new ObjectStackClient({ baseUrl: url });
  await refused(stranger.data.find("account", {}), 401, "UNAUTHENTICATED");
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
