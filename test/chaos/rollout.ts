import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import {
  type Rollout,
  rolloutSchema,
  rolloutTargetPageSchema,
} from '../../control-api/contracts/rollouts.ts';
import type { Fleet } from './fleet.ts';
import { type Api, apiOf, patienceMs } from './patient-api.ts';
import type { RolloutWish } from './schedule.ts';

const startedSchema = z.object({ id: z.uuid() });
const stateSchema = z.object({ state: z.string() });
const practicesSchema = z.object({ items: z.array(z.object({ id: z.string() })) });
const lookMs = 500;

/** How far everything else is. */
interface Progress {
  /** Nothing is disturbed any more. */
  readonly isCalm: () => boolean;
  /** Every practice has come to the end of its own life. */
  readonly areLivesOver: () => boolean;
}

/** What came of it, in words. */
export type RolloutEnd = string;

/** Publishes a release and rolls it out, by the API, as a patient operator does who looks after it until it is over. */
export async function leadRollout(fleet: Fleet, wish: RolloutWish, progress: Progress): Promise<RolloutEnd> {
  const api = apiOf(fleet);
  await untilActive(api, wish.whenActive, progress);
  const { id: releaseId } = await api.ask('POST', '/v1/releases', fleet.upload, z.object({ id: z.string() }));
  const id = await started(api, releaseId, progress);
  if (id === undefined) return 'nobody was there to be updated';
  if (wish.pause !== null) await pauseFor(api, id, wish.pause);
  const rollout = await ended(api, id, progress);
  await retryRollBacks(api, id);
  const counts = Object.entries(rollout.practices).map(([state, count]) => `${count} ${state}`);
  return `${rollout.state} (${counts.join(', ')})`;
}

async function untilActive(api: Api, count: number, { areLivesOver }: Progress): Promise<void> {
  while (!areLivesOver()) {
    const { items } = await api.read('/v1/practices?state=active&limit=200', practicesSchema);
    if (items.length >= count) return;
    await delay(lookMs);
  }
}

/** Planned and begun in one request; again while it would update nobody. */
async function started(api: Api, releaseId: string, { areLivesOver }: Progress): Promise<string | undefined> {
  const policy = {
    // The shortest bake takes seven minutes with its wait for figures; the gate has tests of its own.
    bakeMinutes: 0,
    expectedMinutes: 1,
    concurrencyPerCell: 100,
    failureBudget: { failures: 10_000 },
  };
  const body = { releaseId, policy, horizonDays: 1, reason: 'chaos', start: true };
  for (;;) {
    const isLast = areLivesOver();
    const rollout = await api.attempt('POST', '/v1/rollouts', body, startedSchema);
    if (rollout !== undefined || isLast) return rollout?.id;
    await delay(lookMs);
  }
}

async function pauseFor(
  api: Api,
  id: string,
  { afterMs, forMs }: NonNullable<RolloutWish['pause']>,
): Promise<void> {
  await delay(afterMs);
  // It may be over by then.
  if (!(await api.tell('POST', `/v1/rollouts/${id}/pause`, { reason: 'chaos' }))) return;
  await delay(forMs);
  await api.tell('POST', `/v1/rollouts/${id}/resume`, { reason: 'chaos' });
}

async function ended(api: Api, id: string, progress: Progress): Promise<Rollout> {
  let patientUntil = Date.now() + patienceMs;
  let rollout: Rollout;
  do {
    rollout = await api.read(`/v1/rollouts/${id}`, rolloutSchema);
    const { pending = 0, updating = 0, baking = 0 } = rollout.practices;
    if (!['running', 'paused'].includes(rollout.state) && updating + baking === 0) return rollout;
    if (!(progress.isCalm() && progress.areLivesOver())) patientUntil = Date.now() + patienceMs;
    else if (pending + updating + baking > 0) await help(api, id);
    if (rollout.state === 'paused') await api.tell('POST', `/v1/rollouts/${id}/resume`, { reason: 'chaos' });
    await delay(lookMs);
  } while (Date.now() < patientUntil);
  throw new Error(`Rollout ${id} is ${rollout.state} for too long: ${JSON.stringify(rollout.practices)}`);
}

/** Leaves out whose practice will not become active any more. */
async function help(api: Api, id: string): Promise<void> {
  const path = `/v1/rollouts/${id}/targets`;
  const { items } = await api.read(`${path}?state=pending&limit=200`, rolloutTargetPageSchema);
  for (const { practiceId } of items) {
    const { state } = await api.read(`/v1/practices/${practiceId}`, stateSchema);
    if (state !== 'active') await api.tell('POST', `${path}/${practiceId}/skip`, { reason: 'chaos' });
  }
}

/** A roll-back that failed is what its rollout leaves to people. */
async function retryRollBacks(api: Api, id: string): Promise<void> {
  const path = `/v1/rollouts/${id}/targets?state=failed&limit=200`;
  const patientUntil = Date.now() + patienceMs;
  const { items } = await api.read(path, rolloutTargetPageSchema);
  for (const runId of items.flatMap(({ rollBackRunId }) => rollBackRunId ?? [])) {
    for (;;) {
      const { state } = await api.read(`/v1/runs/${runId}`, stateSchema);
      if (state === 'succeeded' || state === 'cancelled') break;
      if (Date.now() > patientUntil) throw new Error(`Roll-back ${runId} is ${state} for too long.`);
      // Refused once something else was begun with the practice: then it is that which counts.
      if (state === 'failed' && !(await api.tell('POST', `/v1/runs/${runId}/retry`))) break;
      await delay(lookMs);
    }
  }
}
