// node-postgres, fetch and graphql-request over TLS. Reads QUARRY_HTTP, QUARRY_CA, QUARRY_PG_PORT, QUARRY_PASSWORD; NODE_EXTRA_CA_CERTS names
// the authority for fetch. Exits non-zero on a failure.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

// Unlike `import`, `require` looks where NODE_PATH says.
const require = createRequire(import.meta.url);
const pg = require('pg');
const { GraphQLClient } = require('graphql-request');

const env = process.env;
const config = { host: 'localhost', port: Number(env.QUARRY_PG_PORT), user: 'admin', password: env.QUARRY_PASSWORD, database: 'main' };
const ca = readFileSync(env.QUARRY_CA, 'utf8');

for (const enableChannelBinding of [true, false]) {
  const client = new pg.Client({ ...config, enableChannelBinding, ssl: { ca } });
  await client.connect();
  const { rows } = await client.query('SELECT $1::text AS said', ['x'.repeat(100_000)]);
  assert.equal(rows[0].said.length, 100_000);
  await client.end();
}
await assert.rejects(new pg.Client(config).connect(), { code: '28000' });

const authorization = `Basic ${Buffer.from(`admin:${env.QUARRY_PASSWORD}`).toString('base64')}`;
const answer = await fetch(`${env.QUARRY_HTTP}/api/v1/query`, {
  method: 'POST',
  headers: { authorization, 'content-type': 'application/json' },
  body: JSON.stringify({ object: 'account', fields: ['name'] }),
});
assert.equal(answer.status, 200);
assert.deepEqual((await answer.json()).records, []);
const graphql = new GraphQLClient(`${env.QUARRY_HTTP}/graphql`, { headers: { authorization } });
assert.deepEqual(await graphql.request('{ accounts { totalCount } }'), { accounts: { totalCount: 0 } });
