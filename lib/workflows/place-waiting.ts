import { z } from 'zod';
import { appendAudit } from '../db/audit-store.ts';
import { reserveCapacity } from '../db/capacity-store.ts';
import type { Db, Trx } from '../db/database.ts';
import { holdRelease, newestRelease } from '../db/release-store.ts';
import { appendRunEvents } from '../db/run-event-store.ts';
import { lockRun } from '../db/run-store.ts';
import {
  anyoneWaits,
  placePractice,
  queueWaitingRun,
  setWaitingFor,
  type WaitingPractice,
  waitingPractices,
} from '../db/waiting-store.ts';
import { systemActor } from '../domain/access.ts';
import { DomainError } from '../domain/errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { Shapes } from '../ports/shapes.ts';
import type { RunQueue } from '../runs/queue.ts';
import {
  type DemandCounter,
  type DemandSource,
  demandCounter,
  type Found,
  findRoom,
  hostNameIn,
  lockRoom,
} from './find-room.ts';
import { refuseHalted } from './halted-release.ts';

export interface PlacementParts {
  readonly db: Db;
  readonly clock: Clock;
  readonly queue: RunQueue;
  readonly shapes: Shapes;
}

/** A practice that waited and was placed. */
export interface Placement {
  readonly practiceId: string;
  readonly runId: string;
  readonly cellId: string;
}

/** Where there is room, and for which release that was counted. */
type FoundFor = Found & { readonly releaseId: string };

const inputSchema = z.object({ releaseId: z.string() });
const pageSize = 100;

/**
 * Places the practices that wait, oldest first, as long as there is room, each in a transaction of its own: reservation, cell, host
 * name, queued run, queue entry and audit row commit together. One that fits nowhere does not hold up those after it. Safe to
 * call at any time, from any process.
 */
export async function placeWaiting(parts: PlacementParts): Promise<Placement[]> {
  const placed: Placement[] = [];
  if (!(await anyoneWaits(parts.db))) return placed;
  const demandFor = demandCounter(parts.shapes);
  for (;;) {
    const next = await parts.db.transaction().execute((trx) => placeNext(parts, trx, demandFor));
    if (next === undefined) return placed;
    placed.push(next);
  }
}

/** Places the first that fits; the others are told anew why they wait, where that has changed. */
async function placeNext(
  parts: PlacementParts,
  trx: Trx,
  demandFor: DemandCounter,
): Promise<Placement | undefined> {
  const room = await lockRoom(trx);
  const look = async (practice: WaitingPractice): Promise<FoundFor> => {
    try {
      const source = await sourceOf(trx, practice);
      return { ...findRoom(room, await demandFor(trx, source)), releaseId: source.releaseId };
    } catch (error) {
      // What keeps one from being counted is told with it, and is no reason to let the others wait.
      if (error instanceof DomainError)
        return { cell: undefined, waitingFor: error.publicMessage, releaseId: releaseOf(practice) };
      throw error;
    }
  };
  let after: WaitingPractice | undefined;
  for (;;) {
    const page = await waitingPractices(trx, { after, limit: pageSize });
    for (const practice of page) {
      const found = await look(practice);
      if (found.cell === undefined) await tellAnew(parts, trx, practice, found.waitingFor);
      else if (await place(parts, trx, practice, found))
        return { practiceId: practice.id, runId: practice.runId, cellId: found.cell.id };
    }
    after = page.at(-1);
    if (page.length < pageSize) return undefined;
  }
}

const releaseOf = ({ runInput }: WaitingPractice): string => inputSchema.parse(runInput).releaseId;

/** Nothing of a practice that waits exists yet: where the release of its approval was halted meanwhile, it gets the newest that is not. */
async function sourceOf(trx: Trx, practice: WaitingPractice): Promise<DemandSource> {
  const approved = releaseOf(practice);
  const isHalted = (await holdRelease(trx, approved))?.halted != null;
  const releaseId = isHalted ? ((await newestRelease(trx))?.id ?? approved) : approved;
  await refuseHalted(trx, releaseId, null);
  return { releaseId, shape: practice.shape, settings: practice.settings };
}

/** False when it was called off a moment ago. */
async function place(
  { clock, queue }: PlacementParts,
  trx: Trx,
  practice: WaitingPractice,
  { cell, demand, releaseId }: Extract<FoundFor, { demand: unknown }>,
): Promise<boolean> {
  const run = await lockRun(trx, practice.runId);
  if (run === undefined || !(await queueWaitingRun(trx, run.id, { ...run.input, releaseId }))) return false;
  const now = clock.now();
  const hostName = hostNameIn(cell, practice.id);
  if (!(await placePractice(trx, practice.id, { cellId: cell.id, hostName, now }))) {
    throw new DomainError('wrong_state', `Practice ${practice.id} does not wait, but its run ${run.id} did.`);
  }
  await reserveCapacity(trx, {
    cellId: cell.id,
    practiceId: practice.id,
    amounts: demand,
    reason: 'placed after waiting for room',
    runId: run.id,
    now,
  });
  const approved = releaseOf(practice);
  const insteadOf = approved === releaseId ? '' : `; it gets ${releaseId}, for ${approved} was halted`;
  await appendRunEvents(
    trx,
    run.id,
    [{ kind: 'run', state: 'queued', message: `cell ${cell.id} has room${insteadOf}` }],
    now,
  );
  await appendAudit(trx, {
    actor: systemActor,
    action: 'practice.placed',
    subject: { type: 'practice', id: practice.id },
    details: {
      cellId: cell.id,
      runId: run.id,
      releaseId,
      demand,
      waitedSince: practice.created_at.toISOString(),
    },
    at: now,
  });
  await queue.enqueue(trx, { id: run.id, practiceId: practice.id, generation: run.generation });
  return true;
}

async function tellAnew(
  { clock }: PlacementParts,
  trx: Trx,
  { runId, waitingFor: said }: WaitingPractice,
  waitingFor: string,
): Promise<void> {
  if (said === waitingFor || !(await setWaitingFor(trx, runId, waitingFor))) return;
  await appendRunEvents(trx, runId, [{ kind: 'run', state: 'waiting', message: waitingFor }], clock.now());
}
