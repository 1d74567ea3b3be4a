/**
 * The control plane as bin/control-api.ts composes it, with one stand-in: for the practice apps, which a sandbox
 * without data plane does not run. Answers `{ ask: 'memory' }` from its parent with what its process takes.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { runUntilStopped } from '../../../bin/lifecycle.ts';
import { openDatabase } from '../../../bin/open-database.ts';
import { appDeps, buildParts, startWork } from '../../../bin/parts.ts';
import { readReleaseDirectory } from '../../../bin/release-directory.ts';
import { buildApp } from '../../../control-api/app.ts';
import { createLogger } from '../../../control-api/logger.ts';
import { readConfig } from '../../../lib/config.ts';
import { systemActor } from '../../../lib/domain/access.ts';
import { publishRelease } from '../../../lib/use-cases/publish-release.ts';
import { ensureFirstToken } from '../../../lib/use-cases/tokens.ts';
import { standInProbe } from '../stand-in-probe.ts';

await runUntilStopped(async (stops) => {
  const config = readConfig();
  const { endpoint } = config.cloud;
  if (config.releaseDirectory === undefined || endpoint === undefined) {
    throw new Error('The benchmark names the release and the sandbox.');
  }
  const log = createLogger(config.logLevel);
  const database = await openDatabase(config);
  stops.push(() => database.close());
  const probe = standInProbe(database.db);
  const parts = buildParts(config, database, endpoint, log, { cloud: (ports) => ({ ...ports, probe }) });
  await publishRelease(parts.core, await readReleaseDirectory(config.releaseDirectory), systemActor);
  stops.push(await startWork(parts, log));
  const deps = appDeps(config, parts, endpoint, log);
  // As the product does at its start, so that there is a key to sign releases with.
  await deps.releaseKeys();
  const app = await buildApp(deps);
  stops.push(() => app.close());
  const tokenFile = join(config.dataDirectory, 'admin.token');
  await ensureFirstToken(parts.core, (token) => writeFile(tokenFile, token, { mode: 0o600 }));
  await app.listen({ host: config.host, port: config.port });
  process.on('message', () => void reportMemory());
});

/** Resident memory as it is, then what remains of it after a full collection, and the highest that it has been. */
async function reportMemory(): Promise<void> {
  const residentBytes = process.memoryUsage.rss();
  // What the first collection finalises, the second one frees.
  for (let round = 0; round < 2; round += 1) {
    globalThis.gc?.();
    await turn();
  }
  process.send?.({
    residentBytes,
    collectedBytes: process.memoryUsage.rss(),
    peakBytes: process.resourceUsage().maxRSS * 1024,
  });
}
