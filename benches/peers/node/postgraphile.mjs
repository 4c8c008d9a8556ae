// PostGraphile over the benchmark's PostgreSQL, on a free loopback port: `postgraphile.mjs CONNECTION`. Says `{"version", "port"}` when it
// answers.
//
// Its Amber preset and its aggregates, and two things that a project would set for the questions asked: every column can be sorted and
// grouped by (all that are asked have an index), and days can be grouped by month (documented as "grouping derivatives").
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { PgAggregatesPreset } from "@graphile/pg-aggregates";
import { postgraphile } from "postgraphile";
import { makePgService } from "postgraphile/adaptors/pg";
import { grafserv } from "postgraphile/grafserv/node";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";

const { version } = JSON.parse(readFileSync(new URL("./node_modules/postgraphile/package.json", import.meta.url), "utf8"));

const MonthPlugin = {
  name: "MonthPlugin",
  version: "1.0.0",
  after: ["PgAggregatesSpecsPlugin"],
  schema: {
    hooks: {
      build(build) {
        const { sql, dataplanPg: { TYPES } } = build;
        build.pgAggregateGroupBySpecs.push({
          id: "truncated-to-month",
          isSuitableType: (codec) => codec === TYPES.date,
          sqlWrap: (fragment) => sql`date_trunc('month', ${fragment})::date`,
          sqlWrapCodec: (codec) => codec,
        });
        return build;
      },
    },
  },
};

const instance = postgraphile({
  extends: [PostGraphileAmberPreset, PgAggregatesPreset],
  plugins: [MonthPlugin],
  disablePlugins: ["PgIndexBehaviorsPlugin"],
  pgServices: [
    makePgService({ connectionString: process.argv[2], schemas: ["public"], poolConfig: { max: 32 } }),
  ],
  grafserv: { host: "127.0.0.1", port: 0, graphiql: false, watch: false },
});
const server = createServer();
await instance.createServ(grafserv).addTo(server);
server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ version, port: server.address().port })));
