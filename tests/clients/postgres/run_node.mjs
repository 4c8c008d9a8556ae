// node-postgres against the Postgres door. Reads QUARRY_PG_HOST, _PORT, _USER, _PASSWORD, _DB; exits non-zero on a failure.
// Works on the object `account` of package crm; what it makes it removes.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

// Unlike `import`, `require` looks where NODE_PATH says.
const pg = createRequire(import.meta.url)('pg');

const env = process.env;
const config = {
  host: env.QUARRY_PG_HOST ?? '127.0.0.1',
  port: Number(env.QUARRY_PG_PORT ?? 5433),
  user: env.QUARRY_PG_USER ?? 'admin',
  password: env.QUARRY_PG_PASSWORD,
  database: env.QUARRY_PG_DB ?? 'main',
};
const mark = `node-${Date.now()}-${process.pid}`;
const client = new pg.Client(config);
await client.connect();

async function refused(code, text, values) {
  await assert.rejects(client.query(text, values), (error) => {
    assert.equal(error.code, code, error.message);
    return true;
  });
}

await assert.rejects(new pg.Client({ ...config, password: 'wrong' }).connect(), { code: '28P01' });

let answer = await client.query('SELECT $1::int8 AS n, $2::text AS t, $3::bool AS b, $4::numeric AS d, $5::date::text AS day', [
  7, 'ü', true, '1.50', '2024-02-29',
]);
assert.deepEqual(answer.rows, [{ n: '7', t: 'ü', b: true, d: '1.50', day: '2024-02-29' }]);

answer = await client.query('INSERT INTO account (name, annual_revenue) VALUES ($1, $2), ($3, $4) RETURNING id, annual_revenue', [
  mark, '1234567.89', `${mark} 2`, null,
]);
assert.equal(answer.rowCount, 2);
assert.deepEqual(answer.rows.map((r) => r.annual_revenue), ['1234567.89', null]);
const ids = answer.rows.map((r) => r.id);

answer = await client.query('SELECT count(*) FROM account WHERE id = ANY($1)', [ids]);
assert.equal(answer.rows[0].count, '2');
answer = await client.query({ name: 'by-id', text: 'SELECT name FROM account WHERE id = $1', values: [ids[0]] });
assert.equal(answer.rows[0].name, mark);
answer = await client.query({ name: 'by-id', text: 'SELECT name FROM account WHERE id = $1', values: [ids[1]] });
assert.equal(answer.rows[0].name, `${mark} 2`);
answer = await client.query('UPDATE account SET annual_revenue = $1 WHERE id = $2', [5, ids[1]]);
assert.equal(answer.rowCount, 1);

await refused('23502', 'UPDATE account SET name = NULL WHERE id = $1', [ids[0]]);
await refused('42P01', 'SELECT * FROM no_such_object');
await refused('42703', 'SELECT no_such_field FROM account');

await client.query('BEGIN');
await client.query('DELETE FROM account WHERE id = $1', [ids[0]]);
await client.query('ROLLBACK');
answer = await client.query('SELECT count(*)::int4 AS n FROM account WHERE id = ANY($1)', [ids]);
assert.equal(answer.rows[0].n, 2);
answer = await client.query('DELETE FROM account WHERE id = ANY($1) RETURNING id', [ids]);
assert.equal(answer.rowCount, 2);

await client.end();
console.log('ok node-postgres');
