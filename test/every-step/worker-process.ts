/**
 * The workers of one control plane, as bin/worker.ts composes them, interrupted where the parent process asks for it. Given as
 * EVERY_STEP_ORDERS: `Orders` as JSON. Tells its parent what it comes across.
 */
import '../../bin/quiet-sdk.ts';
import { sql } from 'kysely';
import { runUntilStopped } from '../../bin/lifecycle.ts';
import { buildParts, startWork } from '../../bin/parts.ts';
import { standInApp } from '../../bin/stand-in-app.ts';
import { createLogger } from '../../control-api/logger.ts';
import { readConfig } from '../../lib/config.ts';
import { openServer } from '../../lib/db/database.ts';
import { failResource } from './fail-resource.ts';
import { createInterrupter } from './interrupter.ts';
import type { Orders, Report } from './interruption.ts';

/** The connections of the process that works, in pg_stat_activity: the harness's own are spared. */
const application = 'every-step';
/** A step that waits for its death inside a transaction keeps a connection. */
const maxConnections = 40;

await runUntilStopped(async (stops) => {
  const config = readConfig();
  const { endpoint } = config.cloud;
  const { databaseUrl } = config;
  if (databaseUrl === undefined || endpoint === undefined) throw new Error('The harness names both.');
  const log = createLogger(config.logLevel);
  const database = openServer(`${databaseUrl}?application_name=${application}`, { maxConnections });
  stops.push(() => database.close());
  const tell = (report: Report): void => void process.send?.(report);
  const interrupter = createInterrupter({
    orders: JSON.parse(process.env['EVERY_STEP_ORDERS'] ?? '{}') as Orders,
    tell,
    cutDatabase: async () => {
      // The statement itself is lost with its connection, or goes through.
      await sql`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and application_name = ${application}`.execute(
        database.db,
      );
    },
    failResource: (practiceId, call, given, ports) => failResource(endpoint, practiceId, call, given, ports),
  });
  const parts = buildParts(config, database, endpoint, log, {
    cloud: (ports) => interrupter.cloud({ ...ports, probe: standInApp(endpoint, ports.probe) }),
    workflow: (definition) => interrupter.workflow(definition),
    retry: { firstDelayMs: 50, longestDelayMs: 500, budgetMs: 60_000 },
  });
  stops.push(await startWork(parts, log));
  tell({ kind: 'ready' });
});
