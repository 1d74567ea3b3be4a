/**
 * One rollout from its plan to its end on a virtual clock: `[postgres:// URL] [directory of a release] [practices]`, on an empty database.
 * Reconciler, use-cases and stores are the product's; runs end by a script, and the figures of all apps are good. Sends `{ say }` lines to
 * its parent, and in the end what it measured.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'kysely';
import { Client } from 'pg';
import { readReleaseDirectory } from '../../../bin/release-directory.ts';
import { siloShapes } from '../../../bin/silo-shapes.ts';
import { type Db, migrate, openServer } from '../../../lib/db/database.ts';
import { countRolloutTargets, readRollout } from '../../../lib/db/rollout-store.ts';
import { systemActor } from '../../../lib/domain/access.ts';
import { advanceDue } from '../../../lib/reconcilers/advance-rollouts.ts';
import type { Done } from '../../../lib/reconcilers/rollout-decisions.ts';
import type { Core } from '../../../lib/use-cases/core.ts';
import { publishRelease } from '../../../lib/use-cases/publish-release.ts';
import { createRollout } from '../../../lib/use-cases/rollouts.ts';
import { workflowSteps } from '../../../lib/workflows/all-workflows.ts';
import { openAccess } from '../../builders/cells.ts';
import { renamedRelease } from '../../builders/renamed-release.ts';
import { silent } from '../../builders/runs.ts';
import { testTermsSigner } from '../../builders/terms-signer.ts';
import { countingStatements } from '../counting-statements.ts';
import { insertFleet } from '../fleet-records.ts';
import { RolloutAgenda } from '../rollout-agenda.ts';
import type { Simulated } from '../rollout-simulation.ts';
import { ScriptedRuns } from '../scripted-runs.ts';
import { variedFleet } from '../varied-fleet.ts';

const [url = '', directory = '', practices = '0'] = process.argv.slice(2);
const minute = 60_000;
const bakeMinutes = 30;
/** A Friday. */
const begin = new Date('2026-11-20T12:00:00Z');

const clock = { at: begin, now: () => clock.at };
const runs = new ScriptedRuns(clock);
const metrics = goodMetrics();
const say = (line: string): void => void process.send?.({ say: line });

const releaseId = await prepare();
const rowsBefore = await rowsRead();
const heapBeforeMib = collectedMib();
const simulated = await simulate();
process.send?.({
  ...simulated,
  heapBeforeMib,
  heapAfterMib: collectedMib(),
  metricsRead: metrics.read(),
  rows: (await rowsRead()) - rowsBefore,
} satisfies Simulated);
process.disconnect?.();

function coreOn(db: Db): Core {
  return {
    db,
    clock,
    queue: runs.queue,
    cellAccess: openAccess,
    steps: workflowSteps,
    shapes: siloShapes,
    termsSigner: testTermsSigner,
    secondApprovalCents: 50_000,
  };
}

/** The fleet on its release, and a newer one, whose id is answered. */
async function prepare(): Promise<string> {
  const database = openServer(url);
  await migrate(database.db);
  const core = coreOn(database.db);
  const first = await readReleaseDirectory(directory);
  const next = renamedRelease(first);
  for (const release of [first, next]) await publishRelease(core, release, systemActor);
  say(`${practices} practices are put on record`);
  const { id } = first.manifest;
  await insertFleet(core, variedFleet(Number(practices), { now: begin, releaseId: id }), id);
  // As autovacuum does within a minute.
  await sql`analyze`.execute(database.db);
  await database.close();
  return next.manifest.id;
}

async function simulate() {
  const database = openServer(url);
  const { db, statements } = countingStatements(database.db);
  const core = coreOn(db);
  const begun = performance.now();
  const policy = { bakeMinutes, failureBudget: { failures: Number(practices) } };
  const request = { releaseId, policy, reason: 'benchmark', start: true };
  const { body } = await createRollout(core, request, { idempotencyKey: 'simulation' }, systemActor);
  const planSeconds = secondsSince(begun);
  say(`planned and started in ${planSeconds.toFixed(1)} s`);
  // Beside the database that counts.
  const agenda = new RolloutAgenda(database.db, body.id, bakeMinutes * minute);
  await agenda.open();
  const passMs: { readonly idle: number[]; readonly busy: number[] } = { idle: [], busy: [] };
  const pass = async (): Promise<Done[]> => {
    const passBegun = performance.now();
    const done = await advanceDue({ ...core, log: silent, metricsOf: async () => metrics.port });
    (done.length === 0 ? passMs.idle : passMs.busy).push(performance.now() - passBegun);
    for (const each of done) await agenda.note(each, clock.at);
    return done;
  };
  let [moments, residentMib, heapMib] = [0, 0, 0];
  for (let isOver = false; !isOver; ) {
    for (let done = await pass(); done.length > 0 && !isOver; done = isOver ? [] : await pass()) {
      isOver = done.some(({ did }) => did === 'finish' || did === 'pause');
    }
    const { heapUsed, rss } = process.memoryUsage();
    [residentMib, heapMib] = [Math.max(residentMib, mib(rss)), Math.max(heapMib, mib(heapUsed))];
    if (moments % 100 === 0) say(`${clock.at.toISOString()}, after ${secondsSince(begun).toFixed(0)} s`);
    if (isOver) break;
    moments += 1;
    const next = Math.min(runs.nextEnd, agenda.nextAfter(clock.at.getTime()));
    if (!Number.isFinite(next)) throw new Error('The rollout goes on, and nothing is left to wait for.');
    clock.at = new Date(next);
    await runs.end(database.db);
  }
  const seconds = secondsSince(begun);
  const rollout = await readRollout(database.db, body.id);
  const counted = await countRolloutTargets(database.db, [body.id]);
  await database.close();
  return {
    state: `${rollout?.state}${rollout?.paused_because ? `: ${rollout.paused_because}` : ''}`,
    counts: counted.map(({ state, count }) => ({ state, count })),
    waves: new Set(counted.map(({ wave }) => wave)).size,
    days: (clock.at.getTime() - begin.getTime()) / 86_400_000,
    statements: statements(),
    seconds,
    planSeconds,
    moments,
    passMs,
    residentMib,
    heapMib,
  };
}

/** Apps that do as well after their update as before; counts how often CloudWatch would be asked. */
function goodMetrics() {
  let reads = 0;
  return {
    read: () => reads,
    port: {
      figures: async () => {
        reads += 1;
        return { requests: 600, errors: 1, latencyMs: 120 };
      },
      alarms: async () => {
        reads += 1;
        return [];
      },
    },
  };
}

/**
 * Rows read by sequential scans and entries by index scans so far (PostgreSQL, "The Cumulative Statistics System", `pg_stat_database.tup_returned`).
 * A session reports its own at its end at the latest, so none may be open.
 */
async function rowsRead(): Promise<number> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const ask = async (query: string): Promise<number> => Number((await client.query(query)).rows[0].count);
  const others = `select count(*) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()`;
  while ((await ask(others)) > 0) await delay(50);
  const rows = await ask(
    'select tup_returned as count from pg_stat_database where datname = current_database()',
  );
  await client.end();
  return rows;
}

/** The heap, in MiB, after a full collection. */
function collectedMib(): number {
  globalThis.gc?.();
  return mib(process.memoryUsage().heapUsed);
}

function mib(bytes: number): number {
  return bytes / (1024 * 1024);
}

function secondsSince(begun: number): number {
  return (performance.now() - begun) / 1_000;
}
