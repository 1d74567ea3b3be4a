/**
 * The control plane as bin/control-api.ts composes it, on a database that has been prepared, with a stand-in for practices' apps.
 * Sends `{ ready: true }` to its parent.
 */
import '../../bin/quiet-sdk.ts';
import { runUntilStopped } from '../../bin/lifecycle.ts';
import { openDatabase } from '../../bin/open-database.ts';
import { appDeps, buildParts, startWork } from '../../bin/parts.ts';
import { standInApp } from '../../bin/stand-in-app.ts';
import { buildApp } from '../../control-api/app.ts';
import { createLogger } from '../../control-api/logger.ts';
import { readConfig } from '../../lib/config.ts';

await runUntilStopped(async (stops) => {
  const config = readConfig();
  const { endpoint } = config.cloud;
  if (endpoint === undefined) throw new Error('The harness names the sandbox.');
  const log = createLogger(config.logLevel);
  const database = await openDatabase(config);
  stops.push(() => database.close());
  const parts = buildParts(config, database, endpoint, log, {
    cloud: (ports) => ({ ...ports, probe: standInApp(endpoint, ports.probe) }),
  });
  stops.push(await startWork(parts, log));
  const app = await buildApp(appDeps(config, parts, endpoint, log));
  stops.push(() => app.close());
  await app.listen({ host: config.host, port: config.port });
  process.send?.({ ready: true });
});
