import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { type Rollout, rolloutSchema } from '../../control-api/contracts/rollouts.ts';
import { scheduleSchema } from '../../control-api/contracts/schedules.ts';
import { windowOpenAllDay } from '../builders/open-window.ts';
import { call } from './api-client.ts';
import type { ControlPlane } from './control-plane.ts';

const startedSchema = z.object({ id: z.uuid() });

/** Lets a practice be updated at any time of the coming hours: its window is open all day long. */
export async function openAllDay(controlPlane: ControlPlane, practiceId: string): Promise<void> {
  const window = windowOpenAllDay();
  const body = { window, ring: 'general', reason: 'Benchmark' };
  await call(controlPlane, 'PUT', `/v1/practices/${practiceId}/schedule`, scheduleSchema, body);
}

/** Starts a rollout that updates everybody at once, without bake time. Answers its id. */
export async function startRollout(
  controlPlane: ControlPlane,
  releaseId: string,
  practices: number,
): Promise<string> {
  const policy = { bakeMinutes: 0, expectedMinutes: 1, concurrencyPerCell: practices };
  const body = { releaseId, policy, horizonDays: 1, reason: 'Benchmark', start: true };
  return (await call(controlPlane, 'POST', '/v1/rollouts', startedSchema, body)).id;
}

/** Waits for a rollout's end. @throws Error when it does not succeed, with the reason, or not within this time */
export async function untilRolledOut(
  controlPlane: ControlPlane,
  id: string,
  withinMs: number,
  progress: (practices: Rollout['practices']) => void,
): Promise<Rollout> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const rollout = await call(controlPlane, 'GET', `/v1/rollouts/${id}`, rolloutSchema);
    if (rollout.state === 'succeeded') return rollout;
    if (rollout.state !== 'running') {
      throw new Error(`The rollout is ${rollout.state}: ${rollout.pausedBecause ?? 'it says no reason'}.`);
    }
    if (performance.now() > deadline) {
      throw new Error(`The rollout had not ended within ${withinMs / 1_000} s.`);
    }
    progress(rollout.practices);
    await delay(500);
  }
}
