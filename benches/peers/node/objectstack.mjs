// The ObjectStack engine over a SQLite file, asked by lines of JSON: `objectstack.mjs PATH`. Says `{"version"}` when it is ready.
//
//   {"do": "load", "tables": [{"name", "csv", "columns": [[name, kind]], "indexes": [...]}]}
//   {"do": "call", "call": {"method": "find" | "aggregate", "object", "query", "columns": [...]}, "parameters": [...], "rows": true}
//
// Rows are loaded into the tables that the engine makes from its objects, by better-sqlite3 from the CSV that the others read: the engine's own
// `insert` takes a record at a time. Questions go through the engine, by the system, with no permission looked at.
import { createReadStream, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { ObjectQL } from "@objectstack/objectql";
import { SqlDriver } from "@objectstack/driver-sql";
import Database from "better-sqlite3";

const { version } = JSON.parse(readFileSync(new URL("./node_modules/@objectstack/objectql/package.json", import.meta.url), "utf8"));
const path = process.argv[2];
// What it logs is no answer.
console.log = console.info = console.warn = console.debug = () => {};
const say = (answer) => process.stdout.write(JSON.stringify(answer) + "\n");

const TYPES = { Text: "text", Int: "number", Money: "currency", Date: "date", Instant: "datetime" };
const REFERENCES = { account_id: "account", contact_id: "contact" };
const engine = new ObjectQL();

function cells(line) {
  const out = [];
  for (let at = 0; at <= line.length; ) {
    if (line[at] === '"') {
      let text = "";
      for (at += 1; at < line.length; at += 1) {
        if (line[at] !== '"') text += line[at];
        else if (line[at + 1] === '"') { text += '"'; at += 1; }
        else break;
      }
      out.push(text);
      at += 2;
    } else {
      const end = line.indexOf(",", at);
      const text = line.slice(at, end < 0 ? line.length : end);
      out.push(text === "" ? null : text);
      at = end < 0 ? line.length + 1 : end + 1;
    }
  }
  return out;
}

async function load(tables) {
  engine.registerDriver(
    new SqlDriver({ client: "better-sqlite3", connection: { filename: path }, useNullAsDefault: true }), true);
  for (const { name, columns } of tables) {
    const fields = {};
    for (const [field, kind] of columns) {
      if (field === "id") continue;
      fields[field] = REFERENCES[field]
        ? { type: "lookup", label: field, reference: REFERENCES[field] }
        : { type: TYPES[kind], label: field };
    }
    engine.registerObject({ name, label: name, fields }, "bench");
  }
  await engine.init();
  await engine.syncSchemas();
  const database = new Database(path);
  database.pragma("journal_mode = WAL");
  let rows = 0;
  for (const { name, csv, columns, indexes } of tables) {
    const names = columns.map(([field]) => `"${field}"`).join(", ");
    const insert = database.prepare(`INSERT INTO "${name}" (${names}) VALUES (${columns.map(() => "?").join(", ")})`);
    const numeric = columns.map(([, kind]) => kind === "Int" || kind === "Money");
    database.exec("BEGIN");
    for await (const line of createInterface({ input: createReadStream(csv) })) {
      insert.run(cells(line).map((cell, at) => (cell !== null && numeric[at] ? Number(cell) : cell)));
      rows += 1;
    }
    database.exec("COMMIT");
    indexes.forEach((index) => database.exec(index));
  }
  database.exec("ANALYZE");
  database.pragma("wal_checkpoint(TRUNCATE)");
  database.close();
  return rows;
}

function filled(value, parameters) {
  if (value === "$p") return parameters[0];
  if (Array.isArray(value)) return value.map((item) => filled(item, parameters));
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, filled(item, parameters)]));
  }
  return value;
}

const text = (value) => (value === null || value === undefined ? null : value instanceof Date ? value.toISOString() : String(value));

async function answer(asked) {
  const begin = process.hrtime.bigint();
  const micros = () => Number(process.hrtime.bigint() - begin) / 1e3;
  if (asked.do === "load") {
    const rows = await load(asked.tables);
    return { micros: micros(), rows };
  }
  const { method, object, query, columns } = asked.call;
  const question = { ...filled(query, asked.parameters ?? []), context: { isSystem: true } };
  const rows = await engine[method](object, question);
  const took = micros();
  return { micros: took, rows: asked.rows ? rows.map((row) => columns.map((column) => text(row[column]))) : rows.length };
}

say({ version });
for await (const line of createInterface({ input: process.stdin })) {
  let told;
  try {
    told = await answer(JSON.parse(line));
  } catch (error) {
    told = { error: String(error.message).split("\n")[0] };
  }
  say(told);
}
process.exit(0);
